/**
 * Counts of several kinds over the last `buckets × bucketMs`, exactly, in buckets on the time axis. Something is counted as of the
 * time told last (before any was told: as of the first), so that counting costs two additions and no clock. Told the time by
 * argument; a time before the last one told changes nothing.
 *
 * Cost: O(1) per count; per bucket that passes O(kinds), and never more than all buckets; 8 bytes per kind and bucket.
 */
export class Tally {
  /** How many of each kind the window holds, those included for which no time has been told yet. */
  readonly counts: Float64Array
  readonly #ring: Float64Array
  /** Counted since a bucket began. */
  readonly #fresh: Float64Array
  #newest = -Infinity
  /** Where the newest bucket ends. */
  #end = -Infinity

  /**
   * @param kinds how many kinds, whole, from 1 on
   * @param buckets whole, from 2 on; a count lasts for between `buckets − 1` and `buckets` of them
   * @param bucketMs over 0, finite
   */
  constructor(
    readonly kinds: number,
    readonly buckets: number,
    readonly bucketMs: number,
  ) {
    this.counts = new Float64Array(kinds)
    this.#fresh = new Float64Array(kinds)
    this.#ring = new Float64Array(kinds * buckets)
  }

  /** `n` more of this kind; −1 takes back one that was added. */
  add(kind: number, n = 1): void {
    this.counts[kind]! += n
    this.#fresh[kind]! += n
  }

  /** Forgets what is older than the window. True when a bucket has begun since the last time told. */
  advance(now: number): boolean {
    if (!(now >= this.#end)) return false
    const { buckets, bucketMs } = this
    const at = Math.floor(now / bucketMs)
    if (this.#newest !== -Infinity) this.#store(this.#newest)
    for (let bucket = Math.max(this.#newest + 1, at - buckets + 1); bucket <= at; bucket++) this.#clear(bucket)
    this.#newest = at
    this.#end = (at + 1) * bucketMs
    return true
  }

  /** How many of a kind the last `buckets` hold, the one that runs and what is fresh included. */
  last(kind: number, buckets: number): number {
    let sum = this.#fresh[kind]!
    if (this.#newest === -Infinity) return sum
    for (let back = Math.min(buckets, this.buckets) - 1; back >= 0; back--) sum += this.#ring[this.#place(this.#newest - back) + kind]!
    return sum
  }

  clear(): void {
    this.counts.fill(0)
    this.#fresh.fill(0)
    this.#ring.fill(0)
  }

  #clear(bucket: number): void {
    const place = this.#place(bucket)
    for (let kind = 0; kind < this.kinds; kind++) {
      this.counts[kind]! -= this.#ring[place + kind]!
      this.#ring[place + kind] = 0
    }
  }

  #store(bucket: number): void {
    const place = this.#place(bucket)
    for (let kind = 0; kind < this.kinds; kind++) this.#ring[place + kind]! += this.#fresh[kind]!
    this.#fresh.fill(0)
  }

  #place(bucket: number): number {
    const { buckets, kinds } = this
    return (((bucket % buckets) + buckets) % buckets) * kinds
  }
}
