import type { Baseline } from './baseline.ts'
import { gain, shrunk } from './gain.ts'
import { BUCKETS, Recent } from './recent.ts'

/** Buckets of the last 1.5 s, of a window of 4 s. */
const LATELY = 6
const SLICE = BUCKETS / 4
/** How long a share that somebody else began with stands without anything to judge it by. */
export const SEEDED_MS = 60_000

/**
 * The share of the offered calls that a dependency under load can bear: a tenth more than it has accepted, up to twice as much while it
 * refuses nothing. `F = min(1, g·A/R)` over the last `windowMs`, with A the calls it accepted and R those offered, the ones refused here included;
 * g is {@link gain}. With 100 accepted of 500 offered F is 0.22, and the dependency gets 110.
 *
 * A and acceptance are taken relative to a {@link Baseline}, so that a constant fault is not taken for load.
 * Source of the form: Beyer et al., "Site Reliability Engineering" (2016), chapter 21, with a gain that varies.
 *
 * Told the time by argument. Cost: some additions per call, a few hundred per quarter of the window while it holds back.
 */
export class AdaptiveShare {
  share = 1
  readonly #recent: Recent
  #buckets = 0
  /** Accepted in a row. */
  #row = 0
  /** Begun at this share by somebody else: it stands until there is something to judge it by, or that takes too long. */
  #seededUntil = -Infinity
  /** Where it began, and when: a window that has only begun to fill would double it every half second. */
  #seed = 1
  #seededAt = -Infinity

  /**
   * @param windowMs over 0, finite
   * @param least while fewer calls than this were offered nothing is held back
   * @param faults tells faults from load; without it every refusal counts as load
   */
  constructor(
    windowMs: number,
    readonly least: number,
    private readonly faults?: Baseline | undefined,
  ) {
    this.#recent = new Recent(windowMs)
  }

  /** A call has ended. True when the share may have changed. */
  settled(accepted: boolean, now: number): boolean {
    const turned = this.#recent.advance(now) && this.#turn(now)
    this.#row = accepted ? this.#row + 1 : 0
    this.#recent.settled(accepted)
    this.faults?.record(accepted)
    return turned
  }

  /** A call was refused here. */
  refused(now: number): boolean {
    const turned = this.#recent.advance(now) && this.#turn(now)
    this.#recent.refused()
    return turned
  }

  /** What part of the calls that ended in the window was accepted; 1 where none did. */
  get acceptance(): number {
    const ended = this.#recent.endedIn(BUCKETS)
    return ended > 0 ? this.#recent.acceptedIn(BUCKETS) / ended : 1
  }

  /** What part is taken to be accepted whatever the load. */
  get baseline(): number {
    return this.faults?.acceptance ?? 1
  }

  get offeredPerSecond(): number {
    return this.#recent.offeredPerSecond
  }

  /** Whether it holds back, or has learned of a fault. */
  get busy(): boolean {
    return this.share < 1 || this.baseline < 1
  }

  /** Begins at this share, knowing nothing: a dependency comes back. */
  seed(share: number, now: number): void {
    this.#recent.clear()
    this.faults?.clear()
    this.#recent.advance(now)
    this.share = share
    // Of nothing the double is nothing.
    this.#seed = Math.max(0.01, share)
    this.#seededAt = now
    this.#seededUntil = now + SEEDED_MS
  }

  #turn(now: number): true {
    if (this.#buckets++ % SLICE === 0) this.faults?.begin(this.share)
    // Begun before there was a clock: it stands from now on.
    if (Number.isNaN(this.#seededAt)) {
      this.#seededAt = now
      this.#seededUntil = now + SEEDED_MS
    }
    // Refusals come at once, and results later: until one has ended they say nothing of a share that was just begun.
    const enough = this.#recent.look(this.least)
    if (enough && (this.#recent.ended > 0 || now >= this.#seededUntil)) {
      this.#seededUntil = -Infinity
      this.share = Math.min(this.#next(), this.#cap(now))
    } else if (now >= this.#seededUntil) this.share = 1
    return true
  }

  /** After a seed the share doubles every two seconds at most. */
  #cap(now: number): number {
    if (this.#seed === 1) return 1
    const cap = this.#seed * 2 ** ((now - this.#seededAt) / 2_000)
    if (cap < 1) return cap
    this.#seed = 1
    return 1
  }

  #next(): number {
    const recent = this.#recent
    const { offered, accepted } = recent
    if (accepted === offered) return 1
    const base = this.baseline
    // Near the share at which it refuses; well below, or well above, of what was true there nothing may hold any more.
    const past = recent.pastShare
    const near = this.share > 0.95 * past && this.share < 2.2 * past && recent.pastRefused
    const acceptance = near ? shrunk(accepted / base, recent.ended, near) : this.#lately(base)
    return Math.min(1, (gain(acceptance, near, accepted) * accepted) / offered / base)
  }

  /** Acceptance of the last 1.5 s, or, while little comes, of the last that were accepted in a row: after an outage the first of them say that it is over. */
  #lately(base: number): number {
    const recent = this.#recent
    const ended = recent.endedIn(LATELY)
    if (this.#row >= 3 && this.#row > ended) return shrunk(this.#row, this.#row, false)
    if (ended >= 3) return shrunk(recent.acceptedIn(LATELY) / base, ended, false)
    return shrunk(recent.accepted / base, recent.ended, false)
  }
}
