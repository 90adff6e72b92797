import { type Attempt, priorities } from '../core/attempt.ts'
import { Diffusion } from '../math/diffusion.ts'
import { offeredShares, waterFill } from '../math/water-filling.ts'
import { within } from './thresholds.ts'

/** Looked at anew every so many ms, and as the share changes. */
const EVERY_MS = 100

/** Shares out what may pass, the most important calls first, by what each priority has offered in the last 10 s. */
export class Filling {
  readonly allow: number[] = priorities.map(() => 1)
  #offered = offeredShares(priorities.length)
  #diffusions: Diffusion[] | undefined
  #share = 1
  #at = -Infinity

  constructor(readonly random: () => number) {}

  /** One more call, of all of which a share may pass. */
  offer(klass: number, share: number, attempt: Attempt): void {
    this.#offered.add(klass)
    if (share === 1) {
      // What was counted without being told the time is as good as new.
      if (this.#share < 1) {
        this.#offered = offeredShares(priorities.length)
        this.allow.fill(1)
      }
      this.#share = 1
      return
    }
    const now = attempt.now()
    if (share === this.#share && now - this.#at < EVERY_MS) return
    this.#at = now
    this.#share = share
    this.#offered.advance(now)
    waterFill(share, this.#offered.counts, this.allow)
  }

  pass(klass: number, subLevel: number | undefined): boolean {
    const share = this.allow[klass]!
    if (share >= 1) return true
    if (subLevel !== undefined) return within(share, subLevel)
    this.#diffusions ??= priorities.map(() => new Diffusion(this.random()))
    return this.#diffusions[klass]!.pass(share)
  }

  /** It passed here and was refused further in. */
  refund(klass: number): void {
    if (this.allow[klass]! < 1) this.#diffusions?.[klass]!.refund()
  }
}
