import type { Clock } from '../core/clock.ts'
import { type Refusal, unguarded } from '../core/policy.ts'
import { type Alarm, type Ringable, type Timers, timersOf } from '../core/timers.ts'
import { Line, Place } from '../math/line.ts'
import type { Tokens } from '../math/tokens.ts'

/** One who waits for a token. */
export class Waiter extends Place {
  constructor(
    readonly wake: (answer: object) => void,
    /** Until when it may wait: ms. */
    readonly until: number,
    /** From when on a token is of no use to it: ms. */
    readonly deadline: number,
  ) {
    super()
  }
}

/**
 * Hands tokens over as they fall due, first come, first served. When each of those that wait gets its own is known from the
 * schedule, so nobody waits who would wait in vain, and one alarm, for the first, does for all. Without waiters none is set.
 */
export class Pace implements Ringable {
  readonly #line = new Line<Waiter>()
  #timers: Timers | undefined
  #alarm: Alarm | undefined

  constructor(
    readonly tokens: Tokens,
    readonly token: object,
  ) {}

  begin(clock: Clock): void {
    this.#timers = timersOf(clock)
  }

  get queued(): number {
    return this.#line.size
  }

  /** Whether the n-th token from now on is due soon enough. Infinity is never soon enough. */
  inTime(n: number, until: number, deadline: number): boolean {
    const due = this.tokens.due(n)
    return due <= until && due < deadline
  }

  join(waiter: Waiter, now: number): void {
    this.#line.join(waiter)
    this.serve(now)
  }

  leave(waiter: Waiter): void {
    this.#line.leave(waiter)
    if (this.queued === 0) this.#disarm()
  }

  /** Hands over what is due. */
  serve(now: number): void {
    if (this.queued === 0) return
    this.#handOver(now)
    this.#arm(now)
  }

  /** The schedule has changed: hands over what is due, and refuses at once whose token now comes too late. Those behind them move up. */
  review(now: number, refusal: (n: number) => Refusal): void {
    this.#handOver(now)
    let n = 1
    let next: Waiter | undefined
    for (let waiter = this.#line.first; waiter !== undefined; waiter = next) {
      next = waiter.after
      if (this.inTime(n, waiter.until, waiter.deadline)) n++
      else this.#answer(waiter, refusal(n))
    }
    this.#arm(now)
  }

  /** Nobody has to wait any more. */
  letGo(): void {
    while (this.queued > 0) this.#answer(this.#line.first!, unguarded)
    this.#disarm()
  }

  ring(_alarm: Alarm, now: number): void {
    this.#alarm = undefined
    this.serve(now)
  }

  #handOver(now: number): void {
    while (this.queued > 0 && this.tokens.take(now)) this.#answer(this.#line.first!, this.token)
  }

  #answer(waiter: Waiter, answer: object): void {
    this.#line.leave(waiter)
    waiter.wake(answer)
  }

  #arm(now: number): void {
    if (this.queued === 0) return this.#disarm()
    const due = this.tokens.due(1)
    if (this.#alarm?.due === due) return
    this.#disarm()
    this.#alarm = this.#timers!.set(this, due, due - now)
  }

  #disarm(): void {
    if (this.#alarm === undefined) return
    this.#timers!.clear(this.#alarm)
    this.#alarm = undefined
  }
}
