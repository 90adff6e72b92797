import type { Subscribable } from '../core/events.ts'
import type { Guard } from '../core/policy.ts'
import type { ParkOptions, ParkSettings } from './options.ts'

/** A place to wait until all is well: see {@link park}. One may stand in several pipelines; it looks at the guards of the one that folded it first. */
export interface Park extends Guard, Subscribable {
  readonly options: ParkSettings
  /** `'idle'`: nobody waits. `'parking'`: somebody waits, and all is not well, or not yet for long enough. `'releasing'`: they are being let go. */
  readonly state: ParkState
  /** How many wait now. */
  readonly queued: number
  /** How many have been parked, and how many of them were let go to be served. */
  readonly parked: number
  readonly released: number
  /**
   * Checked as a whole, in force at once. A shorter queue drops nobody who is in it; another `maxWaitMs` is for who comes from now on. `mode`
   * `'observe'` or `'off'` lets everybody go who waits.
   */
  update(options: Partial<Omit<ParkOptions, 'name'>>): void
}

export type ParkState = 'idle' | 'parking' | 'releasing'
