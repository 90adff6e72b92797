import type { Cancel, Clock } from '../core/clock.ts'
import { Heap, type Ranked } from '../core/heap.ts'
import { notNegative, outOfRange } from '../core/options.ts'
import { turn } from './turn.ts'

/** A clock that stands still until the test moves it. Made by {@link manualClock}. All times are ms. */
export interface ManualClock extends Clock {
  /** How many timers are armed that keep a process alive: somebody waits for them. */
  readonly pending: number
  /** How many timers are armed, those included that were `unref`'d because nobody waits for them. */
  readonly armed: number
  /** When the first of the armed timers is due; Infinity when none is armed. */
  readonly nextAt: number
  /**
   * Moves on by `ms`, from 0 on. Timers that come due fire in the order of their times, ties in the order they were set;
   * before the first and after each, all promises that can go on do so, so what they arm or cancel counts. Real I/O and
   * real timers are not waited for. Calls that overlap run one after the other.
   *
   * Rejects with a `RangeError` if `ms` is no finite number from 0 on, and with whatever a timer throws.
   */
  advance(ms: number): Promise<void>
  /** The same, up to a point of this clock; a `RangeError` if it lies in the past. */
  advanceTo(at: number): Promise<void>
  /** Moves on to the next timer that somebody waits for. `false`: there is none. */
  next(): Promise<boolean>
  /** Moves on until nobody waits for a timer. Rejects with a `RangeError` after `limit` (10 000) timers: something re-arms for ever. */
  runAll(limit?: number): Promise<void>
  /** Lets all promises go on that can. The time stays. */
  flush(): Promise<void>
  /** {@link advance} for synchronous tests: fires the timers, but no promise goes on before it returns. */
  tick(ms: number): void
}

interface Timer extends Ranked {
  readonly fn: () => void
  held: boolean
}

class StillClock implements ManualClock {
  readonly #timers = new Heap<Timer>()
  #now: number
  #order = 0
  #armed = 0
  #pending = 0
  /** The end of the last movement asked for. */
  #moved: Promise<unknown> = Promise.resolve()

  constructor(startMs: number) {
    this.#now = finite('manualClock startMs', startMs)
  }

  get pending(): number {
    return this.#pending
  }

  get armed(): number {
    return this.#armed
  }

  get nextAt(): number {
    return this.#timers.first?.due ?? Infinity
  }

  now(): number {
    return this.#now
  }

  after(ms: number, fn: () => void): Cancel {
    const timer: Timer = { due: this.#now + notNegative('manualClock.after ms', ms), order: (this.#order = (this.#order + 1) | 0), place: -1, fn, held: true }
    this.#timers.push(timer)
    this.#armed++
    this.#pending++
    const hold = (held: boolean) => (): void => {
      if (timer.place >= 0 && timer.held !== held) this.#pending += held ? 1 : -1
      timer.held = held
    }
    return Object.assign(() => this.#remove(timer), { ref: hold(true), unref: hold(false) })
  }

  async advance(ms: number): Promise<void> {
    span(ms)
    return this.#move(() => this.#runTo(this.#now + ms))
  }

  async advanceTo(at: number): Promise<void> {
    finite('manualClock.advanceTo at', at)
    return this.#move(() => {
      if (at < this.#now) outOfRange('manualClock.advanceTo at', `a time from now (${this.#now}) on`, at)
      return this.#runTo(at)
    })
  }

  async next(): Promise<boolean> {
    return this.#move(async () => {
      await turn()
      while (this.#pending > 0) {
        const { held } = this.#fire(this.#timers.first!)
        await turn()
        if (held) return true
      }
      return false
    })
  }

  async runAll(limit = 10_000): Promise<void> {
    return this.#move(async () => {
      await turn()
      for (let fired = 0; this.#pending > 0; fired++) {
        if (fired >= limit) throw new RangeError(`manualClock.runAll: timers still pending after ${limit} fired; something re-arms for ever`)
        this.#fire(this.#timers.first!)
        await turn()
      }
    })
  }

  flush(): Promise<void> {
    return turn()
  }

  tick(ms: number): void {
    const target = this.#now + span(ms)
    for (let timer = this.#dueBy(target); timer !== undefined; timer = this.#dueBy(target)) this.#fire(timer)
    this.#now = target
  }

  /** After whatever movement is under way. */
  #move<R>(move: () => Promise<R>): Promise<R> {
    const moving = this.#moved.then(move)
    this.#moved = moving.catch(() => {})
    return moving
  }

  async #runTo(target: number): Promise<void> {
    await turn()
    for (let timer = this.#dueBy(target); timer !== undefined; timer = this.#dueBy(target)) {
      this.#fire(timer)
      await turn()
    }
    // A tick from within may have gone further.
    this.#now = Math.max(this.#now, target)
  }

  #dueBy(target: number): Timer | undefined {
    const { first } = this.#timers
    return first !== undefined && first.due <= target ? first : undefined
  }

  #fire(timer: Timer): Timer {
    this.#remove(timer)
    this.#now = Math.max(this.#now, timer.due)
    timer.fn()
    return timer
  }

  #remove(timer: Timer): void {
    if (timer.place < 0) return
    this.#timers.remove(timer)
    this.#armed--
    if (timer.held) this.#pending--
  }
}

/**
 * A clock for tests: `pipeline(name, policies, { clock: manualClock() })`, then `await clock.advance(5_000)`. Nothing waits
 * for real time, and every run sees the same order of events. The clocks that policies are bound to are fixed: give each
 * test a pipeline of its own.
 *
 * @param startMs where it starts, ms (0)
 * @throws RangeError if `startMs` is not finite
 */
export function manualClock(startMs = 0): ManualClock {
  return new StillClock(startMs)
}

function finite(option: string, ms: number): number {
  return Number.isFinite(ms) ? ms : outOfRange(option, 'a finite number', ms)
}

function span(ms: number): number {
  return finite('manualClock.advance ms', notNegative('manualClock.advance ms', ms))
}
