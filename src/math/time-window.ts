/** What happened in one stretch of a {@link TimeWindow}: spans and counts only, so that it holds on any clock and survives JSON. */
export interface Bucket {
  /** How long ago the stretch began, in ms. */
  readonly ageMs: number
  readonly calls: number
  readonly failed: number
  readonly slow: number
}

/** What a {@link TimeWindow} holds. */
export interface SavedWindow {
  readonly bucketMs: number
  /** Oldest first, without the empty ones. */
  readonly buckets: readonly Bucket[]
}

const BUCKETS = 10
/** Numbers per bucket: calls, failed, slow. */
const WIDTH = 3

/**
 * Counts the results of the last `windowMs`, exactly, in ten buckets that lie on the time axis from the first result on. A
 * result counts for at least nine tenths of the window and never for longer than all of it, whether or not anything
 * happens meanwhile. Told the time by argument; a time before the last one told counts into the newest bucket.
 *
 * Cost: O(1) per result; 240 bytes from the first result on.
 */
export class TimeWindow {
  calls = 0
  failed = 0
  slow = 0
  #ring: Float64Array | undefined
  /** Where the axis begins, and which bucket on it is the newest. */
  #origin = NaN
  #newest = 0
  /** The slot of the newest. */
  #at = 0
  /** Where the newest bucket ends; -Infinity as long as there is no axis. */
  #end = -Infinity
  /** Carried over by somebody who had no clock: dated by the first time that is told. */
  #undated: SavedWindow | undefined

  /** @param windowMs over 0; with Infinity nothing is forgotten */
  constructor(readonly windowMs: number) {}

  record(failed: boolean, slow: boolean, now: number): void {
    if (now >= this.#end) this.#advance(now)
    // Of three counts a success moves one.
    const ring = this.#ring!
    const i = this.#at
    this.calls++
    ring[i]!++
    if (failed) {
      this.failed++
      ring[i + 1]!++
    }
    if (slow) {
      this.slow++
      ring[i + 2]!++
    }
  }

  /** Forgets what is older than the window. */
  expire(now: number): void {
    if (now >= this.#end && (this.#ring ?? this.#undated) !== undefined) this.#advance(now)
  }

  /** What it holds at `now`; NaN stands for the beginning of the newest bucket. Changes nothing. */
  save(now: number): SavedWindow {
    if (this.#undated !== undefined) return this.#undated
    const buckets: Bucket[] = []
    const ring = this.#ring ?? []
    const newestFrom = this.#from(this.#newest)
    const then = now > newestFrom ? now : newestFrom
    for (let bucket = this.#newest - BUCKETS + 1; bucket <= this.#newest; bucket++) {
      const i = slot(bucket)
      const calls = ring[i] ?? 0
      const ageMs = then - this.#from(bucket)
      if (calls > 0 && ageMs < this.windowMs) buckets.push({ ageMs, calls, failed: ring[i + 1]!, slow: ring[i + 2]! })
    }
    return { bucketMs: this.windowMs / BUCKETS, buckets }
  }

  /** Takes over what another window saved `now`; NaN: as if it had been saved when the next time is told. Buckets of another width go where their middle lies. */
  load(saved: SavedWindow, now: number): void {
    this.calls = this.failed = this.slow = 0
    this.#ring = this.#undated = undefined
    this.#end = -Infinity
    const [oldest] = saved.buckets
    if (oldest === undefined) return
    if (Number.isNaN(now)) {
      this.#undated = saved
      return
    }
    this.#begin(now - oldest.ageMs)
    for (const { ageMs, calls, failed, slow } of saved.buckets) {
      const middle = Math.min(now, now - ageMs + saved.bucketMs / 2)
      if (middle >= this.#end) this.#advance(middle)
      this.#add(calls, failed, slow)
    }
    this.expire(now)
  }

  #add(calls: number, failed: number, slow: number): void {
    const ring = this.#ring!
    const i = this.#at
    this.calls += calls
    this.failed += failed
    this.slow += slow
    ring[i]! += calls
    ring[i + 1]! += failed
    ring[i + 2]! += slow
  }

  /** Lays the axis. */
  #begin(origin: number): void {
    this.#ring ??= new Float64Array(BUCKETS * WIDTH)
    this.#origin = origin
    this.#newest = this.#at = 0
    this.#end = this.#from(1)
  }

  /** Moves to the bucket of `now` and drops those that the ring has no room for. At most ten steps, whatever time has passed. */
  #advance(now: number): void {
    if (this.#undated !== undefined) return this.load(this.#undated, now)
    const ring = this.#ring
    if (ring === undefined) return this.#begin(now)
    // Multiplied before it is divided: at 333 ms of a window of 333 ms this is 10, and not a little less.
    const newest = Math.max(this.#newest + 1, Math.floor(((now - this.#origin) * BUCKETS) / this.windowMs))
    if (newest - this.#newest >= BUCKETS) {
      ring.fill(0)
      this.calls = this.failed = this.slow = 0
      return this.#begin(now)
    }
    while (this.#newest < newest) {
      const i = slot(++this.#newest)
      this.calls -= ring[i]!
      this.failed -= ring[i + 1]!
      this.slow -= ring[i + 2]!
      ring.fill(0, i, i + WIDTH)
    }
    this.#at = slot(newest)
    this.#end = this.#from(newest + 1)
  }

  /** Where a bucket begins. An endless window has only the one at the origin, and 0 × Infinity is no number. */
  #from(bucket: number): number {
    return bucket === 0 ? this.#origin : this.#origin + (bucket * this.windowMs) / BUCKETS
  }
}

const slot = (bucket: number): number => ((bucket + BUCKETS) % BUCKETS) * WIDTH
