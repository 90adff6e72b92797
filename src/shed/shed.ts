import type { Priority } from '../core/attempt.ts'
import type { Subscribable } from '../core/events.ts'
import type { Guard } from '../core/policy.ts'
import type { ShedOptions, ShedSettings } from './options.ts'

/** Sheds load by priority: see {@link shed}. One shed may stand in several pipelines; it looks at the guards of the one that folded it first. */
export interface Shed extends Guard, Subscribable {
  readonly options: ShedSettings
  /** The most important priority of which calls are being refused, as told last by `shed.changed`; `'none'` where none is. */
  readonly level: Priority | 'none'
  /** How many calls came, and how many of them were refused. */
  readonly offered: number
  readonly refused: number
  /** Checked as a whole, in force at once. */
  update(options: Partial<Omit<ShedOptions, 'name'>>): void
  /** What your own `load` says: 0..1, asked at most every 100 ms. 0 unless `mode` is `'enforce'`. */
  pressure(): number
}
