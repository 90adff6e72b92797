import { priorities, type Priority } from '../../core/attempt.ts'
import { outOfRange } from '../../core/options.ts'
import type { Counted, Tally } from './tally.ts'

/** A part of a run, in ms from its start. Default: all of it. */
export interface SimSpan {
  readonly fromMs?: number | undefined
  readonly toMs?: number | undefined
}

/** What became of a run. All counts of calls stand at the second in which the call *started*; what servers and gauges say, at the second in which it was so. */
export interface SimResult {
  /** How long the traffic lasted. */
  readonly seconds: number
  /**
   * A number per second: `offered`, `good` (answered in time), `late`, `refused` (a RejectedError), `timedOut`, `failed`; of the servers, summed up: `sent`,
   * `served`, `rejected`, and as they stand at the end of the second `busy`, `queued`; and each gauge of the run.
   */
  readonly series: Readonly<Record<string, readonly number[]>>
  /** The same of each priority's calls. */
  readonly byPriority: Readonly<Record<Priority, Readonly<Record<Counted, readonly number[]>>>>
  /** Calls without an answer when the run ended. */
  readonly pending: number
  /** How often which error came out, by its name. */
  readonly errors: ReadonlyMap<string, number>
  /** The sum of a series over a part of the run. */
  total(series: string, span?: SimSpan): number
  /** The share of the offered calls (of one priority) that was answered in time; NaN where none was offered. */
  goodRatio(span?: SimSpan, priority?: Priority): number
  /** How long the calls took that were answered, at a quantile (0.5 for the median), ms; NaN where none was. */
  quantileMs(quantile: number, span?: SimSpan): number
  /**
   * How many ms after `fromMs` it had recovered: the first second after which `seconds` (10) in a row answered at least `share` (0.95) of
   * what was offered in time. Infinity: never.
   */
  recoveredMs(fromMs: number, rule?: { readonly share?: number; readonly seconds?: number }): number
}

export class Result implements SimResult {
  readonly series: Record<string, readonly number[]>
  readonly byPriority: Record<Priority, Record<Counted, readonly number[]>>
  readonly pending: number
  readonly errors: ReadonlyMap<string, number>
  readonly #tally: Tally

  constructor(
    readonly seconds: number,
    tally: Tally,
    measured: Readonly<Record<string, readonly number[]>>,
  ) {
    this.#tally = tally
    this.byPriority = tally.counts
    this.pending = tally.pending
    this.errors = tally.errors
    const kinds = Object.keys(tally.counts.normal) as Counted[]
    const summed = (kind: Counted): number[] => tally.counts.normal[kind].map((_, second) => priorities.reduce((all, priority) => all + tally.counts[priority][kind][second]!, 0))
    this.series = { ...Object.fromEntries(kinds.map((kind) => [kind, summed(kind)])), ...measured }
  }

  total(series: string, span?: SimSpan): number {
    const list = this.series[series]
    if (list === undefined) outOfRange('result.total series', `one of ${Object.keys(this.series).join(', ')}`, series)
    return sum(list, span)
  }

  goodRatio(span?: SimSpan, priority?: Priority): number {
    const { good, offered } = priority === undefined ? (this.series as Record<Counted, readonly number[]>) : this.byPriority[priority]
    return sum(good, span) / sum(offered, span)
  }

  quantileMs(quantile: number, { fromMs = 0, toMs = Infinity }: SimSpan = {}): number {
    const { startedAt, tookMs } = this.#tally
    const sorted = Float64Array.from(tookMs.filter((_, i) => startedAt[i]! >= fromMs && startedAt[i]! < toMs)).toSorted()
    return sorted.length === 0 ? NaN : sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))]!
  }

  recoveredMs(fromMs: number, { share = 0.95, seconds = 10 }: { readonly share?: number; readonly seconds?: number } = {}): number {
    const { good, offered } = this.series as Record<Counted, readonly number[]>
    const from = Math.ceil(fromMs / 1_000)
    for (let second = from, inARow = 0; second < this.seconds; second++) {
      inARow = good[second]! >= share * offered[second]! ? inARow + 1 : 0
      if (inARow === seconds) return (second + 1 - seconds) * 1_000 - fromMs
    }
    return Infinity
  }
}

function sum(list: readonly number[], { fromMs = 0, toMs = Infinity }: SimSpan = {}): number {
  let total = 0
  for (let second = Math.round(fromMs / 1_000); second < Math.min(list.length, toMs / 1_000); second++) total += list[second]!
  return total
}
