import { priorities, type Priority } from '../core/attempt.ts'
import type { Observed } from '../core/observer.ts'
import type { Policy } from '../core/policy.ts'
import { named, shown } from './gauges.ts'
import type { BreakerStateName, PolicySnapshot } from './snapshot.ts'
import type { Track } from './track.ts'

/** From the best state to the worst. */
const worse: readonly BreakerStateName[] = ['closed', 'halfOpen', 'open', 'isolated']

interface When {
  readonly at: number
  readonly historyFrom: number
}

/** The states of the policies of a track's pipelines; those that stand at the same place of several pipelines are shown as one. */
export function policiesOf(track: Track, live: readonly Observed[], when: When): PolicySnapshot[] {
  const groups = new Map<string, Policy[]>()
  for (const { policies } of live.slice(-MOST)) {
    for (const { name, policy } of named(policies)) {
      const group = groups.get(name)
      // A policy that several pipelines share is one.
      if (group === undefined) groups.set(name, [policy])
      else if (!group.includes(policy)) group.push(policy)
    }
  }
  return [...groups].map(([name, group]) => shownOf(track, name, group, when))
}

/** Under one name, as many pipelines are looked at. */
const MOST = 100

function shownOf(track: Track, name: string, group: readonly Policy[], when: When): PolicySnapshot {
  const [first] = group as [Policy, ...Policy[]]
  const type = first.type ?? first.name
  return { name, type, mode: shown.mode(first), pressure: Math.max(...group.map(shown.pressure)), ...factsOf(track, name, type, group, when) }
}

/** What a kind of policy has to show; `undefined`: nothing. */
function factsOf(track: Track, name: string, type: string, group: readonly Policy[], when: When): Partial<PolicySnapshot> | undefined {
  const sum = (field: 'inFlight' | 'queued' | 'available'): number => group.reduce((all, policy) => all + (shown.number(policy, field) ?? 0), 0)
  const sumOption = (option: string): number | null => finite(group.reduce((all, policy) => all + (shown.option(policy, option) ?? 0), 0))
  switch (type) {
    case 'breaker':
      return { breaker: breakerFacts(track, name, group, when) }
    case 'bulkhead':
      return { bulkhead: { inFlight: sum('inFlight'), queued: sum('queued'), slots: sumOption('slots') } }
    case 'adaptiveLimit':
      return { limit: { limit: group.reduce((all, policy) => all + (shown.number(policy, 'limit') ?? 0), 0), inFlight: sum('inFlight'), queued: sum('queued') } }
    case 'rateLimit':
      return { rateLimit: { available: finite(sum('available')) ?? Number.MAX_SAFE_INTEGER, queued: sum('queued'), permits: sumOption('permits'), everyMs: shown.option(group[0]!, 'everyMs') ?? null } }
    case 'throttle': {
      const strictest = group.reduce((least, policy) => (shown.share(policy) < shown.share(least) ? policy : least))
      const allow = shown.share(strictest)
      return { throttle: { allow, allowByPriority: shown.byPriority(strictest) ?? alike(allow), acceptance: shown.number(strictest, 'acceptance') ?? null, history: track.shares.get(name)?.history(when.historyFrom) ?? [] } }
    }
    case 'shed':
      return { shed: { byPriority: track.refusals.of(group[0]!.name), allowByPriority: shown.byPriority(group[0]!) ?? null, level: shown.level(group[0]!) } }
    case 'park':
      return { park: { parked: sum('queued') } }
    default: {
      const budget = shown.budget(group[0]!)
      return budget === undefined || !Number.isFinite(budget) ? undefined : { budget: { available: budget } }
    }
  }
}

function breakerFacts(track: Track, name: string, group: readonly Policy[], { at, historyFrom }: When): PolicySnapshot['breaker'] & object {
  const worst = group.reduce((one, other) => (worse.indexOf(shown.state(other)) > worse.indexOf(shown.state(one)) ? other : one))
  const states = track.states.get(name)
  const ms = shown.number(worst, 'retryAfterMs')
  return {
    state: shown.state(worst),
    reason: shown.reason(worst),
    retryAfterMs: ms === undefined || !Number.isFinite(ms) ? null : ms,
    since: states?.since ?? at,
    counted: shown.counted(worst),
    history: states?.history(historyFrom) ?? [],
  }
}

const finite = (n: number): number | null => (Number.isFinite(n) ? n : null)

const alike = (allow: number): Record<Priority, number> => Object.fromEntries(priorities.map((priority) => [priority, allow])) as Record<Priority, number>
