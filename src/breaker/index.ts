import type { Breaker } from './breaker.ts'
import { BreakerGuard } from './guard.ts'
import type { BreakerOptions } from './options.ts'

export type { Breaker } from './breaker.ts'
export type { BreakerState } from './circuit.ts'
export type { BreakerOptions, BreakerProbes } from './options.ts'
export type { BreakerSnapshot, ClosedSnapshot, CountWindowSnapshot, OpenSnapshot, TimeWindowSnapshot } from './snapshot.ts'

/**
 * A circuit breaker: while a dependency fails, calls are refused at once (`BreakerOpenError`) instead of being sent, and after a break a
 * few probes find out whether it is back.
 *
 * Closed, it counts how calls ended: success, or failure and overload; a refusal further in, the caller's abort and whatever is
 * `ignored` count nowhere. After every result it opens if at least `failureRatio` of the last `windowMs` (10 s) or
 * `windowCalls` failed, from `minimumThroughput` (20) results on; if `consecutive` failed in a row; or if at least `slowRatio` took `slowMs` or
 * longer. It rests for `breakMs` (5 s, doubling up to `maxBreakMs` while it re-opens, ±20 %), then lets `probes.total` (1) calls through:
 * their success closes it, one failed or slow probe opens it again. Results of calls that began in an earlier state are dropped.
 *
 * Throws a TypeError or RangeError for an option that it does not know, or a value out of its range.
 *
 * Cost: adds no promise; a closed breaker allocates nothing per call, O(1) per result. Reads the clock once per result for
 * a window of time, never for `windowCalls` alone.
 *
 * Source: Nygard, "Release It!" (2007); the fencing of late results after sony/gobreaker's generations.
 */
export function breaker(options?: BreakerOptions): Breaker {
  return new BreakerGuard(options)
}
