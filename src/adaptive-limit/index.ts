import type { AdaptiveLimit } from './adaptive-limit.ts'
import { AdaptiveLimitGuard } from './guard.ts'
import type { AdaptiveLimitOptions } from './options.ts'

export type { AdaptiveLimit } from './adaptive-limit.ts'
export type { AlgorithmName } from './algorithm.ts'
export type { AdaptiveLimitOptions, AdaptiveLimitSettings } from './options.ts'
export type { Room } from './room.ts'

/**
 * A bulkhead that finds its size. It lets as many attempts run as the dependency can bear, learned from what comes back: more while
 * results are good, fewer on overload (timeouts, 429, 503, refused connections) and while results take much longer than they did with
 * room. It sees what a success ratio cannot: a dependency that queues in silence. Each priority may fill its share of the limit, so
 * that important calls find room while the others fill it. Who finds none is refused at once with a `BulkheadFullError`; with a `queue`,
 * so many may first wait for it, the most important going first. A place is held until the work has really ended.
 *
 * Put one outside the breaker if it has a queue, and around the attempt's timeout. Plain failures and what the caller ended
 * teach it nothing.
 *
 * Events: `limit.changed` when the limit has moved by a tenth; `policy.warned`, once, when it is larger than half of what the
 * dependency answers within the timeout.
 *
 * Cost: adds no promise, two clock reads per attempt (shared with other guards); nothing is allocated. One promise for who waits.
 *
 * @throws RangeError, TypeError at build
 */
export function adaptiveLimit(options?: AdaptiveLimitOptions): AdaptiveLimit {
  return new AdaptiveLimitGuard(options)
}
