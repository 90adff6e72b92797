import { breaker } from '../breaker/index.ts'
import { bulkhead } from '../bulkhead/index.ts'
import { count, known, positive } from '../core/options.ts'
import { retry } from '../retry/index.ts'
import { timeout } from '../timeout/index.ts'
import type { FetchPolicies } from './options.ts'

export interface StandardOptions {
  /** For the whole call, retries and back-offs included, in ms. Over 0; Infinity for none. Default 30 000. */
  readonly totalMs?: number | undefined
  /** How many attempts at most, the first included. From 1 on. Default 3. */
  readonly maxAttempts?: number | undefined
  /** The share of failed attempts at which the breaker opens, 0..1. Default 0.5. */
  readonly failureRatio?: number | undefined
  /** From how many attempts in 10 s on the breaker judges. From 1 on. Default 20. */
  readonly minimumThroughput?: number | undefined
  /** How long the breaker rests, in ms. Default 5 000. */
  readonly breakMs?: number | undefined
  /** How many requests may be under way at once. Default 100. */
  readonly slots?: number | undefined
  /** For one attempt, until the head of the response, in ms. Over 0; Infinity for none. Default: a third of `totalMs`, at most 10 000. */
  readonly attemptMs?: number | undefined
}

const defaults = Object.freeze({ totalMs: 30_000, maxAttempts: 3, slots: 100 })
const keys = ['totalMs', 'maxAttempts', 'failureRatio', 'minimumThroughput', 'breakMs', 'slots', 'attemptMs'] as const

/**
 * The policies that most calls over HTTP want: total timeout → retry → breaker → bulkhead → attempt timeout. New ones at each
 * call, so that no two fetches share a breaker. For anything but other numbers write the list yourself: it is five lines.
 *
 * @throws RangeError or TypeError for a number out of its range
 */
export function standard(options?: StandardOptions): FetchPolicies {
  const { totalMs, maxAttempts, slots, attemptMs: said, ...trip } = { ...defaults, ...known('standard', options, keys) } as typeof defaults & StandardOptions
  positive('standard.totalMs', totalMs)
  const attemptMs = said ?? Math.min(10_000, totalMs / 3)
  count('standard.maxAttempts', maxAttempts, 1)
  count('standard.slots', slots)
  positive('standard.attemptMs', attemptMs)
  // A probe that times out must be seen to fail, so its lease is the longer of the two.
  const probes = attemptMs < Infinity ? { leaseMs: 2 * attemptMs } : undefined
  return [timeout(totalMs, { name: 'total' }), retry({ maxAttempts }), breaker({ ...trip, probes }), bulkhead({ slots }), timeout(attemptMs, { name: 'attempt' })]
}
