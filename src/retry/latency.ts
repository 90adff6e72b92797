const SAMPLES = 15
/** One success of this many is looked at: the success path stays free of clock reads. */
const EVERY = 8

/** The median of recent latencies: exact over the last 15 samples; 0 until there are as many. */
export class MedianLatency {
  readonly #samples = new Float64Array(SAMPLES)
  #taken = 0
  #seen = 0

  /** Whether this success is one to sample. */
  due(): boolean {
    return ++this.#seen % EVERY === 0
  }

  add(ms: number): void {
    this.#samples[this.#taken++ % SAMPLES] = ms
  }

  get ms(): number {
    return this.#taken < SAMPLES ? 0 : this.#samples.toSorted()[SAMPLES >> 1]!
  }
}
