import type { Histogram, PipelineSnapshot, PolicySnapshot } from '../../metrics/snapshot.ts'
import { read, type Source } from '../table.ts'
import { histogramValues, type Metric, type Value } from './text.ts'

// The names under which resilience4j's Micrometer binders show themselves to Prometheus, so that its Grafana dashboard, and alerts
// written for it, work. Its states `disabled` and `metrics_only` are `mode: 'off'` and `'observe'`; an isolated breaker is `forced_open`.

/** `name` there is that of one breaker in the process: the pipeline's, with the policy's where that was given one. */
function nameOf({ name: pipeline }: PipelineSnapshot, { name, type }: PolicySnapshot): string {
  return name === type || name === pipeline ? pipeline : `${pipeline}.${name}`
}

const states = ['closed', 'open', 'half_open', 'forced_open', 'disabled', 'metrics_only'] as const

function stateOf({ mode, breaker }: PolicySnapshot): (typeof states)[number] {
  if (mode === 'off') return 'disabled'
  if (breaker!.state === 'isolated') return 'forced_open'
  if (mode === 'observe') return 'metrics_only'
  return breaker!.state === 'halfOpen' ? 'half_open' : breaker!.state
}

type Row = readonly [labels: Record<string, string>, value: number | Histogram | null | undefined]

const kinds = { successful: 'success', failed: 'failure', ignored: 'ignored' } as const

/** Percent, or -1 while nothing can be said. */
function percent(part: number | undefined, of: number | undefined): number {
  return part === undefined || of === undefined || of === 0 ? -1 : (100 * part) / of
}

function sum(...all: readonly Histogram[]): Histogram {
  return all.reduce((a, b) => ({ count: a.count + b.count, sumSeconds: a.sumSeconds + b.sumSeconds, counts: a.counts.map((n, i) => n + b.counts[i]!) }))
}

interface Definition {
  readonly name: string
  readonly type: Metric['type']
  readonly help: string
  readonly of: string | undefined
  readonly rows: (name: string, policy: PolicySnapshot, pipeline: PipelineSnapshot) => readonly Row[]
}

