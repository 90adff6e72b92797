import type { Subscribable } from '../core/events.ts'
import type { Guard } from '../core/policy.ts'
import type { AdaptiveLimitOptions, AdaptiveLimitSettings } from './options.ts'

/** An adaptive limit: see {@link adaptiveLimit}. One limit may stand in several pipelines and is then one limit, with one queue. */
export interface AdaptiveLimit extends Guard, Subscribable {
  readonly options: AdaptiveLimitSettings
  /** How many may be in flight now: a fraction from `min` to `max`. A priority may fill its share of it, see `room`. */
  readonly limit: number
  /** How many attempts are in flight: running, timed out and still at work, or about to run because room was just handed to them. */
  readonly inFlight: number
  /** How many wait for room. */
  readonly queued: number
  /**
   * Checked as a whole, in force at once; what was learned stays, within the new bounds. A lower limit drops nobody. A shorter queue drops nobody
   * who is in it. Another `algorithm` begins at the limit of the one before. `mode` `'observe'` or `'off'` lets everybody go who waits.
   */
  update(options: Partial<Omit<AdaptiveLimitOptions, 'start' | 'name'>>): void
}
