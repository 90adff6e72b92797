import type { Priority } from '../core/attempt.ts'
import type { Mode } from '../core/policy.ts'

// What a recorder knows, as plain data: everything here survives JSON. Points in time are ms since 1970, whatever clock a pipeline
// has; spans are ms too unless they say seconds.

/** How a call ended for its caller. */
export type CallOutcome = 'success' | 'failure' | 'timeout' | 'rejected' | 'cancelled' | 'fallback'
export const callOutcomes: readonly CallOutcome[] = ['success', 'failure', 'timeout', 'rejected', 'cancelled', 'fallback']

/** The verdicts of attempts that ran the function. */
export type AttemptVerdict = 'success' | 'failure' | 'overload' | 'ignored'
export const attemptVerdicts: readonly AttemptVerdict[] = ['success', 'failure', 'overload', 'ignored']

/** Everything a recorder knows at one moment. */
export interface Snapshot {
  /** When it was taken. */
  readonly at: number
  /** Since when the recorder counts. */
  readonly since: number
  /** The length of the sliding window, in ms. */
  readonly windowMs: number
  /** The time axis of every series: step i is the second from `from + i · stepMs`; the last one is still running. */
  readonly axis: { readonly from: number; readonly stepMs: number; readonly steps: number }
  /** Where histories of states begin: 15 minutes ago, or when the recorder was made. */
  readonly historyFrom: number
  readonly pipelines: readonly PipelineSnapshot[]
  /** The latest events, oldest first. */
  readonly log: readonly LogEntry[]
}

export interface PipelineSnapshot {
  /** The value of the label `pipeline`: its name, with its key if `keyed` keeps it, shortened if it is very long; or the overflow label. May hold any character. */
  readonly name: string
  /** How many pipelines are recorded under this name and still alive; 0: all were dropped, the counts stay. */
  readonly instances: number
  readonly inFlight: number
  /** The fold, outermost first, with the effective options; absent once the pipeline is gone, or for the overflow. */
  readonly nodes?: readonly NodeSnapshot[]
  /** The fold as one line, such as `fallback ─▶ stage[breaker] ─▶ your function`. */
  readonly fold?: string
  /** Mistakes in the order of the policies, found when it was built. */
  readonly warnings: readonly string[]
  /** Each policy with the state that it has to show, outermost first. */
  readonly policies: readonly PolicySnapshot[]
  /** The last seconds, on the axis of the snapshot; absent when asked for without. */
  readonly series?: Series
  /** The last 15 minutes, coarsely. */
  readonly past: PastSnapshot
  /** Of the sliding window. */
  readonly window: WindowSnapshot
  /** Since the recorder was made. They only grow. */
  readonly totals: Totals
}

export type NodeSnapshot =
  | { readonly kind: 'stage'; readonly guards: readonly PolicyDescriptionSnapshot[] }
  | ({ readonly kind: 'layer' } & PolicyDescriptionSnapshot)

export interface PolicyDescriptionSnapshot {
  readonly type: string
  readonly name: string
  /** Effective options, defaults included. What JSON has no word for is a string: `Infinity`, `a function`. */
  readonly options: { readonly [option: string]: Plain }
}

export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain }

/** The last 15 minutes: step i begins at `from + i · stepMs`; the last one is still running. */
export interface PastSnapshot {
  readonly from: number
  readonly stepMs: number
  /** All calls but those that their callers cancelled. */
  readonly calls: readonly number[]
  /** How many of them were not answered well: failure, timeout, rejected. */
  readonly bad: readonly number[]
}

/** One number per step of the axis. Where a number makes no sense (no call in that second) it is null. */
export interface Series {
  readonly calls: Readonly<Record<CallOutcome, readonly number[]>>
  /** Attempts that ran the function. */
  readonly attempts: readonly number[]
  readonly retries: readonly number[]
  /** Refused attempts and calls. */
  readonly rejections: readonly number[]
  readonly rejectionsByPriority: Readonly<Record<Priority, readonly number[]>>
  /** By the name of the policy that refused. */
  readonly rejectionsByPolicy: { readonly [policy: string]: readonly number[] }
  /** Duration of calls in ms, refused ones left out. */
  readonly p50: readonly (number | null)[]
  readonly p90: readonly (number | null)[]
  readonly p99: readonly (number | null)[]
  /** The least share of the offered calls that a policy (throttle, shed) let pass, 0..1. */
  readonly share: readonly (number | null)[]
  /** The least adaptive limit. */
  readonly limit: readonly (number | null)[]
}

export interface WindowSnapshot {
  readonly calls: number
  readonly callsPerSecond: number
  readonly outcomes: Readonly<Record<CallOutcome, number>>
  /** failure and timeout over all calls but the rejected and the cancelled; null without one. */
  readonly failureRatio: number | null
  /** rejected over all calls; null without one. */
  readonly rejectedRatio: number | null
  readonly attempts: number
  readonly retries: number
  readonly rejections: number
  readonly rejectionsByPriority: Readonly<Record<Priority, number>>
  /** By the name of the policy that refused; those that did not are left out. */
  readonly rejectionsByPolicy: { readonly [policy: string]: number }
  /** By the verdict that was retried. */
  readonly retriesByReason: Readonly<Record<'failure' | 'overload', number>>
  /** Attempts per call that had one: 1 is no retry; null without a call. */
  readonly amplification: number | null
  /** ms of calls, refused ones left out, within an eighth; null without a call. */
  readonly meanMs: number | null
  readonly p50: number | null
  readonly p90: number | null
  readonly p99: number | null
  readonly maxMs: number | null
  /** More of the same, by the percentile: 0, 25, 50, 75, 90, 95, 99, 99.5, 100. */
  readonly percentiles: { readonly [percent: string]: number } | null
}

