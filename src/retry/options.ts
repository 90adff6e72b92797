import type { Attempt } from '../core/attempt.ts'
import { callable, count, type Effective, known, nameOf, notNegative, wrongType } from '../core/options.ts'
import type { Outcome } from '../core/verdict.ts'
import { type Backoff, exponential } from './backoff.ts'
import { RetryBudget } from './budget.ts'

export interface RetryOptions {
  /** How many attempts at most, the first included: a whole number from 1 on, or Infinity. Default 3. */
  readonly maxAttempts?: number | undefined
  /** How long to wait before each retry. Default `exponential({ initialMs: 100, factor: 2, maxMs: 10_000, jitter: 'full' })`. */
  readonly backoff?: Backoff | undefined
  /**
   * Whether to try again after this outcome. Default: verdict `failure` or `overload`, values too. It is asked about every
   * outcome, successes too, but not about refusals and what the caller ended: those are never retried. Synchronous; if it throws,
   * or answers anything but true or false, that error is the call's.
   */
  // oxlint-disable-next-line typescript/no-explicit-any -- one `when` serves every function of a pipeline
  readonly when?: ((outcome: Outcome<any>, attempt: Attempt) => boolean) | undefined
  /** Of which budget each retry is paid; share a `retryBudget({…})` among what calls the same dependency. `false` for none. Default: one of its own. */
  readonly budget?: RetryBudget | false | undefined
  /** The longest wait in ms that the dependency may ask for (Retry-After); asked for more, the outcome comes out at once. From 0 on. Default 10 000. */
  readonly maxRetryAfterMs?: number | undefined
  /** What events, errors and `describe()` call it. Default `'retry'`. */
  readonly name?: string | undefined
}

/** What is in force. */
export type RetrySettings = Effective<Omit<RetryOptions, 'when'>> & Pick<RetryOptions, 'when'>

const defaults = Object.freeze({ maxAttempts: 3, backoff: exponential(), maxRetryAfterMs: 10_000, name: 'retry' })
const live = ['maxAttempts', 'backoff', 'when', 'budget', 'maxRetryAfterMs'] as const
const keys = [...live, 'name'] as const

/** What the user said over what was in force `before`, or over the defaults; checked as a whole. */
export function settle(options: RetryOptions | undefined, before?: RetrySettings): RetrySettings {
  const said = known('retry', options, before === undefined ? keys : live)
  const settings = { ...(before ?? defaults), ...said } as RetrySettings
  count('retry.maxAttempts', settings.maxAttempts, 1)
  callable('retry.backoff', settings.backoff)
  if (settings.when !== undefined) callable('retry.when', settings.when)
  if (settings.budget !== undefined && settings.budget !== false && !isBudget(settings.budget)) wrongType('retry.budget', 'a retryBudget({…}) or false', settings.budget)
  notNegative('retry.maxRetryAfterMs', settings.maxRetryAfterMs)
  nameOf('retry.name', settings.name)
  return Object.freeze({ ...settings, budget: settings.budget ?? new RetryBudget() })
}

/** By what it can do: the application may hold two copies of this library. */
function isBudget(value: unknown): boolean {
  return typeof value === 'object' && value !== null && ['bind', 'deposit', 'withdraw', 'refund'].every((method) => typeof (value as Record<string, unknown>)[method] === 'function')
}
