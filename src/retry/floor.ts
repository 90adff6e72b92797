import type { Clock } from '../core/clock.ts'
import { finitePositive, known, notNegative } from '../core/options.ts'

export interface RetryFloorOptions {
  /** Retries per second that are granted whatever the traffic, from 0 on; per process. Default 1. */
  readonly minPerSecond?: number | undefined
  /** For how long in ms they can be saved up, over 0 and finite. Default 10 000. */
  readonly ttlMs?: number | undefined
}

export const floorDefaults: FloorSettings = Object.freeze({ minPerSecond: 1, ttlMs: 10_000 })

export interface FloorSettings {
  readonly minPerSecond: number
  readonly ttlMs: number
}

export function checkFloor(owner: string, { minPerSecond, ttlMs }: FloorSettings): void {
  notNegative(`${owner}.minPerSecond`, minPerSecond)
  finitePositive(`${owner}.ttlMs`, ttlMs)
}

function check(options: RetryFloorOptions | undefined, before: FloorSettings): FloorSettings {
  const settings = { ...before, ...known<object>('retryFloor', options, Object.keys(floorDefaults) as never[]) }
  checkFloor('retryFloor', settings)
  return Object.freeze(settings)
}

/** How many retries may be saved up: with the defaults 1 · 10 000 / 1000 = 10. */
export function sizeOf({ minPerSecond, ttlMs }: FloorSettings): number {
  return (minPerSecond * ttlMs) / 1_000
}

/** Ten times 0.1 is a little less than 1. */
export const ONE: number = 1 - 1e-9

/**
 * The part of a retry budget that is granted whatever the traffic, for many budgets together: a bucket of `minPerSecond · ttlMs / 1000`
 * retries, full when fresh, refilled by `minPerSecond`. With the defaults that is 10 at once and 1 per second. It holds at least 1, or
 * a floor of 0.05 per second would never grant any.
 *
 * A budget that shares it spends what its own first attempts have earned before it comes here.
 */
export class RetryFloor {
  #settings: FloorSettings
  #clock: Clock | undefined
  #at = NaN
  #level: number

  constructor(options?: RetryFloorOptions) {
    this.#settings = check(options, floorDefaults)
    this.#level = sizeOf(this.#settings)
  }

  /** Effective options, defaults included. */
  get options(): FloorSettings {
    return this.#settings
  }

  /** As its options show it: for `JSON.stringify(pipeline.describe())`. */
  toJSON(): FloorSettings {
    return this.#settings
  }

  /** Starts its time; called by the budgets that share it. */
  bind(clock: Clock): void {
    if (this.#clock === clock) return
    if (this.#clock !== undefined) throw new TypeError('Cannot use one retryFloor on two clocks: it is bound to that of another pipeline')
    this.#clock = clock
    this.balance()
  }

  /** Whether it grants a retry at `now`, ms on the pipelines' clock; takes its token if so. */
  withdraw(now: number): boolean {
    if (this.balance(now) < ONE) return false
    this.#level -= 1
    return true
  }

  /** Gives back the token of a retry that was refused before it started. */
  refund(): void {
    this.#level += 1
  }

  /** How many retries it would grant at once at `now` (default: now on the pipelines' clock). A fraction; for gauges. */
  balance(now: number = this.#clock?.now() ?? this.#at): number {
    const passed = now > this.#at ? now - this.#at : 0
    const earned = passed > 0 ? (this.#settings.minPerSecond * passed) / 1_000 : 0
    this.#level = Math.min(this.#level + earned, Math.max(1, sizeOf(this.#settings)))
    if (Number.isNaN(this.#at) || passed > 0) this.#at = now
    return this.#level
  }

  /** Changes some options, checked with the others as a whole. What is left stays, up to the new size. */
  update(options: RetryFloorOptions): void {
    this.#settings = check(options, this.#settings)
  }
}

/**
 * Makes one floor for many budgets, `retryBudget({ floor })`: by default 10 retries at once and 1 per second for all of them
 * together. Without it each budget has its own, and those of one `keyed` share one.
 *
 * @throws RangeError, TypeError for an option out of its range
 */
export function retryFloor(options?: RetryFloorOptions): RetryFloor {
  return new RetryFloor(options)
}

/** The floors of a family of budgets, by what those say. Kept by whoever keeps the family. */
export type RetryFloors = Map<string, RetryFloor>

/** The family's floor for who says this. */
export function floorOf(floors: RetryFloors, { minPerSecond, ttlMs }: FloorSettings): RetryFloor {
  const said = `${minPerSecond} per s for ${ttlMs} ms`
  let floor = floors.get(said)
  if (floor === undefined) floors.set(said, (floor = new RetryFloor({ minPerSecond, ttlMs })))
  return floor
}
