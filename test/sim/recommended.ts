import { breaker, pipeline, retry, timeout } from 'spillway'
import type { Variant } from './variants.ts'

/** The one pipeline that all scenarios are asserted for: nothing in it is tuned to any of them. */
export const recommended: Variant = (surroundings, { timeoutMs, maxAttempts }) => {
  const one = breaker()
  return {
    pipeline: pipeline('sim', [retry({ maxAttempts }), one, timeout(timeoutMs)], surroundings),
    gauges: { open: () => (one.state === 'closed' ? 0 : 1) },
  }
}
