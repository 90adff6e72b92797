import type { Effective } from '../core/options.ts'
import type { Guard } from '../core/policy.ts'
import type { BulkheadOptions } from './options.ts'

/** A bulkhead: see {@link bulkhead}. One bulkhead may stand in several pipelines and is then one bulkhead, with one queue. */
export interface Bulkhead extends Guard {
  readonly options: Effective<BulkheadOptions>
  /** How many attempts hold a slot: running, timed out and still at work, or about to run because a slot was just handed to them. */
  readonly inFlight: number
  /** How many wait for a slot. */
  readonly queued: number
  /**
   * Checked as a whole, in force at once. More slots go to who waits; fewer than are held take effect as attempts end. A shorter queue drops
   * nobody who is in it; another `maxWaitMs` is for who comes from now on. `mode` `'observe'` or `'off'` lets everybody go who waits.
   */
  update(options: Partial<Omit<BulkheadOptions, 'name'>>): void
}
