import { CountWindow } from '../math/count-window.ts'
import { TimeWindow } from '../math/time-window.ts'
import type { BreakerSettings } from './options.ts'
import type { Ramp } from './ramp.ts'
import { type ClosedSnapshot, endless, span } from './snapshot.ts'
import { say } from './words.ts'

/**
 * The era of a closed breaker: the results of the calls that began in it, and the rule that ends it. It is itself the permit
 * of those calls, so that admitting one allocates nothing and a result of a past era is known by not being this one's.
 */
export class Closed {
  failuresInARow = 0
  private settings: BreakerSettings
  /** Made when something is counted: a breaker that nobody calls has none. */
  private counting: TimeWindow | CountWindow | undefined = undefined
  /** While it lets only a share of the calls pass, after a break. */
  ramp: Ramp | undefined = undefined

  constructor(settings: BreakerSettings) {
    this.settings = settings
  }

  private get window(): TimeWindow | CountWindow {
    return (this.counting ??= windowOf(this.settings))
  }

  /** Counts a result; says why the breaker must open, if it must. `now` is read only where `needsTime(settings)`. */
  record(settings: BreakerSettings, failed: boolean, slow: boolean, now: number): string | undefined {
    this.failuresInARow = failed ? this.failuresInARow + 1 : 0
    if (this.failuresInARow >= settings.consecutive) return say.inARow(this.failuresInARow)
    if (settings.minimumThroughput === Infinity) return undefined
    const { window } = this
    window.record(failed, slow, now)
    if (window.calls < settings.minimumThroughput) return undefined
    // A share is divided, not multiplied: 29/100 is exactly what 0.29 is, 0.29 × 100 is 28.999….
    if (window.failed > 0 && window.failed / window.calls >= settings.failureRatio) return say.failed(window.failed, window.calls, settings)
    if (window.slow > 0 && window.slow / window.calls >= settings.slowRatio && settings.slowMs !== Infinity) return say.slow(window.slow, window.calls, settings)
    return undefined
  }

  /** Other settings: the results stay, as far as the other window has room for them. Between a window of time and one of calls nothing can be carried over. */
  resize(settings: BreakerSettings, now: number): void {
    const saved = this.save(now)
    this.settings = settings
    this.counting = undefined
    this.load(saved, now)
  }

  /** A time is known: ages begin to count that were restored before there was one. */
  begin(now: number): void {
    if (this.counting instanceof TimeWindow) this.counting.expire(now)
  }

  save(now: number): ClosedSnapshot {
    const { failuresInARow, window } = this
    const facts = { version: 1, state: 'closed', failuresInARow, ...(this.ramp === undefined ? {} : { rampShare: this.ramp.share }) } as const
    if (window instanceof CountWindow) return { ...facts, window: { results: window.save() } }
    const { buckets, bucketMs } = window.save(now)
    return { ...facts, window: { bucketMs: endless(bucketMs), buckets } }
  }

  /** What is in the window `now`. Changes nothing. */
  counted(now: number): { readonly calls: number; readonly failed: number; readonly slow: number } {
    const { window } = this
    const parts = window instanceof CountWindow ? [window] : window.save(now).buckets
    return parts.reduce((sum, { calls, failed, slow }) => ({ calls: sum.calls + calls, failed: sum.failed + failed, slow: sum.slow + slow }), { calls: 0, failed: 0, slow: 0 })
  }

  load({ failuresInARow, window }: ClosedSnapshot, now: number): void {
    this.failuresInARow = failuresInARow
    if ('results' in window) {
      if (this.window instanceof CountWindow) this.window.load(window.results)
    } else if (this.window instanceof TimeWindow) this.window.load({ bucketMs: span(window.bucketMs), buckets: window.buckets }, now)
  }
}

function windowOf({ windowMs, windowCalls }: BreakerSettings): TimeWindow | CountWindow {
  return windowCalls === undefined ? new TimeWindow(windowMs!) : new CountWindow(windowCalls)
}

/** Whether a closed breaker must know when a result came. */
export function needsTime(settings: BreakerSettings): boolean {
  return settings.windowMs !== undefined && settings.minimumThroughput !== Infinity
}
