import { SEEDED_MS } from '../math/adaptive-share.ts'
import { BUCKETS, Recent } from '../math/recent.ts'
import type { Driver } from './driver.ts'

/** However bad it looks, a tenth passes: without that, an outage of 60 s takes another 159 s to get over. */
const LEAST_SHARE = 0.1

/**
 * The formula of the SRE book: `p(reject) = max(0, (requests − K·accepts)/(requests + 1))`, requests that were refused here included. With K = 2 a dependency
 * that accepts 100 of 500 gets 200. Source: Beyer et al., "Site Reliability Engineering" (2016), chapter 21, "Handling Overload".
 */
export class SreShare implements Driver {
  share = 1
  readonly #recent: Recent
  /** Begun at this share by somebody else: it stands until there is something to judge it by, or that takes too long. */
  #seededUntil = -Infinity

  constructor(
    windowMs: number,
    readonly k: number,
    readonly least: number,
  ) {
    this.#recent = new Recent(windowMs)
  }

  get acceptance(): number {
    const ended = this.#recent.endedIn(BUCKETS)
    return ended > 0 ? this.#recent.acceptedIn(BUCKETS) / ended : 1
  }

  get offeredPerSecond(): number {
    return this.#recent.offeredPerSecond
  }

  get busy(): boolean {
    return this.share < 1
  }

  settled(accepted: boolean, now: number): boolean {
    const turned = this.#recent.advance(now)
    this.#recent.settled(accepted)
    return this.#decide(now) || turned
  }

  refused(now: number): boolean {
    const turned = this.#recent.advance(now)
    this.#recent.refused()
    return this.#decide(now) || turned
  }

  seed(share: number, now: number): void {
    this.#recent.clear()
    this.#recent.advance(now)
    this.share = share
    this.#seededUntil = now + SEEDED_MS
  }

  #decide(now: number): boolean {
    const recent = this.#recent
    const before = this.share
    if (!recent.look(this.least)) {
      // Too few of the last minute to hold anything back for.
      if (now >= this.#seededUntil) this.share = 1
      return this.share !== before
    }
    this.#seededUntil = -Infinity
    const { offered, accepted } = recent
    this.share = Math.max(LEAST_SHARE, 1 - Math.max(0, (offered - this.k * accepted) / (offered + 1)))
    return this.share !== before
  }
}