export interface Totals {
  readonly calls: Readonly<Record<CallOutcome, number>>
  readonly callSeconds: Readonly<Record<CallOutcome, Histogram>>
  readonly attemptSeconds: Readonly<Record<AttemptVerdict, Histogram>>
  readonly attempts: number
  /** Attempts beyond the first of their call. */
  readonly retries: number
  /** By the verdict that was retried. */
  readonly retriesByReason: Readonly<Record<'failure' | 'overload', number>>
  readonly rejections: readonly RejectionCount[]
  /** What policies in `mode: 'observe'` would have refused. */
  readonly observedRejections: readonly RejectionCount[]
  readonly transitions: readonly { readonly policy: string; readonly from: BreakerStateName; readonly to: BreakerStateName; readonly count: number }[]
  /** How calls fared with retries, refused ones left out. */
  readonly retriedCalls: { readonly succeeded: number; readonly succeededRetried: number; readonly failed: number; readonly failedRetried: number }
  /** How often each rare event happened, such as `budget.exhausted`. */
  readonly events: { readonly [type: string]: number }
}

/** Counts per bucket: `counts[i]` up to and including `bounds[i]` seconds and over the bound before; the last one is over all bounds. */
export interface Histogram {
  readonly count: number
  readonly sumSeconds: number
  readonly counts: readonly number[]
}

/** Upper bounds of the buckets, in seconds. */
export const bounds: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

export interface RejectionCount {
  readonly policy: string
  readonly priority: Priority
  readonly count: number
}

export type BreakerStateName = 'closed' | 'open' | 'halfOpen' | 'isolated'

/** What a policy shows of itself now. Fields of its kind are there as far as it has them. */
export interface PolicySnapshot {
  /** Its name, unique within the pipeline: a second `bulkhead` is `bulkhead#2`. */
  readonly name: string
  /** The factory's name, such as `breaker`. */
  readonly type: string
  readonly mode: Mode
  /** 0..1: how near its limit it is. */
  readonly pressure: number
  readonly breaker?: BreakerSnapshotFacts
  readonly bulkhead?: { readonly inFlight: number; readonly queued: number; readonly slots: number | null }
  readonly limit?: { readonly limit: number; readonly inFlight: number; readonly queued: number }
  readonly throttle?: ThrottleSnapshot
  readonly shed?: ShedSnapshot
  /** How many wait now. */
  readonly park?: { readonly parked: number }
  readonly rateLimit?: { readonly available: number; readonly queued: number; readonly permits: number | null; readonly everyMs: number | null }
  /** What is left of a retry budget, in retries. */
  readonly budget?: { readonly available: number }
}

export interface BreakerSnapshotFacts {
  readonly state: BreakerStateName
  /** Why it is not closed, such as `62 % of 41 calls in 10 s failed`. */
  readonly reason: string | null
  /** In how many ms a probe may pass; 0: one is due; null: none is needed, or nobody knows. */
  readonly retryAfterMs: number | null
  /** Since when it is in this state. */
  readonly since: number
  /** What it has counted in its own window, while closed. */
  readonly counted: { readonly calls: number; readonly failed: number; readonly slow: number } | null
  /** Its states since `historyFrom`, oldest first, without gaps, the last one running on. */
  readonly history: readonly StateSegment[]
}

export interface StateSegment {
  readonly state: BreakerStateName
  readonly from: number
  /** When it ended; null: it is the state of now. */
  readonly to: number | null
  /** Why it opened. */
  readonly reason: string | null
}

export interface ThrottleSnapshot {
  /** The share of the offered calls that may pass, 0..1. */
  readonly allow: number
  readonly allowByPriority: Readonly<Record<Priority, number>>
  /** The share of what was sent that the dependency accepted; null where unknown. */
  readonly acceptance: number | null
  /** Where the share changed, since `historyFrom`, oldest first. */
  readonly history: readonly { readonly at: number; readonly allow: number }[]
}

export interface ShedSnapshot {
  /** How many it refused since the recorder was made. */
  readonly byPriority: Readonly<Record<Priority, number>>
  /** The share of each priority that may pass, where it says so. */
  readonly allowByPriority: Readonly<Record<Priority, number>> | null
  /** The most important priority of which calls are being refused; `none`; null where it does not say. */
  readonly level: Priority | 'none' | null
}

export type Severity = 'information' | 'warning' | 'error'

/** One rare event, or several of one kind shortly after another. */
export interface LogEntry {
  /** Grows by one per entry of the recorder: an entry that is updated keeps it. */
  readonly id: number
  /** When it happened last. */
  readonly at: number
  /** How often it happened, within a second of one another. */
  readonly count: number
  /** Empty where it belongs to none. */
  readonly pipeline: string
  readonly policy: string | null
  /** Such as `breaker.opened`. */
  readonly type: string
  readonly severity: Severity
  /** For people, such as `opened: 62 % of 41 calls in 10 s failed; rests 5 s`. May hold any character. */
  readonly text: string
}
