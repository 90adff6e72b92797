import { bounds, type Histogram } from './snapshot.ts'

const WIDTH = bounds.length + 2
/** In ms: what is told is in ms. */
const upTo = new Float64Array(bounds.map((seconds) => seconds * 1_000))
const OVER = bounds.length
const SUM = OVER + 1

export function bucketOf(ms: number): number {
  let bucket = 0
  while (bucket < OVER && ms > upTo[bucket]!) bucket++
  return bucket
}

/** Histograms of fixed buckets, some side by side in one array. Counting allocates nothing. */
export class Buckets {
  readonly #numbers: Float64Array

  constructor(histograms: number) {
    this.#numbers = new Float64Array(histograms * WIDTH)
  }

  add(which: number, ms: number): void {
    this.put(which, bucketOf(ms), ms)
  }

  /** For who knows its bucket. */
  put(which: number, bucket: number, ms: number): void {
    const from = which * WIDTH
    this.#numbers[from + bucket]!++
    this.#numbers[from + SUM]! += ms
  }

  count(which: number): number {
    return this.#counts(which).reduce((sum, n) => sum + n, 0)
  }

  #counts(which: number): Float64Array {
    return this.#numbers.subarray(which * WIDTH, which * WIDTH + SUM)
  }

  read(which: number): Histogram {
    return { count: this.count(which), sumSeconds: this.#numbers[which * WIDTH + SUM]! / 1_000, counts: [...this.#counts(which)] }
  }
}
