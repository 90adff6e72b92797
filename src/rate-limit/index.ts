import { RateLimitGuard } from './guard.ts'
import type { RateLimitOptions } from './options.ts'
import type { RateLimit } from './rate-limit.ts'

export type { RateLimitOptions, RateLimitSettings } from './options.ts'
export type { RateLimit } from './rate-limit.ts'

/**
 * Lets at most `permits` attempts start per `everyMs`, for a dependency that counts its callers: a token bucket, exact to the token over
 * any span of time. After a quiet time up to `burst` (`permits`) start at one moment. The others are refused at once with a
 * `RateLimitedError` that says in `retryAfterMs` when a permit is there; with a `queue`, so many may wait, first come, first served, and only who
 * gets its permit within `maxWaitMs` (1 s) and before its deadline is let wait at all.
 *
 * An attempt refused further in gives its permit back. When an outcome says `retryAfterMs` (Retry-After), nothing starts until then,
 * `maxRetryAfterMs` (60 s) at most. Per process: ten processes start ten times as many.
 *
 * Put one with a queue outside the breaker. Without a pipeline (in two steps) nobody can wait: it refuses when no permit is there.
 *
 * Cost: adds no promise and allocates nothing; one clock read. One promise for who waits, and one alarm for all of them.
 *
 * Source: token bucket, as a schedule (GCRA, ITU-T I.371).
 *
 * @throws RangeError, TypeError at build
 */
export function rateLimit(options: RateLimitOptions): RateLimit {
  return new RateLimitGuard(options)
}
