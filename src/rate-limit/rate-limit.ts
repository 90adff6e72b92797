import type { Guard } from '../core/policy.ts'
import type { RateLimitOptions, RateLimitSettings } from './options.ts'

/** A rate limit: see {@link rateLimit}. One rate limit may stand in several pipelines and is then one, with one queue. */
export interface RateLimit extends Guard {
  readonly options: RateLimitSettings
  /** How many attempts could start now. Before a pipeline has folded it: at the time of the last attempt. */
  readonly available: number
  /** How many wait for their permit. */
  readonly queued: number
  /**
   * Checked as a whole, in force at once. Permits that are there stay, as far as the new `burst` has room; `burst` follows `permits` unless it was
   * said. Who waits gets the new pace, and is refused if that is too slow for its `maxWaitMs`, which for who waits stays as it was. A shorter
   * queue drops nobody who is in it. `mode` `'observe'` or `'off'` lets everybody go who waits.
   */
  update(options: Partial<Omit<RateLimitOptions, 'name'>>): void
}
