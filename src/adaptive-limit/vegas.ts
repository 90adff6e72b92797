import { type Algorithm, within } from './algorithm.ts'
import { Latency, type Reading } from './latency.ts'

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
  /** The limit and the average when the limit began to come down. */
  #long: { readonly limit: number; readonly averageMs: number } | undefined

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

  #read({ averageMs, leastMs }: Reading): void {
    // A limit of 1 must be able to move.
    const step = Math.max(1, Math.log10(this.limit))
    const queue = Math.ceil(this.limit * (1 - leastMs / averageMs))
    if (queue <= 6 * step) this.#long = undefined
    if (queue <= step) return this.#set(this.limit + 6 * step)
    if (queue < 3 * step) return this.#set(this.limit + step)
    if (queue <= 6 * step) return
    this.#long ??= { limit: this.limit, averageMs }
    if (this.limit <= this.#long.limit / 2 && averageMs > 0.8 * this.#long.averageMs) {
      this.#latency.accept(averageMs)
      this.#long = undefined
    } else this.#set(this.limit - step)
  }

  #set(limit: number): void {
    this.limit = within(limit, this.min, this.max)
  }
}
