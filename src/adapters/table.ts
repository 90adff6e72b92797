import { type BreakerStateName, callOutcomes, attemptVerdicts, type Histogram, type PipelineSnapshot, type PolicySnapshot, type Snapshot } from '../metrics/snapshot.ts'

/** What a measure counts apart. Values may hold any character. */
export type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly labels: Labels
  readonly value: number | Histogram
}

/** One measure under the names that each target knows it by. */
export interface Measure {
  /** As OpenTelemetry names it; absent where that has no use for it. */
  readonly name?: string
  /** As Prometheus names it. */
  readonly prometheus?: string
  /** Of OpenTelemetry: UCUM. */
  readonly unit: 's' | '1' | '{call}' | '{attempt}' | '{permit}' | '{transition}'
  /** `counter`: it only grows. `histogram`: of durations in s. */
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly read: (pipeline: PipelineSnapshot) => Sample[]
  /** What follows `spillway.<pipeline>` in names with dots; absent where those targets have no use for it. */
  readonly path?: (labels: Labels) => readonly string[]
}

const states: readonly BreakerStateName[] = ['closed', 'halfOpen', 'open', 'isolated']
/** As metrics spell it. */
const spelt = (state: BreakerStateName): string => (state === 'halfOpen' ? 'half_open' : state)

/** One sample per policy that has the facts. */
function each(facts: (policy: PolicySnapshot) => readonly (readonly [value: number | null | undefined, labels?: Labels])[]): Measure['read'] {
  return ({ name: pipeline, policies }) =>
    policies.flatMap((policy) =>
      facts(policy).flatMap(([value, labels]) => (value === null || value === undefined ? [] : [{ labels: { pipeline, name: policy.name, ...labels }, value }])))
}

const within = (last: string) => ({ name }: Labels): string[] => [name!, last]

/** How often an event happened that is counted by its type. */
const events = (...types: readonly (readonly [type: string, labels?: Labels])[]): Measure['read'] => ({ name: pipeline, totals }) =>
  types.flatMap(([type, labels]) => (totals.events[type] === undefined ? [] : [{ labels: { pipeline, ...labels }, value: totals.events[type] }]))

/**
 * The one table of names: every exporter reads it, none has names of its own. Histograms come only of what has happened: an outcome that
 * was never seen has no row.
 */
