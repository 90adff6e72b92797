import { count, type Effective, finitePositive, known, nameOf, notNegative, oneOf, outOfRange } from '../core/options.ts'
import { type Mode, modes } from '../core/policy.ts'

export interface RateLimitOptions {
  /** How many attempts may start per `everyMs`: a whole number from 0 on; Infinity for no limit. No default: it is yours to say. */
  readonly permits: number
  /** The span, in ms, over 0 and finite. No default. */
  readonly everyMs: number
  /** How many may start at one moment after a quiet time: a whole number from 1 on. Default `permits`. With 1 they are spaced evenly. */
  readonly burst?: number | undefined
  /** How many may wait for their permit: a whole number from 0 on; Infinity for any number. Default 0: who finds none is refused now. */
  readonly queue?: number | undefined
  /** How long one may wait, in ms, from 0 on. Who would have to wait longer is refused at once. Default 1 000. */
  readonly maxWaitMs?: number | undefined
  /** The longest pause in ms that the dependency may ask for (Retry-After); asked for more, it pauses so long. From 0 on; 0: it asks in vain. Default 60 000. */
  readonly maxRetryAfterMs?: number | undefined
  /** Default `'enforce'`. */
  readonly mode?: Mode | undefined
  /** Default `'rateLimit'`. */
  readonly name?: string | undefined
}

/** Effective options, defaults included. */
export type RateLimitSettings = Effective<RateLimitOptions>

/** What a user said: nothing in it is `undefined`. */
export type Stated = Partial<RateLimitSettings>

export const defaults: Omit<RateLimitSettings, 'permits' | 'everyMs' | 'burst'> = Object.freeze({ queue: 0, maxWaitMs: 1_000, maxRetryAfterMs: 60_000, mode: 'enforce', name: 'rateLimit' })
const changeable = ['permits', 'everyMs', 'burst', 'queue', 'maxWaitMs', 'maxRetryAfterMs', 'mode'] as const
const keys = [...changeable, 'name'] as const

/** What the user says, over what he said before: then all but the name may change. Its keys are checked, its values not yet. */
export function stated(options: Partial<RateLimitOptions>, before?: Stated): Stated {
  return { ...before, ...known<Partial<RateLimitOptions>>('rateLimit', options, before === undefined ? keys : changeable) } as Stated
}

/** What is in force: checked, with its defaults, frozen. */
export function settings(said: Stated): RateLimitSettings {
  const all = { ...defaults, ...said }
  const permits = count('rateLimit.permits', all.permits)
  // Nothing may start, or nothing is counted: only then may a burst be as large as that.
  const burst = all.burst === undefined ? permits : count('rateLimit.burst', all.burst, Math.min(1, permits))
  if (burst === Infinity && permits !== Infinity) outOfRange('rateLimit.burst', 'finite, as permits is', burst)
  return Object.freeze({
    permits,
    everyMs: finitePositive('rateLimit.everyMs', all.everyMs),
    burst,
    queue: count('rateLimit.queue', all.queue),
    maxWaitMs: notNegative('rateLimit.maxWaitMs', all.maxWaitMs),
    maxRetryAfterMs: notNegative('rateLimit.maxRetryAfterMs', all.maxRetryAfterMs),
    mode: oneOf('rateLimit.mode', all.mode, modes),
    name: nameOf('rateLimit.name', all.name),
  })
}
