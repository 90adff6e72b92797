import type { Recorder } from '../../src/metrics/recorder.ts'
import type { BreakerStateName, PipelineSnapshot, PolicySnapshot, Snapshot, StateSegment, WindowSnapshot } from '../../src/metrics/snapshot.ts'

/** A moment that all snapshots made here were taken at: 27 November 2026, noon. */
export const noon: number = Date.UTC(2026, 10, 27, 12)

type Parts = Partial<Omit<PipelineSnapshot, 'name' | 'window'>> & {
  readonly name: string
  readonly window?: Partial<Omit<WindowSnapshot, 'outcomes'>> & { readonly outcomes?: Partial<WindowSnapshot['outcomes']> }
}

/** A pipeline that had no call yet, or as its parts say. */
export function pipelineSnapshot({ window, ...parts }: Parts): PipelineSnapshot {
  const calls = Object.values(window?.outcomes ?? {}).reduce((sum, n) => sum + n, 0)
  const shares = { critical: 0, high: 0, normal: 0, low: 0 }
  const outcomes = { success: 0, failure: 0, timeout: 0, rejected: 0, cancelled: 0, fallback: 0, ...window?.outcomes }
  const bad = outcomes.failure + outcomes.timeout
  const started = calls - outcomes.rejected - outcomes.cancelled
  const histogram = { count: 0, sumSeconds: 0, counts: [] }
  return {
    instances: 1, inFlight: 0, warnings: [], policies: [],
    totals: {
      calls: outcomes, callSeconds: { success: histogram, failure: histogram, timeout: histogram, rejected: histogram, cancelled: histogram, fallback: histogram },
      attemptSeconds: { success: histogram, failure: histogram, overload: histogram, ignored: histogram },
      attempts: 0, retries: 0, retriesByReason: { failure: 0, overload: 0 }, rejections: [], observedRejections: [], transitions: [],
      retriedCalls: { succeeded: 0, succeededRetried: 0, failed: 0, failedRetried: 0 }, events: {},
    },
    past: { from: noon - 895_000, stepMs: 10_000, calls: Array.from({ length: 90 }, () => 0), bad: Array.from({ length: 90 }, () => 0) },
    ...parts,
    window: {
      calls, callsPerSecond: calls / 10, failureRatio: started > 0 ? bad / started : null, rejectedRatio: calls > 0 ? outcomes.rejected / calls : null,
      attempts: started, retries: 0, rejections: 0, rejectionsByPriority: shares, rejectionsByPolicy: {}, retriesByReason: { failure: 0, overload: 0 },
      amplification: started > 0 ? 1 : null, meanMs: null, p50: null, p90: null, p99: null, maxMs: null, percentiles: null, ...window, outcomes,
    },
  }
}

/** A breaker that has been in these states, each since so many seconds. */
export function breakerSnapshot(states: readonly (readonly [agoS: number, state: BreakerStateName, reason?: string])[], retryAfterMs: number | null = null, name = 'breaker'): PolicySnapshot {
  const history = states.map(([agoS, state, reason], i): StateSegment => {
    const next = states[i + 1]
    return { state, from: noon - 1_000 * agoS, to: next === undefined ? null : noon - 1_000 * next[0], reason: reason ?? null }
  })
  const last = history.at(-1)!
  const reason = history.findLast((segment) => segment.reason !== null)?.reason ?? null
  return {
    name, type: 'breaker', mode: 'enforce', pressure: last.state === 'closed' ? 0 : 1,
    breaker: { state: last.state, reason: last.state === 'closed' ? null : reason, retryAfterMs, since: last.from, counted: null, history },
  }
}

export function snapshotOf(pipelines: readonly PipelineSnapshot[], rest: Partial<Snapshot> = {}): Snapshot {
  return { at: noon, since: noon - 3_600_000, windowMs: 10_000, axis: { from: noon, stepMs: 1_000, steps: 0 }, historyFrom: noon - 900_000, pipelines, log: [], ...rest }
}

/** A recorder that knows just this. `taken`: how many snapshots with all details. */
export function recorderOf(snapshot: Snapshot | (() => Snapshot)): Recorder & { readonly taken: number } {
  let taken = 0
  return {
    get taken() {
      return taken
    },
    attached: () => ({}),
    live: () => [],
    warn: () => {},
    snapshot: ({ detail = true } = {}) => {
      if (detail) taken++
      return typeof snapshot === 'function' ? snapshot() : snapshot
    },
  }
}
