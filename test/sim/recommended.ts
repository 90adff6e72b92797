import { adaptiveLimit, breaker, pipeline, retry, throttle, timeout } from 'spillway'
import type { Variant } from './variants.ts'

/**
 * The one pipeline that all scenarios are asserted for: nothing in it is tuned to any of them. What each is for:
 *
 * - `retry`: single failures, within a budget.
 * - `adaptiveLimit`: a dependency that queues in silence; it sees latency. Its queue, the most important first, is what lets critical calls
 *   pass where the limit is a handful.
 * - `breaker`: an outage. Only when nine of ten fail, since what can still serve some is the throttle's; and it rests 10 s at most, since
 *   whoever rests longer is late for the recovery.
 * - `throttle`: a dependency that refuses; it sees the share that is accepted, and lets the most important pass first.
 */
export const recommended: Variant = (surroundings, { timeoutMs, maxAttempts }) => {
  const limit = adaptiveLimit({ queue: 20, maxWaitMs: timeoutMs / 2 })
  const gate = breaker({ failureRatio: 0.9, minimumThroughput: 10, maxBreakMs: 10_000 })
  const share = throttle({ adaptive: true })
  return {
    pipeline: pipeline('sim', [retry({ maxAttempts }), limit, gate, share, timeout(timeoutMs)], surroundings),
    gauges: { allow: () => share.allow, limit: () => limit.limit, open: () => (gate.state === 'closed' ? 0 : 1) },
  }
}
