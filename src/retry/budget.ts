import type { Clock } from '../core/clock.ts'
import { known, ratio, wrongType } from '../core/options.ts'
import { checkFloor, floorDefaults, floorOf, ONE, type RetryFloor, type RetryFloors, sizeOf } from './floor.ts'

export interface RetryBudgetOptions {
  /** Retries earned by each first attempt, 0..1. Default 0.1: in the long run at most one retry for ten first attempts. */
  readonly ratio?: number | undefined
  /** Retries per second that are granted whatever the traffic, from 0 on; per process. Default 1. */
  readonly minPerSecond?: number | undefined
  /** How long in ms what was earned lasts, over 0 and finite. Default 10 000. */
  readonly ttlMs?: number | undefined
  /** A `retryFloor({…})` that it shares with other budgets, in the place of `minPerSecond`. Default: a floor of its own; in `keyed`, one for all keys. */
  readonly floor?: RetryFloor | undefined
}

const budgetDefaults = Object.freeze({ ratio: 0.1, ...floorDefaults })
const keys = ['ratio', 'minPerSecond', 'ttlMs', 'floor'] as const

type Settings = { readonly [K in keyof typeof budgetDefaults]: number } & { readonly floor?: RetryFloor }

function check(options: RetryBudgetOptions | undefined, before: Settings): Settings {
  const said = known('retryBudget', options, keys)
  const settings = { ...before, ...said } as Settings
  ratio('retryBudget.ratio', settings.ratio)
  checkFloor('retryBudget', settings)
  const { floor } = settings
  if (floor === undefined) return Object.freeze(settings)
  if (!isFloor(floor)) wrongType('retryBudget.floor', 'a retryFloor({…})', floor)
  if (said.minPerSecond !== undefined) wrongType('retryBudget.minPerSecond', 'left out where a floor is given: the floor has its own', said.minPerSecond)
  return Object.freeze({ ...settings, minPerSecond: floor.options.minPerSecond })
}

/** By what it can do: the application may hold two copies of this library. */
function isFloor(value: unknown): boolean {
  return typeof value === 'object' && value !== null && ['bind', 'withdraw', 'refund', 'balance'].every((method) => typeof (value as Record<string, unknown>)[method] === 'function')
}

/**
 * What keeps retries and hedges of one dependency from multiplying an outage: one level of tokens, `+ratio` per first
 * attempt, `+minPerSecond` per second, `−1` per retry or hedge, never more than `minPerSecond·ttl + ratio·rate·ttl`. With 100
 * first attempts per second and the defaults that is 1·10 + 0.1·100·10 = 110 tokens. Source: Finagle's `RetryBudget`, as a
 * smooth bucket: the rate is that of the last `ttlMs`, older first attempts count e-fold less. The cap is at least 1, or
 * little traffic would never earn a whole retry.
 *
 * Share one among the retries and hedges that talk to the same dependency.
 */
export class RetryBudget {
  #settings: Settings
  #clock: Clock | undefined
  /** Up to which time all is counted; NaN until a clock or a `withdraw` tells it. */
  #at = NaN
  #level: number
  /** First attempts of the last ttl, decayed. */
  #recent = 0
  /** First attempts since `#at`, counted in the next `withdraw`: a success reads no clock. */
  #pending = 0
  /** The floor that it shares; without one, its own is part of its level. */
  #shared: RetryFloor | undefined
  #floors: RetryFloors | undefined
  /** Whether the shared floor paid for the last retry: a refund goes where that came from. */
  #sharedPaid = false

  constructor(options?: RetryBudgetOptions) {
    this.#settings = check(options, budgetDefaults)
    this.#shared = this.#settings.floor
    this.#level = this.#floor
  }

  /** Effective options, defaults included. */
  get options(): RetryBudgetOptions {
    return this.#settings
  }

  /** As its options show it: for `JSON.stringify(pipeline.describe())`. */
  toJSON(): RetryBudgetOptions {
    return this.#settings
  }

