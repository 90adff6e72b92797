import type { Clock } from '../core/clock.ts'
import { finitePositive, known, notNegative, ratio } from '../core/options.ts'

export interface RetryBudgetOptions {
  /** Retries earned by each first attempt, 0..1. Default 0.1: in the long run at most one retry for ten first attempts. */
  readonly ratio?: number | undefined
  /** Retries per second that are granted whatever the traffic, from 0 on; per process. Default 1. */
  readonly minPerSecond?: number | undefined
  /** How long in ms what was earned lasts, over 0 and finite. Default 10 000. */
  readonly ttlMs?: number | undefined
}

const budgetDefaults = Object.freeze({ ratio: 0.1, minPerSecond: 1, ttlMs: 10_000 })

type Settings = { readonly [K in keyof typeof budgetDefaults]: number }

function check(options: RetryBudgetOptions | undefined, before: Settings): Settings {
  const settings = { ...before, ...known<object>('retryBudget', options, Object.keys(budgetDefaults) as never[]) }
  ratio('retryBudget.ratio', settings.ratio)
  notNegative('retryBudget.minPerSecond', settings.minPerSecond)
  finitePositive('retryBudget.ttlMs', settings.ttlMs)
  return Object.freeze(settings)
}

// Ten times 0.1 is a little less than 1.
const ONE = 1 - 1e-9

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

  constructor(options?: RetryBudgetOptions) {
    this.#settings = check(options, budgetDefaults)
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
    this.#clock = clock
    this.#fold(clock.now())
  }

  /** A first attempt ran. Reads no clock, allocates nothing. */
  deposit(): void {
    this.#pending++
  }

  /** Whether a retry or hedge may run at `now`, ms on the pipeline's clock; takes its token if so. */
  withdraw(now: number): boolean {
    this.#fold(now)
    if (this.#level < ONE) return false
    this.#level -= 1
    return true
  }

  /** Gives back the token of a retry or hedge that was refused before it started. */
  refund(): void {
    this.#level += 1
  }

  /** How many retries it would grant at once at `now` (default: now on the pipeline's clock). A fraction; for gauges. */
  balance(now: number = this.#clock?.now() ?? this.#at): number {
    this.#fold(now)
    return this.#level
  }

  /** Changes some options, checked with the others as a whole. What was earned stays, up to the new cap. */
  update(options: RetryBudgetOptions): void {
    this.#settings = check(options, this.#settings)
  }

  get #floor(): number {
    return (this.#settings.minPerSecond * this.#settings.ttlMs) / 1_000
  }

  #fold(now: number): void {
    const { ratio: share, minPerSecond, ttlMs } = this.#settings
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
