import { type Algorithm, within } from './algorithm.ts'
import { Latency, type Reading } from './latency.ts'
import { Streak } from './streak.ts'

/** Of the limit, after a drop; not more often than every so many ms. */
const AFTER_DROP = 0.7
const BETWEEN_CUTS_MS = 500

/**
 * Keeps the queue at the dependency short, after TCP Vegas (Brakmo and Peterson, 1995) with the steps of Netflix's
 * concurrency-limits. From what results take and the least that they took follows how many of those in flight wait there:
 * `queue = limit·(1 − least/average)`. With a limit of 100, 50 ms at least and 60 ms now it is 17; 6 to 12 are meant to be
 * there (3 and 6 times log10 of the limit), so the limit comes down by 2 per window. A drop takes 30 %, as with `aimd`.
 */
export class Vegas implements Algorithm {
  readonly #latency = new Latency()
  #cutAt = -Infinity
  readonly #long = new Streak()

  constructor(
    public limit: number,
    private min: number,
    private max: number,
  ) {}

  sample(startedAt: number, tookMs: number, inFlight: number, dropped: boolean): void {
    const at = startedAt + tookMs
    if (dropped) {
      if (at - this.#cutAt < BETWEEN_CUTS_MS) return
      this.#cutAt = at
      return this.#set(this.limit * AFTER_DROP)
    }
    const reading = this.#latency.add(at, tookMs, inFlight, this.limit)
    if (reading?.full === true) this.#read(reading)
  }

  bound(min: number, max: number): void {
    this.min = min
    this.max = max
    this.#set(this.limit)
  }

  #read(reading: Reading): void {
    const { at, averageMs, leastMs } = reading
    if (leastMs === Infinity) return
    // A limit of 1 must be able to move.
    const step = Math.max(1, Math.log10(this.limit))
    const queue = Math.ceil(this.limit * (1 - leastMs / averageMs))
    // Of a handful in flight all may wait and not be 6: 80 % of them do where results take five times as long.
    const most = Math.min(6 * step, 0.8 * this.limit)
    if (queue <= most) this.#long.end()
    if (queue <= Math.min(step, most)) return this.#set(this.limit + 6 * step)
    if (queue < Math.min(3 * step, most)) return this.#set(this.limit + step)
    if (queue <= most) return
    if (this.#long.isVain(at, averageMs, this.limit, this.min)) this.#latency.relax(reading)
    else this.#set(this.limit - step)
  }

  #set(limit: number): void {
    this.limit = within(limit, this.min, this.max)
  }
}