const definitions: readonly Definition[] = [
  {
    name: 'resilience4j_circuitbreaker_state', type: 'gauge', of: 'breaker', help: 'The states of the circuit breaker',
    rows: (name, policy) => states.map((state) => [{ name, state }, stateOf(policy) === state ? 1 : 0]),
  },
  {
    name: 'resilience4j_circuitbreaker_calls_seconds', type: 'histogram', of: 'breaker', help: 'Total number of calls by kind',
    rows: (name, _policy, { totals: { attemptSeconds: { success, failure, overload, ignored } } }) =>
      Object.entries({ successful: success, failed: sum(failure, overload), ignored } satisfies Record<keyof typeof kinds, Histogram>).map(([kind, value]) => [{ name, kind }, value]),
  },
  {
    name: 'resilience4j_circuitbreaker_calls_seconds_max', type: 'gauge', of: 'breaker', help: 'The longest call of the sliding window',
    rows: (name, _policy, { window }) => [[{ name }, (window.maxMs ?? 0) / 1_000]],
  },
  {
    name: 'resilience4j_circuitbreaker_not_permitted_calls_total', type: 'counter', of: 'breaker', help: 'Total number of not permitted calls',
    rows: (name, policy, { totals }) => [[{ name, kind: 'not_permitted' }, refusedBy(policy, totals)]],
  },
  {
    name: 'resilience4j_circuitbreaker_buffered_calls', type: 'gauge', of: 'breaker', help: 'The number of buffered calls',
    rows: (name, { breaker }) => {
      const { calls, failed } = breaker?.counted ?? { calls: 0, failed: 0 }
      return [[{ name, kind: 'successful' }, calls - failed], [{ name, kind: 'failed' }, failed]]
    },
  },
  {
    name: 'resilience4j_circuitbreaker_max_buffered_calls', type: 'gauge', of: 'breaker', help: 'The maximum number of buffered calls: +Inf for a window of time',
    rows: (name) => [[{ name }, Infinity]],
  },
  {
    name: 'resilience4j_circuitbreaker_slow_calls', type: 'gauge', of: 'breaker', help: 'The number of slow calls',
    rows: (name, { breaker }) => [[{ name, kind: 'successful' }, breaker?.counted?.slow ?? 0], [{ name, kind: 'failed' }, 0]],
  },
  {
    name: 'resilience4j_circuitbreaker_failure_rate', type: 'gauge', of: 'breaker', help: 'The failure rate in percent, -1 when unknown',
    rows: (name, { breaker }) => [[{ name }, percent(breaker?.counted?.failed, breaker?.counted?.calls)]],
  },
  {
    name: 'resilience4j_circuitbreaker_slow_call_rate', type: 'gauge', of: 'breaker', help: 'The slow call rate in percent, -1 when unknown',
    rows: (name, { breaker }) => [[{ name }, percent(breaker?.counted?.slow, breaker?.counted?.calls)]],
  },
  {
    name: 'resilience4j_retry_calls_total', type: 'counter', of: 'retry', help: 'The number of calls with and without a retry attempt',
    rows: (name, _policy, { totals: { retriedCalls: { succeeded, succeededRetried, failed, failedRetried } } }) => [
      [{ name, kind: 'successful_without_retry' }, succeeded],
      [{ name, kind: 'successful_with_retry' }, succeededRetried],
      [{ name, kind: 'failed_without_retry' }, failed],
      [{ name, kind: 'failed_with_retry' }, failedRetried],
    ],
  },
  {
    name: 'resilience4j_bulkhead_available_concurrent_calls', type: 'gauge', of: 'bulkhead', help: 'The number of available concurrent calls',
    rows: (name, { bulkhead }) => [[{ name }, bulkhead!.slots === null ? Infinity : Math.max(0, bulkhead!.slots - bulkhead!.inFlight)]],
  },
  {
    name: 'resilience4j_bulkhead_max_allowed_concurrent_calls', type: 'gauge', of: 'bulkhead', help: 'The maximum number of concurrent calls',
    rows: (name, { bulkhead }) => [[{ name }, bulkhead!.slots ?? Infinity]],
  },
  {
    name: 'resilience4j_ratelimiter_available_permissions', type: 'gauge', of: 'rateLimit', help: 'The number of available permissions',
    rows: (name, { rateLimit }) => [[{ name }, Math.floor(rateLimit!.available)]],
  },
  {
    name: 'resilience4j_ratelimiter_waiting_threads', type: 'gauge', of: 'rateLimit', help: 'The number of those that wait for a permission',
    rows: (name, { rateLimit }) => [[{ name }, rateLimit!.queued]],
  },
  {
    name: 'resilience4j_timelimiter_calls_total', type: 'counter', of: 'timeout', help: 'Total number of calls by kind',
    rows: (name, _policy, { totals: { calls } }) => [
      [{ name, kind: 'successful' }, calls.success + calls.fallback],
      [{ name, kind: 'failed' }, calls.failure],
      [{ name, kind: 'timeout' }, calls.timeout],
    ],
  },
]

function refusedBy({ name }: PolicySnapshot, { rejections }: PipelineSnapshot['totals']): number {
  return rejections.reduce((all, { policy, count }) => (policy === name ? all + count : all), 0)
}

/** The exposition under the names of resilience4j. */
export function resilience4j(source: Source): Metric[] {
  const { pipelines } = read(source)
  return definitions.map(({ name, type, help, of, rows }) => {
    const values = pipelines.flatMap((pipeline) =>
      pipeline.policies.filter((policy) => policy.type === of).flatMap((policy) =>
        rows(nameOf(pipeline, policy), policy, pipeline).flatMap(([labels, value]): Value[] => {
          if (value === null || value === undefined) return []
          return typeof value === 'number' ? [{ labels, value }] : histogramValues(name, labels, value)
        })))
    return { name, type, help, values: unique(values) }
  })
}

/** Two timeouts of one pipeline would say the same twice, which Prometheus refuses. */
function unique(values: readonly Value[]): Value[] {
  const seen = new Map(values.map((one) => [JSON.stringify([one.metricName, one.labels]), one]))
  return [...seen.values()]
}
