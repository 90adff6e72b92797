import { ThrottleGuard } from './guard.ts'
import type { ThrottleOptions } from './options.ts'
import type { Throttle } from './throttle.ts'

export { hintOf, type ThrottleHint } from './hint.ts'
export type { AdaptiveOptions, AdaptiveSettings, ThrottleOptions, ThrottleSettings } from './options.ts'
export type { Throttle } from './throttle.ts'

/**
 * Lets only a share of the calls pass, and refuses the others at once with a `ThrottledError`.
 *
 * - `throttle({ allow: 0.3 })`: 30 of every 100, evenly (error diffusion, not chance). `throttle({ allow: { critical: 1, low: 0.1 } })`: by priority. Live, by
 *   `update`.
 * - `throttle({ adaptive: true })`: as many as the dependency can bear. Of the last 4 s or more it lets a tenth more pass than was accepted, up to
 *   twice as much while nothing is refused: an overloaded dependency gets 1.1 to 1.2 times what it can do and not more, one that comes back from
 *   an outage all calls within some 10 s. What is *not* accepted is the verdict `overload` alone. A constant share of overloads that has nothing to do with load (one of
 *   three machines is gone) is recognised by sending less not helping, and let pass. The most important calls pass first.
 *
 * Calls refused further in count as not sent. While it holds back, `probesPerSecond` (1, per process) pass at least, whatever the traffic, and so does a
 * breaker's probe; only an `allow` of 0 is absolute.
 *
 * Put it inside of `retry` and outside of the attempt's `timeout`.
 *
 * Events: `throttle.changed`; `policy.warned`, once, when an adaptive one has seen 100 failures and no overload.
 *
 * Cost: adds no promise, allocates nothing; some additions per call. Reads the clock once per settled call (shared with other guards), and once per
 * call that it looks at (below 1). An adaptive one is some 7 kB.
 *
 * Source: Beyer et al., "Site Reliability Engineering" (2016), chapter 21, with a gain that varies; error diffusion after Floyd and Steinberg (1976).
 *
 * @throws RangeError, TypeError at build
 */
export function throttle(options?: ThrottleOptions): Throttle {
  return new ThrottleGuard(options)
}
