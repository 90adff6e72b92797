import { guarded, type OnInternalError } from '../core/hooks.ts'
import { notNegative } from '../core/options.ts'
import { type BreakerSettings, defaults } from './options.ts'

/** A clock's times are sums of fractions: less than this many ms is no time. */
const NOTHING_MS = 0.001

/** The rest of an open breaker: from when on, how long, and why. */
export class Rest {
  constructor(
    /** NaN as long as nobody has told the time: it begins when somebody does. */
    public since: number,
    readonly ms: number,
    readonly reason: string,
    /** How long the break is of which this rest is what was left when it was restored. */
    readonly breakMs: number = ms,
  ) {}

  /** The first time that is told begins a rest that has not begun. */
  begin(now: number): void {
    if (Number.isNaN(this.since)) this.since = now
  }

  /** How many ms are left of it, 0 when it is over. A rest that has not begun is all left, as it is to who has no clock (NaN). */
  left(now: number): number {
    const passed = now - this.since
    if (Number.isNaN(passed)) return this.ms
    const left = this.ms - passed
    return left > NOTHING_MS ? left : 0
  }

  /** The same in whole ms: who waits so long will find it over. */
  wholeLeft(now: number): number {
    return Math.max(0, Math.ceil(this.left(now) - NOTHING_MS))
  }
}

/**
 * How long a breaker rests that opens for the `opensInARow`th time: `breakMs · 2^(opensInARow − 1)`, spread by ±20 %, at most
 * `maxBreakMs`. With the defaults the third break is 20 000 × (0.8 … 1.2): from 16 to 24 s. And no less than what the dependency
 * asked for, up to `maxBreakMs`.
 */
export function restMs(settings: BreakerSettings, opensInARow: number, random: () => number, retryAfterMs: number | undefined, report: OnInternalError): number {
  const { breakMs, maxBreakMs } = settings
  const ms = (typeof breakMs === 'function' ? returned(breakMs, opensInARow, report) : undefined) ?? doubled(breakMs, opensInARow, maxBreakMs, random)
  return retryAfterMs !== undefined && retryAfterMs > ms ? Math.max(ms, Math.min(retryAfterMs, maxBreakMs)) : ms
}

function doubled(breakMs: BreakerSettings['breakMs'], opensInARow: number, maxBreakMs: number, random: () => number): number {
  const firstMs = typeof breakMs === 'number' ? breakMs : defaults.breakMs
  const ms = Math.min(firstMs * 2 ** (opensInARow - 1), maxBreakMs)
  return Math.min(ms * (0.8 + 0.4 * random()), maxBreakMs)
}

/** What the user's function says; `undefined` if it fails: a breaker must open even then. */
function returned(breakMs: (opensInARow: number) => number, opensInARow: number, report: OnInternalError): number | undefined {
  let ms: number | undefined
  guarded(report, () => {
    ms = notNegative('breaker.breakMs(…)', breakMs(opensInARow))
  })
  return ms
}