  /** Starts its time; called by the policies that use it when they are folded. */
  bind(clock: Clock): void {
    if (this.#clock === clock) return
    if (this.#clock !== undefined) throw new TypeError('Cannot use one retryBudget on two clocks: it is bound to that of another pipeline')
    this.#shared?.bind(clock)
    this.#clock = clock
    this.#fold(clock.now())
  }

  /**
   * Makes it one of a family, such as that of `keyed`: budgets of a family whose `minPerSecond` and `ttlMs` are the same share one floor, so that
   * it stays what it is said to be, per process. What was earned beyond its own floor stays. One with a `floor` option keeps
   * that; one that is in a family stays in it.
   */
  shareFloor(floors: RetryFloors): void {
    if (this.#shared !== undefined) return
    // An endless floor leaves NaN.
    this.#level = Math.max(0, this.#level - this.#floor) || 0
    this.#floors = floors
    this.#share()
  }

  #share(): void {
    this.#shared = this.#floors === undefined ? this.#settings.floor : floorOf(this.#floors, this.#settings)
    if (this.#clock !== undefined) this.#shared?.bind(this.#clock)
  }

  /** A first attempt ran. Reads no clock, allocates nothing. */
  deposit(): void {
    this.#pending++
  }

  /** Whether a retry or hedge may run at `now`, ms on the pipeline's clock; takes its token if so. */
  withdraw(now: number): boolean {
    this.#fold(now)
    const own = this.#level >= ONE
    if (own) this.#level -= 1
    else if (this.#shared?.withdraw(now) !== true) return false
    this.#sharedPaid = !own
    return true
  }

  /** Gives back the token of a retry or hedge that was refused before it started. */
  refund(): void {
    if (this.#sharedPaid) this.#shared!.refund()
    else this.#level += 1
  }

  /** How many retries it would grant at once at `now` (default: now on the pipeline's clock), a shared floor included. A fraction; for gauges. */
  balance(now: number = this.#clock?.now() ?? this.#at): number {
    this.#fold(now)
    return this.#level + (this.#shared?.balance(now) ?? 0)
  }

  /** Changes some options, checked with the others as a whole. What was earned stays, up to the new cap. */
  update(options: RetryBudgetOptions): void {
    this.#settings = check(options, this.#settings)
    if (this.#settings.floor !== undefined) this.#floors = undefined
    this.#share()
  }

  /** What it grants whatever the traffic, beside what a shared floor does. */
  get #minPerSecond(): number {
    return this.#shared === undefined ? this.#settings.minPerSecond : 0
  }

  get #floor(): number {
    return sizeOf({ minPerSecond: this.#minPerSecond, ttlMs: this.#settings.ttlMs })
  }

  #fold(now: number): void {
    const { ratio: share, ttlMs } = this.#settings
    const minPerSecond = this.#minPerSecond
    // Without a start nobody knows how old the first deposits are: they may be worth a day's traffic, so they say no rate.
    const started = !Number.isNaN(this.#at)
    const passed = started && now > this.#at ? now - this.#at : 0
    const spans = passed / ttlMs
    // Spread evenly over what has passed, n attempts leave n·(1 − e^−x)/x of them: 10 in one ttl count as 6.3, with the 3.7 before as 10.
    if (started) this.#recent = this.#recent * Math.exp(-spans) + (spans > 0 ? (this.#pending * -Math.expm1(-spans)) / spans : this.#pending)
    const earned = share * this.#pending + (passed > 0 ? (minPerSecond * passed) / 1_000 : 0)
    this.#level = Math.min(this.#level + earned, Math.max(1, this.#floor + share * this.#recent))
    this.#pending = 0
    if (!started || passed > 0) this.#at = now
  }
}

/** Makes a {@link RetryBudget}: `{ ratio: 0.1, minPerSecond: 1, ttlMs: 10_000 }`. Throws a RangeError or TypeError for an option out of its range. */
export function retryBudget(options?: RetryBudgetOptions): RetryBudget {
  return new RetryBudget(options)
}
