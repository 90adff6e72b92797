import { type Algorithm, within } from './algorithm.ts'
import { Latency, type Reading } from './latency.ts'

/** Of the limit, after a drop; not more often than every so many ms. */
const AFTER_DROP = 0.7
const BETWEEN_CUTS_MS = 500
/** Of the limit, after a window that was slow: its average took more than so many times the least. */
const AFTER_SLOW = 0.9
const SLOW = 2.5

/**
 * Additive increase, multiplicative decrease, as TCP does (Chiu and Jain, 1989), with a guard against queues that nobody tells of.
 *
 * - A success adds 1/limit while at least half of the limit is in use: one more each round trip.
 * - A drop takes 30 %, at most every 500 ms: 50 becomes 35.
 * - Results that take 2.5 times as long as they did with room take 10 % per window, and nothing is added meanwhile. If the limit has come
 *   down by half and they take as long as before, then it was not the load: what they take now is the new measure.
 */
export class Aimd implements Algorithm {
  readonly #latency = new Latency()
  #cutAt = -Infinity
  /** Since when results are slow: what the limit and the average were then. */
  #slow: { readonly limit: number; readonly averageMs: number } | undefined

  constructor(
    public limit: number,
    private min: number,
    private max: number,
  ) {}

  sample(startedAt: number, tookMs: number, inFlight: number, dropped: boolean): void {
    const at = startedAt + tookMs
    if (dropped) return this.#drop(at)
    const reading = this.#latency.add(at, tookMs, inFlight, this.limit)
    if (reading !== undefined) this.#read(reading)
    if (this.#slow === undefined && 2 * inFlight >= this.limit) this.#set(this.limit + 1 / this.limit)
  }

  bound(min: number, max: number): void {
    this.min = min
    this.max = max
    this.#set(this.limit)
  }

  #drop(at: number): void {
    if (at - this.#cutAt < BETWEEN_CUTS_MS) return
    this.#cutAt = at
    this.#set(this.limit * AFTER_DROP)
  }

  #read({ averageMs, leastMs, full }: Reading): void {
    if (averageMs <= SLOW * leastMs || !full) {
      this.#slow = undefined
      return
    }
    this.#slow ??= { limit: this.limit, averageMs }
    if (this.limit <= this.#slow.limit / 2 && averageMs > 0.8 * this.#slow.averageMs) {
      this.#latency.accept(averageMs)
      this.#slow = undefined
    } else this.#set(this.limit * AFTER_SLOW)
  }

  #set(limit: number): void {
    this.limit = within(limit, this.min, this.max)
  }
}
