import type { Clock } from '../core/clock.ts'
import { type Alarm, type Ringable, type Timers, timersOf } from '../core/timers.ts'
import { Line, Place } from '../math/line.ts'
import { Tally } from '../math/tally.ts'
import { Pace } from './pace.ts'

/** How often those that wait are looked after. */
const TICK_MS = 100
/** Pressure is averaged over so long, exponentially: of a handful of places, a good share is taken every other moment. */
const SMOOTH_MS = 500
/** Over how long what is accepted is counted. */
const BUCKETS = 10
const BUCKET_MS = 200

/** One who waits until all is well. */
export class Waiter extends Place {
  constructor(readonly wake: (answer: object) => void) {
    super()
  }
}

/** What a lot asks, and whom it lets go. */
export interface Keeper {
  /** How far from well all is now: 0..1, and well below `below()`. */
  pressed(): number
  below(): number
  /** Whether a guard waits for a trial that nobody else is. */
  trialDue(): boolean
  calmMs(): number
  letGo(waiter: Waiter, trial: boolean): void
  /** Somebody has come, or gone, or all has become well. */
  changed(now: number): void
}

/**
 * Who waits, and when who goes: nobody before all has been well for a while, then first come, first served at a growing pace, which stops
 * and begins anew when all is no longer well. One alarm looks after all that wait; without them none is set.
 */
export class Lot implements Ringable {
  readonly #line = new Line<Waiter>()
  readonly #pace = new Pace()
  /** Accepted lately that was not parked here; counted only while somebody waits. */
  #accepted = new Tally(1, BUCKETS, BUCKET_MS)
  #countedSince = NaN
  #wellSince = NaN
  /** The averaged pressure, and when it was looked at. */
  #pressure = 1
  #lookedAt = NaN
  #timers: Timers | undefined
  #alarm: Alarm | undefined

  constructor(readonly keeper: Keeper) {}

  begin(clock: Clock): void {
    this.#timers = timersOf(clock)
  }

  get queued(): number {
    return this.#line.size
  }

  get releasing(): boolean {
    return this.#pace.runs
  }

  /** A call that was not parked was accepted. */
  accepted(): void {
    if (this.queued > 0) this.#accepted.add(0)
  }

  perSecond(now: number): number {
    if (this.queued === 0) return 0
    this.#accepted.advance(now)
    const span = Math.min(BUCKETS * BUCKET_MS, now - this.#countedSince)
    return this.#accepted.counts[0]! / (Math.max(TICK_MS, span) / 1_000)
  }

  /** How long it takes at least until somebody may go. */
  calmInMs(now: number): number {
    return this.#wellSince <= now ? Math.max(0, this.#wellSince + this.keeper.calmMs() - now) : this.keeper.calmMs()
  }

  join(waiter: Waiter, now: number): void {
    if (this.queued === 0) {
      this.#accepted = new Tally(1, BUCKETS, BUCKET_MS)
      this.#accepted.advance(now)
      this.#countedSince = this.#lookedAt = now
      this.#pressure = 1
      this.unwell()
    }
    this.#line.join(waiter)
    this.#arm(now)
    this.keeper.changed(now)
  }

  leave(waiter: Waiter, now: number): void {
    if (!this.#line.leave(waiter)) return
    if (this.queued === 0) this.#rest()
    this.keeper.changed(now)
  }

  /** Something says that all is not well: the calm has to begin anew, and the pace too, unless it is just that others need the room. */
  unwell(heldUp = false): void {
    this.#wellSince = NaN
    this.#pace.stop(heldUp)
  }

  ring(_alarm: Alarm, now: number): void {
    this.#alarm = undefined
    this.#accepted.advance(now)
    try {
      this.#look(now)
    } finally {
      // Also where a guard throws that was asked: who waits is looked after again.
      if (this.queued > 0) this.#arm(now)
      else this.#rest()
    }
    this.keeper.changed(now)
  }

  /** Nobody has to wait any more. */
  empty(now: number): void {
    while (this.queued > 0) this.#next(false)
    this.#rest()
    this.keeper.changed(now)
  }

  #look(now: number): void {
    const { keeper } = this
    const pressure = keeper.pressed()
    if (keeper.trialDue()) {
      if (pressure >= keeper.below()) this.unwell()
      return this.#next(true)
    }
    this.#pressure += (pressure - this.#pressure) * -Math.expm1((this.#lookedAt - now) / SMOOTH_MS)
    this.#lookedAt = now
    if (this.#pressure >= keeper.below()) return this.unwell(true)
    if (!(this.#wellSince <= now)) this.#wellSince = now
    // Not at this very moment: who went now might be refused further in.
    if (this.calmInMs(now) > 0 || pressure >= keeper.below()) return
    for (let due = this.#pace.due(now, this.perSecond(now)); due > 0 && this.queued > 0; due--) this.#next(false)
  }

  #next(trial: boolean): void {
    const waiter = this.#line.first
    if (waiter === undefined) return
    this.#line.leave(waiter)
    this.keeper.letGo(waiter, trial)
  }

  #arm(now: number): void {
    this.#alarm ??= this.#timers!.set(this, now + TICK_MS, TICK_MS)
  }

  #rest(): void {
    this.unwell()
    if (this.#alarm === undefined) return
    this.#timers!.clear(this.#alarm)
    this.#alarm = undefined
  }
}
