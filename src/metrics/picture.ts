import { priorities, type Priority } from '../core/attempt.ts'
import type { PolicyDescription } from '../core/describe.ts'
import type { Observed } from '../core/observer.ts'
import { policiesOf } from './policies.ts'
import { plainObject } from './plain.ts'
import { type CallOutcome, callOutcomes, attemptVerdicts, bounds, type Histogram, type NodeSnapshot, type PipelineSnapshot, type PolicyDescriptionSnapshot, type Series, type Totals, type WindowSnapshot } from './snapshot.ts'
import { Past, STEP_MS } from './past.ts'
import { column, level, Tape } from './tape.ts'
import { retried, type Track } from './track.ts'

/** What a picture is taken of. */
export interface View {
  readonly at: number
  readonly since: number
  readonly historyFrom: number
  readonly detail: boolean
  readonly series: boolean
  readonly config: boolean
}

/** For who has had no call: shared, and never written to. */
const blank = { tape: new Tape(1), past: new Past() }
const none: Histogram = { count: 0, sumSeconds: 0, counts: [...bounds.map(() => 0), 0] }

/** One pipeline's part of a snapshot. Pure. */
export function picture(track: Track, view: View): PipelineSnapshot {
  const live = track.live()
  const newest = live.at(-1)
  const known = newest !== undefined && !track.many
  return {
    name: track.label,
    instances: live.length,
    inFlight: live.reduce((sum, { inFlight }) => sum + inFlight, 0),
    ...(known && view.config ? nodesOf(newest) : {}),
    ...(known && (view.config || view.detail) ? { fold: newest.fold } : {}),
    warnings: known ? [...newest.warnings] : [],
    policies: track.many ? [] : policiesOf(track, live, view),
    ...(view.series ? { series: seriesOf(track, view.at) } : {}),
    past: pastOf(track, view),
    window: windowOf(track, view),
    totals: totalsOf(track, view),
  }
}

function facts({ type, name, options }: PolicyDescription): PolicyDescriptionSnapshot {
  return { type, name, options: plainObject(options) }
}

/** Nothing where the options of a policy of the user's cannot be read. */
function nodesOf(pipeline: Observed): { nodes?: NodeSnapshot[] } {
  try {
    return { nodes: pipeline.describe().nodes.map((node) => (node.kind === 'stage' ? { kind: 'stage', guards: node.guards.map(facts) } : { kind: 'layer', ...facts(node) })) }
  } catch {
    return {}
  }
}

/** The second that a picture ends with: a clock that was set back must not hide what was counted. */
const lastOf = (tape: Tape, at: number): number => Math.max(Math.floor(at / 1_000), tape.second)

function seriesOf(track: Track, at: number): Series {
  const { tape } = track.counts ?? blank
  const last = Math.floor(at / 1_000)
  const byPriority = priorities.map((_, i) => tape.series(last, column.rejections + i))
  const { share, limit } = track.levels()
  return {
    calls: byOutcome((i) => tape.series(last, i)),
    attempts: tape.series(last, column.attempts),
    retries: tape.series(last, column.retries),
    rejections: byPriority[0]!.map((_, step) => byPriority.reduce((sum, counts) => sum + counts[step]!, 0)),
    rejectionsByPriority: Object.fromEntries(priorities.map((priority, i) => [priority, byPriority[i]!])) as Record<Priority, number[]>,
    rejectionsByPolicy: entries(track.refusals.each((steps) => steps.series(last))),
    p50: tape.levels(last, level.p50),
    p90: tape.levels(last, level.p90),
    p99: tape.levels(last, level.p99),
    share: until(tape.levels(last, level.share), share),
    limit: until(tape.levels(last, level.limit), limit),
  }
}

/** The second that runs has not been closed: what is so now. */
function until(levels: (number | null)[], now: number): (number | null)[] {
  return [...levels.slice(0, -1), Number.isFinite(now) ? now : null]
}

