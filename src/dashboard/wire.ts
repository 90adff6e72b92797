/**
 * What the stream sends and the page shows. Each frame is the whole picture, so that a client may miss any of them. The page is
 * compiled on its own and shares nothing with the rest but these types.
 */
export interface Frame {
  /** Wall clock, ms since 1970. All other times are ms before it. */
  readonly at: number
  readonly title: string
  /** How many ms until the next frame. */
  readonly everyMs: number
  /** Whether the server accepts control, subject to its `authorize`. */
  readonly control: boolean
  readonly sum: Sum
  /** Those that most need attention, first; no more than `shown` allows. */
  readonly pipelines: readonly Row[]
  /** Newest first. */
  readonly log: readonly LogLine[]
}

/** Of all pipelines, shown or not. */
export interface Sum {
  readonly pipelines: number
  /** How many of them match the search: all of them without one. */
  readonly matching: number
  readonly attention: number
  readonly callsPerSecond: number
  /** Share of calls answered well, a fallback's answers included; `null` without calls. */
  readonly goodRatio: number | null
  /** Attempts per call that was started; `null` without calls. */
  readonly amplification: number | null
  readonly rejectedPerSecond: number
}

export type ModeName = 'enforce' | 'observe' | 'off'
export type State = 'closed' | 'open' | 'halfOpen' | 'isolated'

/** How a pipeline fares, the worst first: what it is sorted by. */
export const conditions = ['open', 'isolated', 'halfOpen', 'failing', 'throttled', 'shedding', 'full', 'degraded', 'healthy', 'idle'] as const
export type Condition = (typeof conditions)[number]

export const outcomes = ['success', 'fallback', 'failure', 'timeout', 'rejected', 'cancelled'] as const
export type OutcomeName = (typeof outcomes)[number]
export type Outcomes = Readonly<Record<OutcomeName, number>>

export const priorities = ['critical', 'high', 'normal', 'low'] as const
export type PriorityName = (typeof priorities)[number]

/** What the page shows of the past. */
export const historyMs = 900_000

/** A pipeline. Counts are those of the last `windowMs`. */
export interface Row {
  /** What control and configuration ask for it by; shown as its name. Plain text of bounded length. */
  readonly id: string
  readonly condition: Condition
  /** What is to be said of its condition in a few words; empty where nothing is. */
  readonly why: string
  readonly windowMs: number
  readonly callsPerSecond: number
  readonly outcomes: Outcomes
  /** ms; `null` without calls. */
  readonly p50: number | null
  readonly p90: number | null
  readonly p99: number | null
  readonly amplification: number | null
  readonly retriesPerSecond: number
  readonly retries: readonly Counted[]
  /** How many retries its budget has left; `null` without one. */
  readonly budget: number | null
  readonly refused: readonly Counted[]
  readonly shed: Readonly<Record<PriorityName, number>>
  /** Since its start. */
  readonly calls: number
  readonly inFlight: number
  readonly breakers: readonly BreakerRow[]
  readonly loads: readonly LoadRow[]
  readonly throttles: readonly ThrottleRow[]
  readonly history: History
}

export interface Counted {
  readonly what: string
  readonly count: number
}

export interface BreakerRow {
  readonly name: string
  readonly state: State
  readonly mode: ModeName
  readonly reason: string
  /** How long it has been in this state; `null`: since before the history. */
  readonly forMs: number | null
  /** Until a probe may pass: 0 when one is due; `null` where nobody knows or none is needed. */
  readonly probeInMs: number | null
  /** How long the whole break is; `null` where nobody knows. */
  readonly breakMs: number | null
}

/** A bulkhead or a limit. `limit` is `null` when endless. */
export interface LoadRow {
  readonly name: string
  readonly type: string
  readonly active: number
  readonly queued: number
  readonly limit: number | null
}

export interface ThrottleRow {
  readonly name: string
  readonly mode: ModeName
  /** The share of calls that it lets pass, 0..1, now; over all priorities. */
  readonly allow: number
  readonly byPriority: Readonly<Partial<Record<PriorityName, number>>>
  /** The share as it changed: how many ms ago, and to what; oldest first. */
  readonly steps: readonly (readonly [agoMs: number, allow: number])[]
}

/** The last 15 minutes. */
export interface History {
  /** The worst state of its breakers as it changed: how many ms ago, and to what; oldest first. Empty without a breaker. */
  readonly states: readonly (readonly [agoMs: number, state: State])[]
  readonly slotMs: number
  /** How many ms ago the newest slot, which is still being filled, began. */
  readonly offsetMs: number
  /** A character per slot, oldest first: `-` no calls, `0`..`9` and `X` for the tenths that went wrong. */
  readonly failing: string
}

export type Tone = 'bad' | 'warn' | 'good' | 'plain'

export interface LogLine {
  /** Grows with each line: tells one from another. */
  readonly id: number
  readonly agoMs: number
  readonly pipeline: string
  readonly tone: Tone
  readonly text: string
}

/** What the page asks to be done. */
export interface Command {
  readonly pipeline: string
  readonly policy: string
  readonly action: 'isolate' | 'close' | 'allow'
  /** For `allow`: 0..1. */
  readonly allow?: number
}

/** Answers `?config=<id>`. */
export interface Configuration {
  readonly id: string
  /** The fold in one line. */
  readonly fold: string
  /** Outermost first. */
  readonly policies: readonly { readonly name: string; readonly type: string; readonly options: readonly (readonly [name: string, value: string])[] }[]
  readonly warnings: readonly string[]
}
