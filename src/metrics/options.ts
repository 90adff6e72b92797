import { callable, count, type Effective, known, nameOf, outOfRange, positive } from '../core/options.ts'

export interface RecorderOptions {
  /** The length in ms of the sliding window of rates and percentiles: whole seconds, from 1 000 to 120 000. Default 10 000. */
  readonly windowMs?: number | undefined
  /**
   * How many pipelines are told apart: a whole number from 0 on. Those beyond share one label. It bounds memory (some 40 kB per pipeline with
   * traffic) and the label values of every exporter. Default 1 000.
   */
  readonly maxPipelines?: number | undefined
  /** The label that those share. Default `'(other)'`. */
  readonly overflow?: string | undefined
  /** How many entries the event log keeps: a whole number from 0 on, finite. Default 500. */
  readonly maxEvents?: number | undefined
  /** ms since 1970: dates what happens. Default: that of the process's start and its monotonic clock, so that a clock that is set changes nothing. */
  readonly now?: (() => number) | undefined
}

// No Date.now: a wall clock that is set would tear the time axis.
const now = (): number => performance.timeOrigin + performance.now()

const defaults: Effective<RecorderOptions> = Object.freeze({ windowMs: 10_000, maxPipelines: 1_000, overflow: '(other)', maxEvents: 500, now })

const keys = ['windowMs', 'maxPipelines', 'overflow', 'maxEvents', 'now'] as const

export function recorderOptions(said: RecorderOptions | undefined): Effective<RecorderOptions> {
  const all = { ...defaults, ...known('recorder', said, keys) } as Effective<RecorderOptions>
  positive('recorder.windowMs', all.windowMs)
  if (!Number.isInteger(all.windowMs / 1_000) || all.windowMs > 120_000) outOfRange('recorder.windowMs', 'whole seconds from 1 000 to 120 000', all.windowMs)
  count('recorder.maxPipelines', all.maxPipelines)
  if (count('recorder.maxEvents', all.maxEvents) === Infinity) outOfRange('recorder.maxEvents', 'finite', all.maxEvents)
  nameOf('recorder.overflow', all.overflow)
  callable('recorder.now', all.now)
  return Object.freeze(all)
}
