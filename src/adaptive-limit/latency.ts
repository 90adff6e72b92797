/** A window is closed when it is so old, and has so many results: fewer say little of an average. */
const WINDOW_MS = 500
const RESULTS = 10
/** What the dependency takes with room is measured over so many results at least: the least of many averages of few is mere luck. */
const MEASURED = 50
/** How long a measure holds while there is room for a new one. */
const MEMORY_MS = 60_000
/** Where holding back does not help, a measure may rise to so many times of what it was. */
const RELAXED = 1.5

/** What a closed window says. All ms. */
export interface Reading {
  /** When it closed. */
  readonly at: number
  readonly averageMs: number
  /** The least average of the last one or two minutes with room, which is what it takes without a queue; Infinity before it was measured. */
  readonly leastMs: number
  /** Whether the limit was what held calls back: at least half of it was in use. */
  readonly full: boolean
}

/**
 * How long results take, against the least that they took. Averages, because single results of any real dependency differ
 * by more than a queue adds. While the limit is full the least does not age: a queue that stands for minutes must not become
 * the measure of itself. Told the time by argument.
 */
export class Latency {
  #from = NaN
  #sum = 0
  #results = 0
  #mostInFlight = 0
  /** Of the windows since the last measure. */
  #longSum = 0
  #longResults = 0
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

  /**
   * The dependency seems to have become slower than it was, whatever its load. The measure rises by half, not all the way: a fleet
   * that cannot hold back any further would else take its own queue for the measure.
   */
  relax({ averageMs, leastMs }: Reading): void {
    this.#least = Math.min(averageMs, leastMs * RELAXED)
    this.#leastBefore = Infinity
  }

  #close(at: number, limit: number): Reading {
    const averageMs = this.#sum / this.#results
    const full = 2 * this.#mostInFlight >= limit
    this.#longSum += this.#sum
    this.#longResults += this.#results
    if (!(this.#minute <= at)) this.#minute = at
    if (full) this.#minute = Math.min(at, this.#minute + at - this.#from)
    if (this.#longResults >= MEASURED) this.#measure(at)
    this.#results = this.#sum = this.#mostInFlight = 0
    return { at, averageMs, leastMs: Math.min(this.#least, this.#leastBefore), full }
  }

  #measure(at: number): void {
    const measuredMs = this.#longSum / this.#longResults
    this.#longSum = this.#longResults = 0
    if (at - this.#minute >= MEMORY_MS) {
      this.#leastBefore = this.#least
      this.#least = measuredMs
      this.#minute = at
    } else if (measuredMs < this.#least) this.#least = measuredMs
  }
}