function byOutcome<T>(of: (outcome: number) => T): Record<CallOutcome, T> {
  return Object.fromEntries(callOutcomes.map((outcome, i) => [outcome, of(i)])) as Record<CallOutcome, T>
}

/** Names are a user's, and perhaps `__proto__`. */
function entries<T>(pairs: readonly [string, T][]): { [name: string]: T } {
  const said: { [name: string]: T } = {}
  for (const [name, value] of pairs) Object.defineProperty(said, name, { value, enumerable: true, configurable: true, writable: true })
  return said
}

function pastOf(track: Track, { at, detail }: View): PipelineSnapshot['past'] {
  if (!detail) return { from: at, stepMs: STEP_MS, calls: [], bad: [] }
  const { past, tape } = track.counts ?? blank
  const pending = tape.second === -Infinity ? undefined : { at: tape.second * 1_000, ...track.pending(tape.second) }
  const { stepMs, ageMs, calls, bad } = past.read(at, pending)
  return { from: at - ageMs - stepMs * (calls.length - 1), stepMs, calls, bad }
}

function windowOf(track: Track, { at, since, detail }: View): WindowSnapshot {
  const { tape } = track.counts ?? blank
  const { windowSeconds, refusals } = track
  const last = lastOf(tape, at)
  const outcomes = byOutcome((i) => tape.sum(last, i))
  const { success, failure, timeout, fallback, rejected } = outcomes
  const calls = Object.values(outcomes).reduce((sum, n) => sum + n, 0)
  const answered = success + failure + timeout + fallback
  const attempts = tape.sum(last, column.attempts)
  const started = tape.sum(last, column.started)
  const byPriority = Object.fromEntries(priorities.map((priority, i) => [priority, tape.sum(last, column.rejections + i)])) as Record<Priority, number>
  // The second that runs counts as far as it has.
  const spanMs = Math.max(1_000, Math.min(at - since, (windowSeconds - 1) * 1_000 + (at % 1_000)))
  return {
    calls,
    callsPerSecond: (calls * 1_000) / spanMs,
    outcomes,
    failureRatio: answered === 0 ? null : (failure + timeout) / answered,
    rejectedRatio: calls === 0 ? null : rejected / calls,
    attempts,
    retries: tape.sum(last, column.retries),
    rejections: Object.values(byPriority).reduce((sum, n) => sum + n, 0),
    rejectionsByPriority: byPriority,
    rejectionsByPolicy: entries(refusals.each((steps) => steps.sum(last, windowSeconds)).filter(([, count]) => count > 0)),
    retriesByReason: { failure: tape.sum(last, column.retriedFailure), overload: tape.sum(last, column.retriedOverload) },
    amplification: started === 0 ? null : attempts / started,
    ...(detail ? tape.spread(last) : blank.tape.spread(last)),
  }
}

function totalsOf(track: Track, { detail }: View): Totals {
  const { counts, refusals, observed, states, reasons, events } = track
  const fared = (which: number): number => counts?.retried[which] ?? 0
  return {
    calls: byOutcome((i) => counts?.calls.count(i) ?? 0),
    callSeconds: byOutcome((i) => (detail ? counts?.calls.read(i) : undefined) ?? none),
    attemptSeconds: Object.fromEntries(attemptVerdicts.map((verdict, i) => [verdict, (detail ? counts?.attempts.read(i) : undefined) ?? none])) as Totals['attemptSeconds'],
    attempts: attemptVerdicts.reduce((sum, _, i) => sum + (counts?.attempts.count(i) ?? 0), 0),
    retries: counts?.retries ?? 0,
    retriesByReason: { ...reasons },
    rejections: refusals.totals(),
    observedRejections: observed.totals(),
    transitions: [...states].flatMap(([policy, one]) => one.transitions().map((transition) => ({ policy, ...transition }))),
    retriedCalls: {
      succeeded: fared(retried.succeeded),
      succeededRetried: fared(retried.succeededRetried),
      failed: fared(retried.failed),
      failedRetried: fared(retried.failedRetried),
    },
    events: entries([...events]),
  }
}
