/** A window is closed when it is so old, and has so many results: fewer say little of an average. */
const WINDOW_MS = 500
const RESULTS = 10
/** How long an average stands for what the dependency takes when it has room. */
const MEMORY_MS = 60_000

/** What a closed window says. All ms. */
export interface Reading {
  readonly averageMs: number
  /** The least average of the last one or two minutes with room: what it takes without a queue. */
  readonly leastMs: number
  /** Whether the limit was what held calls back: at least half of it was in use. */
  readonly full: boolean
}

/**
 * How long results take, against the least that they took. Averages of windows, because single results of any real dependency
 * differ by more than a queue adds. While the limit is full the least does not age: a queue that stands for minutes must not become
 * the measure of itself. Told the time by argument.
 */
export class Latency {
  #from = NaN
  #sum = 0
  #results = 0
  #mostInFlight = 0
  #least = Infinity
  #leastBefore = Infinity
  /** When the running minute began, the time when the limit was full left out. */
  #minute = NaN

  /** One result; the reading of the window that it closes. */
  add(at: number, tookMs: number, inFlight: number, limit: number): Reading | undefined {
    if (this.#results === 0) this.#from = at
    this.#results++
    this.#sum += tookMs
    if (inFlight > this.#mostInFlight) this.#mostInFlight = inFlight
    if (this.#results < RESULTS || at - this.#from < WINDOW_MS) return undefined
    return this.#close(at, limit)
  }

  /** The dependency has become slower than it was, whatever its load: what it takes now is the measure. */
  accept(averageMs: number): void {
    this.#least = averageMs
    this.#leastBefore = Infinity
  }

  #close(at: number, limit: number): Reading {
    const averageMs = this.#sum / this.#results
    const full = 2 * this.#mostInFlight >= limit
    if (!(this.#minute <= at)) this.#minute = at
    if (full) this.#minute += at - this.#from
    if (at - this.#minute >= MEMORY_MS) {
      this.#leastBefore = this.#least
      this.#least = averageMs
      this.#minute = at
    } else if (averageMs < this.#least) this.#least = averageMs
    this.#results = this.#sum = this.#mostInFlight = 0
    return { averageMs, leastMs: Math.min(this.#least, this.#leastBefore), full }
  }
}
