import { Tally } from './tally.ts'

const OFFERED = 0
const ENDED = 1
const ACCEPTED = 2
const KINDS = 3
export const BUCKETS = 16
/** The widest window, in ms, and its buckets. */
const WIDEST_MS = 60_000
const COARSE = 15
/** Coarse buckets of 4 s each. */
const PAST = 3

/**
 * What became of the calls of the last `windowMs`: how many were offered (refused here, or ended), how many of them ended with a
 * word on the dependency, how many it accepted. Where that is too few to say anything it looks further back, up to 60 s, rather
 * than say nothing. A call counts when it is refused or ends, not when it begins: else a slow dependency would always seem to accept too few.
 *
 * Told the time by argument. Cost: some additions per call; a kilobyte.
 */
export class Recent {
  /** Of the window looked at last, see {@link look}. */
  offered = 0
  ended = 0
  accepted = 0
  readonly #fine: Tally
  readonly #coarse: Tally

  constructor(readonly windowMs: number) {
    this.#fine = new Tally(KINDS, BUCKETS, windowMs / BUCKETS)
    this.#coarse = new Tally(KINDS, COARSE, Math.max(windowMs, WIDEST_MS) / COARSE)
  }

  /** True when a bucket has begun since the last time told. */
  advance(now: number): boolean {
    this.#coarse.advance(now)
    return this.#fine.advance(now)
  }

  /** A call was refused here. */
  refused(): void {
    this.#add(OFFERED)
  }

  /** A call has ended; a refusal by the dependency is not `accepted`. */
  settled(accepted: boolean): void {
    this.#add(OFFERED)
    this.#add(ENDED)
    if (accepted) this.#add(ACCEPTED)
  }

  /** Sums up the window, or the narrowest wider one that holds `least` calls. False if none does. */
  look(least: number): boolean {
    const fine = this.#fine.counts
    this.offered = fine[OFFERED]!
    this.ended = fine[ENDED]!
    this.accepted = fine[ACCEPTED]!
    for (let back = 1; this.offered < least && back <= COARSE; back++) {
      const offered = this.#coarse.last(OFFERED, back)
      // A coarse bucket may be younger than the fine window.
      if (offered <= this.offered) continue
      this.offered = offered
      this.ended = this.#coarse.last(ENDED, back)
      this.accepted = this.#coarse.last(ACCEPTED, back)
    }
    return this.offered >= least
  }

  /** How many ended, and how many of those were accepted, in the last so many buckets (the 16th part of the window each). */
  endedIn(buckets: number): number {
    return this.#fine.last(ENDED, buckets)
  }

  acceptedIn(buckets: number): number {
    return this.#fine.last(ACCEPTED, buckets)
  }

  /** What share of the offered calls was accepted in the last 10 s or so; 0 where nothing was offered. */
  get pastShare(): number {
    const offered = this.#coarse.last(OFFERED, PAST)
    return offered > 0 ? this.#coarse.last(ACCEPTED, PAST) / offered : 0
  }

  /** Whether the dependency has refused any in that time. */
  get pastRefused(): boolean {
    return this.#coarse.last(ENDED, PAST) > this.#coarse.last(ACCEPTED, PAST)
  }

  get offeredPerSecond(): number {
    return (this.#fine.counts[OFFERED]! * 1_000) / this.windowMs
  }

  clear(): void {
    this.#fine.clear()
    this.#coarse.clear()
    this.offered = this.ended = this.accepted = 0
  }

  #add(kind: number): void {
    this.#fine.add(kind)
    this.#coarse.add(kind)
  }
}
