import { adaptiveLimit, breaker, park, pipeline, type Policy, retry, shed, throttle, timeout } from 'spillway'
import type { Variant } from './variants.ts'

/**
 * The one pipeline that all scenarios are asserted for: nothing in it is tuned to any of them. What each is for:
 *
 * - `retry`: single failures, within a budget.
 * - `shed`: the least important first, by the pressure of the others.
 * - `adaptiveLimit`: a dependency that queues in silence; it sees latency. Its queue, the most important first, is what lets critical calls pass
 *   where the limit is a handful.
 * - `breaker`: an outage, when nearly all fails. What can still serve some is the throttle's. It rests 10 s at most: who rests longer is late
 *   for the recovery.
 * - `throttle`: a dependency that refuses; it sees the share that is accepted.
 *
 * Where low calls are what nobody waits for, `park` stands before `shed`: they stand by until all is well. That is not for all: what is parked does
 * not use what capacity there is.
 */
const recommendedWith = (parking: () => readonly Policy[]): Variant => (surroundings, { timeoutMs, maxAttempts }) => {
  const limit = adaptiveLimit({ queue: 20, maxWaitMs: timeoutMs / 2 })
  const gate = breaker({ failureRatio: 0.95, minimumThroughput: 10, maxBreakMs: 10_000 })
  const share = throttle({ adaptive: true })
  return {
    pipeline: pipeline('sim', [retry({ maxAttempts }), ...parking(), shed(), limit, gate, share, timeout(timeoutMs)], surroundings),
    gauges: { allow: () => share.allow, limit: () => limit.limit, open: () => (gate.state === 'closed' ? 0 : 1) },
  }
}

export const recommended: Variant = recommendedWith(() => [])
export const recommendedParking: Variant = recommendedWith(() => [park()])
