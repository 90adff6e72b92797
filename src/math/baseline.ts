/** How many slices are remembered. */
const SLICES = 64
/** Slices in a window of the controller, and the fewest calls that are compared. */
const WINDOW = 4
const FEWEST = 12
const FEWEST_IN_HALF = 150
/** What is looked for: a share that fell by e^-0.25 or more, more than it wanders by chance (1.5 standard deviations), and an acceptance that did not rise. */
const FALL = 0.25
const WANDERS = 2
/** Under this elasticity sending less does not help; over it, less helps. */
const ELASTIC = 0.35
/** Over this it is no fault, under the other an outage: neither asks for an explanation. */
const MOST = 0.9
const LEAST = 0.35
/** A little below what was measured, so that the measurement's error does not throttle. */
const DISCOUNT = 0.97

/**
 * What part of the calls would be accepted however little was sent: 1, unless part of them fails for reasons that have nothing to do
 * with load, such as one of three machines behind a balancer that is gone. A controller that takes every refusal for load cuts a client off for good that
 * meets a constant 30 % of them; one that allows for them sends too much to a server under load. So this one asks whether sending less has helped.
 *
 * Throttled by an overload, the acceptance rises as the share falls; throttled by a fault, it stays, and the share falls on and on. That fall
 * is compared, before and after: the elasticity is `e = ln(q_after/q_before) / ln(F_before/F_after)`, 1 for load and 0 for faults. Only a fall counts that is larger
 * than a share wanders by chance: of a fleet each client alone sees no answer to what it does, but all of them fall together when the load is real.
 *
 * Example: F from 1 to 0.55 while q stays 0.7: e = 0, and the baseline becomes 0.68. With 20 calls a second that takes some 8 s.
 * Later it follows what is accepted upwards, and goes back to 1 when acceptance falls as the share rises.
 *
 * Cost: two additions per call; a few hundred per slice (a quarter of the window) while something is held back; 1.5 kB.
 */
export class Baseline {
  acceptance = 1
  readonly #ended = new Float64Array(SLICES)
  readonly #accepted = new Float64Array(SLICES)
  /** ln of the share in force. */
  readonly #level = new Float64Array(SLICES)
  /** How many slices have begun. */
  #slices = 0
  /** The first slice that may speak of a fault: what was judged is not judged twice. */
  #from = 0
  #recentEnded = 0
  #recentAccepted = 0

  /** A call has ended. */
  record(accepted: boolean): void {
    const at = (this.#slices + SLICES - 1) % SLICES
    this.#ended[at]!++
    this.#recentEnded++
    if (!accepted) return
    this.#accepted[at]!++
    this.#recentAccepted++
  }

  /** A slice begins, with this share in force: looks at those that are over. */
  begin(share: number): void {
    if (share < 1 || this.acceptance < 1) {
      this.#rise()
      this.#judge()
    } else this.#recentEnded = this.#recentAccepted = 0
    const at = this.#slices++ % SLICES
    this.#ended[at] = this.#accepted[at] = 0
    this.#level[at] = Math.log(Math.max(share, 0.001))
  }

  clear(): void {
    this.acceptance = 1
    this.#slices = this.#from = this.#recentEnded = this.#recentAccepted = 0
  }

  /** Upwards it follows: what is accepted now, less two standard errors, could be had. */
  #rise(): void {
    if (this.acceptance === 1) return
    const n = this.#recentEnded
    const q = this.#recentAccepted / n
    const surely = q - 2 * Math.sqrt((q * (1 - q) + 0.01) / n)
    if (n >= 48 && surely > this.acceptance) this.acceptance = surely > 0.88 ? 1 : surely
    if (n < 192) return
    this.#recentEnded /= 2
    this.#recentAccepted /= 2
  }

  #judge(): void {
    const end = this.#slices
    const held = Math.min(end, SLICES)
    let width = WINDOW / 2
    while (width < 5 * WINDOW && width < held && this.#sum(this.#ended, end - width, end) < (width < WINDOW ? FEWEST_IN_HALF : FEWEST)) width++
    const after = this.#look(end - width, end)
    if (after.ended < FEWEST) return
    const { q } = after
    const low = q > LEAST && q + Math.sqrt((q * (1 - q)) / after.ended) < MOST * this.acceptance
    for (let back = width; back + width <= held; back += Math.max(1, width >> 1)) {
      const from = end - back - width
      const before = this.#look(from, end - back)
      if (before.ended < FEWEST) continue
      const fall = before.level - after.level
      const all = (before.accepted + after.accepted + 1) / (before.ended + after.ended + 2)
      const elasticity = Math.log(q / before.q) / fall
      const error = Math.sqrt(((1 - all) / all) * (1 / before.ended + 1 / after.ended)) / Math.abs(fall)
      if (low && from >= this.#from && fall > FALL + WANDERS * wandering(back, width, q, Math.min(before.accepted, after.accepted)) && elasticity + error < ELASTIC) {
        return this.#settle(all * DISCOUNT)
      }
      if (this.acceptance < 1 && Math.abs(fall) > 0.2 && elasticity - 2 * error > ELASTIC) return this.#settle(1)
    }
  }

  #settle(acceptance: number): void {
    this.acceptance = Math.min(1, acceptance)
    this.#from = this.#slices
    this.#recentEnded = this.#recentAccepted = 0
  }

  #look(from: number, to: number): { ended: number; accepted: number; q: number; level: number } {
    const ended = this.#sum(this.#ended, from, to)
    const accepted = this.#sum(this.#accepted, from, to)
    return { ended, accepted, q: (accepted + 0.5) / (ended + 1), level: this.#sum(this.#level, from, to) / (to - from) }
  }

  #sum(ring: Float64Array, from: number, to: number): number {
    let sum = 0
    for (let slice = from; slice < to; slice++) sum += ring[slice % SLICES]!
    return sum
  }
}

/** How far a share `g·A/R` has wandered by chance after so many slices, as a standard deviation of its ln: it takes a step per window, and A of the window varies. */
function wandering(slices: number, width: number, q: number, accepted: number): number {
  const steps = slices / WINDOW
  const acceptedPerStep = (Math.max(1, accepted) * WINDOW) / width
  return Math.sqrt((steps * Math.max(0.05, 1 - q)) / (q * acceptedPerStep))
}
