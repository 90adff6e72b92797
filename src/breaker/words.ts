import { nameDuration } from '../core/duration.ts'
import type { BreakerState } from './circuit.ts'
import type { BreakerSettings } from './options.ts'

const share = (part: number, all: number): string => `${Math.round((100 * part) / all)} %`

function window(calls: number, { windowMs }: BreakerSettings): string {
  if (windowMs === undefined) return `the last ${calls} calls`
  return windowMs === Infinity ? `${calls} calls` : `${calls} calls in ${nameDuration(windowMs)}`
}

/** Why a breaker opened, in words for a log. */
export const say = {
  failed: (failed: number, calls: number, settings: BreakerSettings): string => `${share(failed, calls)} of ${window(calls, settings)} failed`,
  slow: (slow: number, calls: number, settings: BreakerSettings): string => `${share(slow, calls)} of ${window(calls, settings)} took ${nameDuration(settings.slowMs)} or more`,
  inARow: (failures: number): string => `${failures} failure${failures === 1 ? '' : 's'} in a row`,
  probeFailed: 'a probe failed',
  probeSlow: (settings: BreakerSettings): string => `a probe took ${nameDuration(settings.slowMs)} or more`,
  recovering: (part: number): string => `breaker recovering, lets ${share(part, 1)} of the calls pass`,
  byHand: 'opened by hand',
  isolated: 'isolated by hand',
} as const

/** Why a call is refused: completes `Cannot call "payments": …`. */
export function refusing(state: BreakerState, retryAfterMs: number | undefined): string {
  if (state === 'isolated') return 'breaker isolated'
  if (state === 'halfOpen') return 'breaker half-open, all its probes are out'
  return retryAfterMs === undefined ? 'breaker open until it is closed by hand' : `breaker open for ${retryAfterMs} ms more`
}
