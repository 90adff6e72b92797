import { adaptiveLimit, breaker, park, pipeline, retry, shed, throttle, timeout } from 'spillway'
import type { Variant } from './variants.ts'

/**
 * The one pipeline that all scenarios are asserted for: nothing in it is tuned to any of them. What each is for:
 *
 * - `retry`: single failures, within a budget.
 * - `park`: what nobody waits for stands by until all is well.
 * - `shed`: the least important first, by the pressure of the others.
 * - `breaker`: an outage, when all of 20 calls failed. What can still serve some is the throttle's: a breaker that opens in a brownout lets go
 *   of a share that was learned. It rests 10 s at most: who rests longer is late for the recovery.
 * - `throttle`: a dependency that refuses; it sees the share that is accepted.
 * - `adaptiveLimit`: a dependency that queues in silence; it sees latency. Critical calls may take three times the limit, which in a fleet is a
 *   handful each.
 */
export const recommended: Variant = (surroundings, { timeoutMs, maxAttempts }) => {
  const gate = breaker({ failureRatio: 1, maxBreakMs: 10_000 })
  const share = throttle({ adaptive: true })
  const limit = adaptiveLimit({ room: { critical: 3 } })
  return {
    pipeline: pipeline('sim', [retry({ maxAttempts }), park(), shed(), gate, share, limit, timeout(timeoutMs)], surroundings),
    gauges: { allow: () => share.allow, limit: () => limit.limit, open: () => (gate.state === 'closed' ? 0 : 1) },
  }
}
