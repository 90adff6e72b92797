import { Diffusion } from './diffusion.ts'
import { Pacer } from './pacer.ts'
import type { Tally } from './tally.ts'
import { offeredShares, waterFill } from './water-filling.ts'

/**
 * Decides call by call who belongs to the share that may pass: of each class its part, by error diffusion; and one now and then when
 * nothing else passes. Told the time by argument.
 */
export class ShareGate {
  /** What may pass now of each class, 0..1. */
  readonly fill: number[]
  /** How many of each class came in the last 10 s. */
  readonly offered: Tally
  readonly #pacer = new Pacer()
  #diffusions: Diffusion[] | undefined

  constructor(
    classes: number,
    readonly random: () => number,
  ) {
    this.offered = offeredShares(classes)
    this.fill = Array.from({ length: classes }, () => 1)
  }

  /** From now on this share passes: the most important first, or of each class alike. */
  set(share: number, byClass: boolean): void {
    if (byClass && share < 1) waterFill(share, this.offered.counts, this.fill)
    else this.fill.fill(share)
  }

  /** Whether this call belongs to the share of its class. */
  pass(klass: number): boolean {
    const share = this.fill[klass]!
    if (share === 1) return true
    this.#diffusions ??= this.fill.map(() => new Diffusion(this.random()))
    return this.#diffusions[klass]!.pass(share)
  }

  /** A call that passed was not sent after all. */
  refund(klass: number): void {
    if (this.fill[klass]! < 1) this.#diffusions?.[klass]!.refund()
  }

  /** Something passes now: for as long as `perSecond` says nothing else must. */
  passed(now: number, perSecond: number): void {
    this.#pacer.passed(now, perSecond, this.random)
  }

  /** Whether nothing has passed for so long that something must. */
  due(now: number): boolean {
    return this.#pacer.due(now)
  }

  /** In how many ms that is. */
  left(now: number): number {
    return this.#pacer.left(now)
  }

  /** Of all that is offered, this part passes, given what passes of each class. */
  overall(of: (klass: number) => number): number {
    const { counts } = this.offered
    const first = of(0)
    if (this.fill.every((_, klass) => of(klass) === first)) return first
    // Before anything was offered, all count alike.
    const unseen = counts.every((n) => n === 0) ? 1 : 0
    let all = 0
    let passing = 0
    counts.forEach((n, klass) => {
      all += n || unseen
      passing += (n || unseen) * of(klass)
    })
    return Math.min(1, passing / all)
  }
}