export const table: readonly Measure[] = [
  {
    name: 'spillway.call.duration', prometheus: 'spillway_call_duration_seconds', unit: 's', type: 'histogram',
    help: 'Calls by how they ended for their caller, and how long that took.',
    read: ({ name: pipeline, totals }) => callOutcomes.map((outcome) => ({ labels: { pipeline, outcome }, value: totals.callSeconds[outcome] })).filter(({ value }) => value.count > 0),
    path: ({ outcome }) => ['call', outcome!],
  },
  {
    name: 'spillway.attempt.duration', prometheus: 'spillway_attempt_duration_seconds', unit: 's', type: 'histogram',
    help: 'Attempts that ran the function, by verdict, and how long they took.',
    read: ({ name: pipeline, totals }) => attemptVerdicts.map((verdict) => ({ labels: { pipeline, verdict }, value: totals.attemptSeconds[verdict] })).filter(({ value }) => value.count > 0),
    path: ({ verdict }) => ['attempt', verdict!],
  },
  {
    name: 'spillway.call.active', prometheus: 'spillway_call_active', unit: '{call}', type: 'gauge',
    help: 'Calls that run now; work that outlives its answer counts until it ends.',
    read: ({ name: pipeline, inFlight, instances }) => (instances > 0 ? [{ labels: { pipeline }, value: inFlight }] : []),
    path: () => ['active'],
  },
  {
    name: 'spillway.retry.attempts', prometheus: 'spillway_retry_attempts_total', unit: '{attempt}', type: 'counter',
    help: 'Retries by the verdict that was retried.',
    read: ({ name: pipeline, totals: { retriesByReason } }) => Object.entries(retriesByReason).map(([reason, value]) => ({ labels: { pipeline, reason }, value })),
    path: ({ reason }) => ['retry', reason!],
  },
  {
    name: 'spillway.retry.budget', prometheus: 'spillway_retry_budget', unit: '{attempt}', type: 'gauge',
    help: 'Retries that the budget would pay for now.',
    read: each(({ budget }) => [[budget?.available]]),
    path: within('budget'),
  },
  {
    name: 'spillway.rejections', prometheus: 'spillway_rejections_total', unit: '{call}', type: 'counter',
    help: 'Refused attempts and calls by the policy that refused and their priority.',
    read: ({ name: pipeline, totals }) => totals.rejections.map(({ policy, priority, count }) => ({ labels: { pipeline, policy, priority }, value: count })),
    path: ({ policy, priority }) => ['rejected', policy!, priority!],
  },
  {
    name: 'spillway.rejections.observed', prometheus: 'spillway_rejections_observed_total', unit: '{call}', type: 'counter',
    help: "What policies in mode 'observe' would have refused.",
    read: ({ name: pipeline, totals }) => totals.observedRejections.map(({ policy, priority, count }) => ({ labels: { pipeline, policy, priority }, value: count })),
    path: ({ policy, priority }) => ['would_reject', policy!, priority!],
  },
  {
    name: 'spillway.circuit_breaker.state', prometheus: 'spillway_circuit_breaker_state', unit: '1', type: 'gauge',
    help: '1 for the state that a breaker is in, 0 for the others.',
    read: each(({ breaker }) => (breaker === undefined ? [] : states.map((state) => [breaker.state === state ? 1 : 0, { state: spelt(state) }]))),
  },
  {
    unit: '1', type: 'gauge',
    help: 'The state of a breaker: 0 closed, 1 half-open, 2 open, 3 isolated.',
    read: each(({ breaker }) => [[breaker && states.indexOf(breaker.state)]]),
    path: within('state'),
  },
  {
    name: 'spillway.circuit_breaker.transitions', prometheus: 'spillway_circuit_breaker_transitions_total', unit: '{transition}', type: 'counter',
    help: 'How often a breaker went from one state to another.',
    read: ({ name: pipeline, totals }) => totals.transitions.map(({ policy: name, from, to, count }) => ({ labels: { pipeline, name, from: spelt(from), to: spelt(to) }, value: count })),
    path: ({ name, from, to }) => [name!, 'transition', `${from}_${to}`],
  },
  {
    name: 'spillway.throttle.allow', prometheus: 'spillway_throttle_allow_ratio', unit: '1', type: 'gauge',
    help: 'The share of the offered calls of each priority that may pass, 0 to 1.',
    read: each(({ throttle }) => (throttle === undefined ? [] : Object.entries(throttle.allowByPriority).map(([priority, allow]) => [allow, { priority }]))),
    path: ({ name, priority }) => [name!, 'allow', priority!],
  },
  {
    name: 'spillway.throttle.acceptance', prometheus: 'spillway_throttle_acceptance_ratio', unit: '1', type: 'gauge',
    help: 'The share of what was sent that the dependency accepted, 0 to 1.',
    read: each(({ throttle }) => [[throttle?.acceptance]]),
    path: within('acceptance'),
  },
  {
    name: 'spillway.bulkhead.active', prometheus: 'spillway_bulkhead_active', unit: '{attempt}', type: 'gauge',
    help: 'Attempts that hold a slot of a bulkhead or room of an adaptive limit.',
    read: each(({ bulkhead, limit }) => [[(bulkhead ?? limit)?.inFlight]]),
    path: within('active'),
  },
  {
    name: 'spillway.bulkhead.queued', prometheus: 'spillway_bulkhead_queued', unit: '{attempt}', type: 'gauge',
    help: 'Attempts that wait for a slot or for room.',
    read: each(({ bulkhead, limit }) => [[(bulkhead ?? limit)?.queued]]),
    path: within('queued'),
  },
  {
    name: 'spillway.bulkhead.limit', prometheus: 'spillway_bulkhead_limit', unit: '{attempt}', type: 'gauge',
    help: 'How many attempts may run at a time; absent where there is no limit.',
    read: each(({ bulkhead, limit }) => [[bulkhead === undefined ? limit?.limit : bulkhead.slots]]),
    path: within('limit'),
  },
  {
    name: 'spillway.rate_limit.available', prometheus: 'spillway_rate_limit_available', unit: '{permit}', type: 'gauge',
    help: 'Attempts that a rate limit would let start now.',
    read: each(({ rateLimit }) => [[rateLimit?.available]]),
    path: within('available'),
  },
  {
    name: 'spillway.rate_limit.queued', prometheus: 'spillway_rate_limit_queued', unit: '{attempt}', type: 'gauge',
    help: 'Attempts that wait for a permit of a rate limit.',
    read: each(({ rateLimit }) => [[rateLimit?.queued]]),
    path: within('queued'),
  },
  {
    name: 'spillway.park.parked', prometheus: 'spillway_park_parked', unit: '{call}', type: 'gauge',
    help: 'Calls that wait until all is well.',
    read: each(({ park }) => [[park?.parked]]),
    path: within('parked'),
  },
  {
    name: 'spillway.hedge.attempts', prometheus: 'spillway_hedge_attempts_total', unit: '{attempt}', type: 'counter',
    help: 'Hedges that were launched.',
    read: events(['hedge.launched']),
    path: () => ['hedge', 'attempts'],
  },
  {
    name: 'spillway.hedge.wins', prometheus: 'spillway_hedge_wins_total', unit: '{attempt}', type: 'counter',
    help: 'Hedges that answered first.',
    read: events(['hedge.won']),
    path: () => ['hedge', 'wins'],
  },
  {
    name: 'spillway.cache.requests', prometheus: 'spillway_cache_requests_total', unit: '{call}', type: 'counter',
    help: 'Calls that asked a cache, by what it had.',
    read: events(['cache.hit', { result: 'hit' }], ['cache.missed', { result: 'miss' }], ['cache.coalesced', { result: 'coalesced' }], ['cache.stale', { result: 'stale' }]),
    path: ({ result }) => ['cache', result!],
  },
  {
    name: 'spillway.call.latency', unit: 's', type: 'gauge',
    help: 'Percentiles of how long calls took in the sliding window.',
    read: ({ name: pipeline, window }) => ([['p50', window.p50], ['p90', window.p90], ['p99', window.p99]] as const).flatMap(([quantile, ms]) => (ms === null ? [] : [{ labels: { pipeline, quantile }, value: ms / 1_000 }])),
  },
  {
    unit: '1', type: 'gauge',
    help: 'The same in ms.',
    read: ({ name: pipeline, window }) => ([['p50', window.p50], ['p90', window.p90], ['p99', window.p99]] as const).flatMap(([quantile, ms]) => (ms === null ? [] : [{ labels: { pipeline, quantile }, value: ms }])),
    path: ({ quantile }) => ['latency', quantile!],
  },
]

/** What an exporter reads: a recorder, or whatever has such snapshots. */
export interface Source {
  snapshot(options?: { readonly series?: boolean; readonly config?: boolean }): Snapshot
  /** Tells of an exporter that cannot do its work. */
  warn?(message: string): void
}

/** The parts of a snapshot that exporters need. */
export function read(source: Source): Snapshot {
  return source.snapshot({ series: false, config: false })
}
