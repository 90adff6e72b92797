import type { Attempt, Priority } from '../core/attempt.ts'
import type { Subscribable } from '../core/events.ts'
import type { Guard, Refusal } from '../core/policy.ts'
import type { Settled } from '../core/verdict.ts'
import type { ThrottleHint } from './hint.ts'
import type { ThrottleOptions, ThrottleSettings } from './options.ts'

/** A throttle: see {@link throttle}. One throttle may stand in several pipelines and is then one throttle. */
export interface Throttle extends Guard, Subscribable {
  readonly options: ThrottleSettings
  /** The share of the offered calls that may pass now, 0..1, over all priorities as they were offered in the last 10 s. */
  readonly allow: number
  /** The share that may pass now of each priority. */
  readonly allowByPriority: Readonly<Record<Priority, number>>
  /** What part of the calls that were sent lately the dependency accepted, 0..1; 1 where none has ended, or it is not adaptive. */
  readonly acceptance: number
  /** How many calls came here so far. */
  readonly offered: number
  /** How many of them passed; those that were refused further in do not count. */
  readonly sent: number
  /** How many of those ended, and not in an overload. */
  readonly accepted: number

  /**
   * Takes what the dependency says of what it can bear: for so long no larger share passes. The latest hint counts. From a `classify`, or wherever headers are seen:
   * {@link hintOf} reads the usual ones. A hint of 0 is absolute. Throws a TypeError or RangeError that names the field.
   */
  hint(hint: ThrottleHint): void
  /** Checked as a whole, in force at once. What was learned stays, unless the algorithm or its window changes. The name cannot change. */
  update(options: Omit<ThrottleOptions, 'name'>): void

  /** For an attempt without a pipeline. */
  admit(attempt: Attempt): object | Refusal
  settle(permit: object, settled: Settled, attempt: Attempt): void
  /** 1 less what it allows; 0 unless `mode` is `'enforce'`. */
  pressure(): number
  /** What it allows; 1 unless `mode` is `'enforce'`. */
  share(): number
  /** Whether nothing has passed for so long that the next call must. */
  probeDue(): boolean
  /** Whether it holds back for what it has learned or was told. */
  busy(): boolean
}
