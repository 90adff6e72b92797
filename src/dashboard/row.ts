import type { PipelineSnapshot, PolicySnapshot, Snapshot } from '../metrics/snapshot.ts'
import { type Fares, reasonOf } from './condition.ts'
import { historyOf } from './history.ts'
import { brief } from './label.ts'
import type { BreakerRow, Counted, LoadRow, Row, ThrottleRow } from './wire.ts'

/** What the page shows of a pipeline. */
export function rowOf(id: string, one: PipelineSnapshot, fares: Fares, snapshot: Snapshot): Row {
  const { window, policies, totals, inFlight } = one
  const { at, windowMs } = snapshot
  return {
    id,
    ...fares,
    windowMs,
    callsPerSecond: tidy(window.callsPerSecond),
    outcomes: window.outcomes,
    p50: tidy(window.p50),
    p90: tidy(window.p90),
    p99: tidy(window.p99),
    amplification: tidy(window.amplification),
    retriesPerSecond: tidy((window.retries * 1_000) / windowMs),
    retries: counted({ 'after a failure': window.retriesByReason.failure, 'after overload': window.retriesByReason.overload }),
    budget: tidy(policies.find(({ budget }) => budget !== undefined)?.budget?.available ?? null),
    refused: counted(window.rejectionsByPolicy),
    shed: window.rejectionsByPriority,
    calls: Object.values(totals.calls).reduce((sum, n) => sum + n, 0),
    inFlight,
    breakers: policies.flatMap((policy) => breakerRow(policy, snapshot)),
    loads: policies.flatMap(loadRow),
    throttles: policies.flatMap((policy) => throttleRow(policy, at)),
    history: historyOf(one, snapshot),
  }
}

function breakerRow({ name, mode, breaker }: PolicySnapshot, { at, historyFrom }: Snapshot): BreakerRow[] {
  if (breaker === undefined) return []
  const { state, retryAfterMs, since, history } = breaker
  const opened = history.findLast((segment) => segment.state === 'open')
  return [
    {
      name: brief(name, 100),
      state,
      mode,
      reason: brief(reasonOf(breaker)),
      forMs: since <= historyFrom ? null : Math.round(at - since),
      probeInMs: retryAfterMs,
      breakMs: state === 'open' && retryAfterMs !== null && opened !== undefined ? Math.round(at - opened.from + retryAfterMs) : null,
    },
  ]
}

function loadRow({ name, type, bulkhead, limit, rateLimit, park }: PolicySnapshot): LoadRow[] {
  const base = { name: brief(name, 100), type }
  if (bulkhead !== undefined) return [{ ...base, active: bulkhead.inFlight, queued: bulkhead.queued, limit: bulkhead.slots }]
  if (limit !== undefined) return [{ ...base, active: limit.inFlight, queued: limit.queued, limit: Math.floor(limit.limit) }]
  if (rateLimit !== undefined) return [{ ...base, active: rateLimit.permits === null ? 0 : Math.max(0, Math.ceil(rateLimit.permits - rateLimit.available)), queued: rateLimit.queued, limit: rateLimit.permits }]
  return park === undefined ? [] : [{ ...base, active: park.parked, queued: 0, limit: null }]
}

function throttleRow({ name, mode, throttle }: PolicySnapshot, at: number): ThrottleRow[] {
  if (throttle === undefined) return []
  const { allow, allowByPriority, history } = throttle
  const differ = Object.values(allowByPriority).some((share) => share !== allow)
  return [
    {
      name: brief(name, 100),
      mode,
      allow: tidy(allow),
      byPriority: differ ? allowByPriority : {},
      steps: history.slice(-180).map((change) => [Math.max(0, Math.round(at - change.at)), tidy(change.allow)]),
    },
  ]
}

function counted(counts: Readonly<Record<string, number>>): Counted[] {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, 10)
    .map(([what, count]) => ({ what: brief(what, 100), count }))
}

/** Three digits after the point are enough for a screen. */
function tidy<T extends number | null>(n: T): T {
  return (n === null ? null : Math.round(n * 1_000) / 1_000) as T
}
