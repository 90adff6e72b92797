import { type Algorithm, within } from './algorithm.ts'
import { Latency, type Reading } from './latency.ts'
import { Streak } from './streak.ts'

/** Of the limit, after a drop; not more often than every so many ms. */
const AFTER_DROP = 0.7
const BETWEEN_CUTS_MS = 500
/** A window is slow whose average took more than so many times the least. Of the limit, after one: from a tenth less, to what a drop takes. */
const SLOW = 2.5
const AFTER_SLOW = 0.9

/**
 * Additive increase, multiplicative decrease, as TCP does (Chiu and Jain, 1989), with a guard against queues that nobody tells of.
 *
 * - A success adds 1/limit while at least half of the limit is in use: one more each round trip.
 * - A drop takes 30 %, at most every 500 ms: 50 becomes 35.
 * - Results that take 2.5 times as long as they did with room take 10 % per window, slower ones up to 30 %, and nothing is added meanwhile. If
 *   that does not help in 15 s, it may not be the load: then the measure rises by half.
 */
export class Aimd implements Algorithm {
  readonly #latency = new Latency()
  #cutAt = -Infinity
  readonly #slow = new Streak()

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
    if (!this.#slow.runs && 2 * inFlight >= this.limit) this.#set(this.limit + 1 / this.limit)
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

  #read(reading: Reading): void {
    const { at, averageMs, leastMs, full } = reading
    if (averageMs <= SLOW * leastMs || !full) return this.#slow.end()
    if (this.#slow.isVain(at, averageMs, this.limit, this.min)) this.#latency.relax(reading)
    else this.#set(this.limit * Math.min(AFTER_SLOW, Math.max(AFTER_DROP, (SLOW * leastMs) / averageMs)))
  }

  #set(limit: number): void {
    this.limit = within(limit, this.min, this.max)
  }
}
