import type { Observed } from '../core/observer.ts'
import { bucketOf, Buckets } from './buckets.ts'
import { shown } from './gauges.ts'
import { ended } from './outcome.ts'
import { Past } from './past.ts'
import { Refusals } from './refusals.ts'
import { Shares } from './shares.ts'
import { attemptVerdicts, callOutcomes } from './snapshot.ts'
import { States } from './states.ts'
import { column, Tape } from './tape.ts'

/** Where the totals of calls with and without retries are. */
export const retried = { succeeded: 0, succeededRetried: 1, failed: 2, failedRetried: 3 } as const

/** The place of that verdict in `attemptVerdicts`. */
const SUCCESS = attemptVerdicts.indexOf('success')

/** What is recorded as calls come: made when the first one does. */
export class Counts {
  readonly tape: Tape
  readonly past: Past = new Past()
  readonly calls: Buckets = new Buckets(callOutcomes.length)
  readonly attempts: Buckets = new Buckets(attemptVerdicts.length)
  readonly retried: Float64Array = new Float64Array(4)
  retries = 0
  constructor(windowSeconds: number) {
    this.tape = new Tape(windowSeconds)
  }
}

/** All that is recorded under one label: of one pipeline, of several that have one name, or of those that found no place. */
export class Track {
  counts: Counts | undefined = undefined
  readonly refusals: Refusals = new Refusals()
  readonly observed: Refusals = new Refusals()
  readonly states: Map<string, States> = new Map()
  readonly shares: Map<string, Shares> = new Map()
  readonly events: Map<string, number> = new Map()
  readonly reasons: Record<'failure' | 'overload', number> = { failure: 0, overload: 0 }
  #pipelines: WeakRef<Observed>[] = []
  #grown = 0

  constructor(
    readonly label: string,
    readonly windowSeconds: number,
    /** It stands for many pipelines: their policies are not shown. */
    readonly many: boolean,
  ) {}

  join(pipeline: Observed): void {
    this.#pipelines.push(new WeakRef(pipeline))
    // Those that were dropped go now and then: as many as have come since.
    if (++this.#grown * 2 < this.#pipelines.length) return
    this.#pipelines = this.#pipelines.filter((ref) => ref.deref() !== undefined)
    this.#grown = 0
  }

  live(): Observed[] {
    return this.#pipelines.map((ref) => ref.deref()).filter((one) => one !== undefined)
  }

  // ── what is told: no allocation ──

  call(outcome: number, ms: number, at: number, attempts: number): void {
    const { tape, calls, retried: fared } = this.#at(at)
    tape.count(outcome)
    calls.add(outcome, ms)
    if (outcome === ended.rejected) return
    tape.took(ms)
    if (attempts === 0) return
    tape.count(column.started)
    const well = outcome === ended.success ? retried.succeeded : retried.failed
    fared[attempts > 1 ? well + 1 : well]!++
  }

  /** A call and its only attempt, as `attempt` and `call` together would be. */
  succeeded(ms: number, at: number): void {
    const { tape, attempts, calls, retried: fared } = this.#at(at)
    const bucket = bucketOf(ms)
    attempts.put(SUCCESS, bucket, ms)
    calls.put(ended.success, bucket, ms)
    tape.succeeded(ms)
    fared[retried.succeeded]!++
  }

  attempt(verdict: number, ms: number, at: number, number: number): void {
    const counts = this.#at(at)
    counts.tape.count(column.attempts)
    counts.attempts.add(verdict, ms)
    if (number === 1) return
    counts.tape.count(column.retries)
    counts.retries++
  }

  /** Counts what has no outcome of its own. */
  note(which: number, at: number): void {
    this.#at(at).tape.count(which)
  }

  #at(at: number): Counts {
    const counts = (this.counts ??= new Counts(this.windowSeconds))
    if (at >= counts.tape.end) this.#roll(counts, at)
    return counts
  }

  /** A second has passed. */
  #roll({ tape, past }: Counts, at: number): void {
    const { second } = tape
    if (second !== -Infinity) {
      const { calls, bad } = this.pending(second)
      if (calls > 0) past.count(second * 1_000, calls, bad)
    }
    const { share, limit } = this.levels()
    tape.roll(at, share, limit)
  }

  /** Calls of a second, and those of them that were not answered well. */
  pending(second: number): { calls: number; bad: number } {
    const of = (outcome: number): number => this.counts!.tape.at(second, outcome)
    const bad = of(ended.failure) + of(ended.timeout) + of(ended.rejected)
    return { calls: bad + of(ended.success) + of(ended.fallback), bad }
  }

  /** The least share and the least adaptive limit of its pipelines now; NaN where there is none. */
  levels(): { share: number; limit: number } {
    let share = NaN
    let limit = NaN
    if (this.many) return { share, limit }
    for (const { policies } of this.live()) {
      for (const policy of policies) {
        if ('share' in policy) share = Math.min(shown.share(policy), Number.isNaN(share) ? 1 : share)
        if (policy.type === 'adaptiveLimit') limit = Math.min(shown.number(policy, 'limit') ?? Infinity, Number.isNaN(limit) ? Infinity : limit)
      }
    }
    return { share, limit }
  }
}
