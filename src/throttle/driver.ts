import { AdaptiveShare } from '../math/adaptive-share.ts'
import { Baseline } from '../math/baseline.ts'
import type { AdaptiveSettings } from './options.ts'
import { SreShare } from './sre.ts'

/** What finds out the share that may pass. Told the time by argument. */
export interface Driver {
  readonly share: number
  /** What part of the calls that ended lately was accepted; 1 where none did. */
  readonly acceptance: number
  readonly offeredPerSecond: number
  /** Whether it knows something that one made anew would not. */
  readonly busy: boolean
  /** A call has ended. True when the share may have changed, and now and then. */
  settled(accepted: boolean, now: number): boolean
  /** A call was refused for this share. True when the share may have changed. */
  refused(now: number): boolean
  seed(share: number, now: number): void
}

const LEAST_WINDOW_MS = 4_000
const MOST_WINDOW_MS = 60_000
const SRE_WINDOW_MS = 10_000

export function driverOf({ algorithm, windowMs, minimumThroughput, k }: AdaptiveSettings, timeoutMs: number): Driver {
  if (algorithm === 'sre') return new SreShare(windowMs ?? SRE_WINDOW_MS, k, minimumThroughput)
  // What is sent now is known to be lost only a timeout later: a window of four sees what it has done.
  const byTimeout = timeoutMs === Infinity ? 0 : 4 * timeoutMs
  return new AdaptiveShare(windowMs ?? Math.min(MOST_WINDOW_MS, Math.max(LEAST_WINDOW_MS, byTimeout)), minimumThroughput, new Baseline())
}
