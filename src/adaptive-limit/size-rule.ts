/** How long a rate is measured, at least; how many successes it takes; and how long the best one counts. */
const WINDOW_MS = 1_000
const RESULTS = 20
const MEMORY_MS = 60_000

/**
 * The rule of size: the limits of all clients, divided by the timeout, must stay below what the dependency can do, or the fleet cannot
 * recover from a stall: everything that is let in then waits longer than its timeout behind what came before it. (At a capacity of 100
 * per second and a timeout of 1 s, limits of 60 in all recover within 2 s, of 300 never.) One process sees its own part: its limit
 * against half of the successes per second that it has seen, times the timeout. Told the time by argument.
 */
export class SizeRule {
  #from = NaN
  #successes = 0
  /** Whether the limit has held somebody back in this window. */
  #full = false
  #best = 0
  #bestAt = -Infinity

  full(): void {
    this.#full = true
  }

  /** The most that the limit should be, when a window ends in which it was full and more than that; else `undefined`. */
  result(success: boolean, limit: number, timeoutMs: number, now: number): number | undefined {
    if (!(now - this.#from < Infinity)) this.#from = now
    if (success) this.#successes++
    const spanMs = now - this.#from
    const leastMs = Math.max(WINDOW_MS, timeoutMs)
    if (spanMs < leastMs) return undefined
    // Nothing came for as long again: a rate over that time says nothing of what can be done.
    if (spanMs > 2 * leastMs) {
      this.#from = now
      this.#successes = success ? 1 : 0
      this.#full = false
      return undefined
    }
    if (this.#successes >= RESULTS && (this.#successes / spanMs >= this.#best || now - this.#bestAt > MEMORY_MS)) {
      this.#best = this.#successes / spanMs
      this.#bestAt = now
    }
    const most = 0.5 * this.#best * timeoutMs
    const broken = this.#full && this.#best > 0 && limit >= 2 && limit > most
    this.#from = now
    this.#successes = 0
    this.#full = false
    return broken ? most : undefined
  }
}
