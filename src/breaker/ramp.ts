import { priorities, type Priority } from '../core/attempt.ts'
import { AdaptiveShare } from '../math/adaptive-share.ts'
import { ShareGate } from '../math/share-gate.ts'

/** With this share it begins. */
export const RAMP_FROM = 0.1
/** It judges once so many calls were offered, and lets at least one a second pass meanwhile. */
const LEAST = 20
const PER_SECOND = 1

/** The window of the ramp's controller: what is sent now is known to be lost only a timeout later. */
export function rampWindowMs(timeoutMs: number): number {
  return timeoutMs === Infinity ? 4_000 : Math.min(60_000, Math.max(4_000, 4 * timeoutMs))
}

/**
 * How a breaker comes back that has closed: a tenth of the calls at first, the most important ones, then about twice as many every two
 * seconds, as long as hardly any fails. Gated by success and not by a clock: who comes back well has all calls after some seven
 * seconds, who comes back cold gets no more than it can bear.
 */
export class Ramp {
  readonly #share: AdaptiveShare
  readonly #gate: ShareGate

  constructor(share: number, windowMs: number, now: number, random: () => number) {
    this.#share = new AdaptiveShare(windowMs, LEAST)
    this.#share.seed(share, now)
    this.#gate = new ShareGate(priorities.length, random)
    this.#gate.set(share, true)
  }

  get share(): number {
    return this.#share.share
  }

  /** Whether a call of this priority may pass. One that is not `refused` for that, in a dry run, is counted when it ends. */
  pass(priority: Priority, now: number, refused: boolean): boolean {
    const klass = priorities.indexOf(priority)
    this.#gate.offered.add(klass)
    if (this.#gate.pass(klass) || this.#gate.due(now)) {
      this.#gate.passed(now, PER_SECOND)
      return true
    }
    if (refused && this.#share.refused(now)) this.#refill(now)
    return false
  }

  /** Whether nothing has passed for so long that the next call may. */
  due(now: number): boolean {
    return this.#gate.due(now)
  }

  settled(good: boolean, now: number): void {
    if (this.#share.settled(good, now)) this.#refill(now)
  }

  /** A call that passed was not sent after all. */
  refund(priority: Priority): void {
    this.#gate.refund(priorities.indexOf(priority))
  }

  #refill(now: number): void {
    this.#gate.offered.advance(now)
    this.#gate.set(this.share, true)
  }
}
