import type { BreakerSnapshotFacts, PipelineSnapshot, PolicySnapshot } from '../metrics/snapshot.ts'
import { brief } from './label.ts'
import { type Condition, conditions, priorities } from './wire.ts'

/** How a pipeline fares, in a word and a few more. */
export interface Fares {
  readonly condition: Condition
  readonly why: string
}

/** Fewer calls in the window say nothing of a share. */
const leastCalls = 5
const failingFrom = 0.5
const degradedFrom = 0.05
const amplifiedFrom = 1.2

/** The worst that is to be said of it. */
export function fares(one: PipelineSnapshot): Fares {
  return byBreaker(one) ?? byFailures(one) ?? byThrottle(one) ?? byShedding(one) ?? byRoom(one) ?? bySigns(one) ?? well(one)
}

/** Whether somebody should look at it. */
export const needsAttention = (condition: Condition): boolean => conditions.indexOf(condition) < conditions.indexOf('healthy')

/** Whether it has been away within its history. */
export function hasBeenAway({ policies }: PipelineSnapshot): boolean {
  return policies.some(({ breaker }) => breaker !== undefined && breaker.history.some(({ state }) => state !== 'closed'))
}

function byBreaker({ policies }: PipelineSnapshot): Fares | undefined {
  const enforced = policies.filter(({ mode, breaker }) => breaker !== undefined && mode === 'enforce')
  for (const condition of ['open', 'isolated', 'halfOpen'] as const) {
    const found = enforced.find(({ breaker }) => breaker?.state === condition)
    if (found === undefined) continue
    const who = enforced.length > 1 ? `${found.name}: ` : ''
    return { condition, why: brief(who + reasonOf(found.breaker!)) }
  }
  return undefined
}

/** Why it opened in the first place, and how often it has tried to come back since: "a probe failed" alone says little. */
export function reasonOf({ state, reason, history }: BreakerSnapshotFacts): string {
  if (state === 'closed') return ''
  if (state === 'isolated') return 'by hand'
  const closed = history.findLastIndex((segment) => segment.state === 'closed')
  const openings = history.slice(closed + 1).filter((segment) => segment.state === 'open')
  const first = openings[0]?.reason ?? reason ?? ''
  const again = openings.length - 1
  if (state === 'halfOpen') return `probing after ${first}`
  return again > 0 ? `${first}; since then probed ${again === 1 ? 'once' : `${again} times`} in vain` : first
}

function byFailures({ window }: PipelineSnapshot): Fares | undefined {
  const answered = window.calls - window.outcomes.rejected - window.outcomes.cancelled
  if (answered < leastCalls || window.failureRatio === null || window.failureRatio < failingFrom) return undefined
  return { condition: 'failing', why: `${percent(window.failureRatio)} of ${answered} calls failed` }
}

function byThrottle({ policies }: PipelineSnapshot): Fares | undefined {
  const found = policies.find(({ mode, throttle }) => throttle !== undefined && mode === 'enforce' && least(throttle.allow, throttle.allowByPriority) < 1)
  if (found?.throttle === undefined) return undefined
  const { allow, allowByPriority } = found.throttle
  const differ = priorities.some((name) => allowByPriority[name] !== allow)
  const some = priorities.filter((name) => allowByPriority[name] > 0 && allowByPriority[name] < 1).map((name) => `${percent(allowByPriority[name])} of ${name}`)
  const none = priorities.filter((name) => allowByPriority[name] === 0)
  const parts = none.length > 0 ? [...some, `nothing of ${none.join(', ')}`] : some
  return { condition: 'throttled', why: differ ? `lets ${percent(allow)} pass: ${parts.join(', ')}` : `lets ${percent(allow)} pass` }
}

function byShedding({ policies, window }: PipelineSnapshot): Fares | undefined {
  const shedders = policies.filter(({ shed, park }) => shed !== undefined || park !== undefined)
  const refused = shedders.reduce((sum, { name }) => sum + (window.rejectionsByPolicy[name] ?? 0), 0)
  if (refused === 0) return undefined
  const parts = priorities.filter((name) => window.rejectionsByPriority[name] > 0).map((name) => `${window.rejectionsByPriority[name]} ${name}`)
  return { condition: 'shedding', why: `refused ${parts.join(', ')}` }
}

function byRoom({ policies, window }: PipelineSnapshot): Fares | undefined {
  const found = policies.find((policy) => room(policy) !== undefined && (window.rejectionsByPolicy[policy.name] ?? 0) > 0)
  if (found === undefined) return undefined
  return { condition: 'full', why: brief(`${room(found)}; ${found.name} refused ${window.rejectionsByPolicy[found.name]}`) }
}

function room({ bulkhead, limit, rateLimit }: PolicySnapshot): string | undefined {
  if (bulkhead !== undefined) return `${bulkhead.inFlight} of ${bulkhead.slots ?? 'any'} slots taken`
  if (limit !== undefined) return `${limit.inFlight} of ${Math.floor(limit.limit)} in flight`
  return rateLimit && `${Math.floor(rateLimit.available)} permits left`
}

function bySigns({ policies, window }: PipelineSnapshot): Fares | undefined {
  const signs: string[] = []
  if (window.calls >= leastCalls) {
    if (window.failureRatio !== null && window.failureRatio >= degradedFrom) signs.push(`${percent(window.failureRatio)} of the calls fail`)
    if (window.amplification !== null && window.amplification >= amplifiedFrom) signs.push(`${window.amplification.toFixed(2)} attempts per call`)
    if (window.rejectedRatio !== null && window.rejectedRatio >= degradedFrom) signs.push(`${percent(window.rejectedRatio)} refused`)
  }
  const observing = policies.find(({ mode, breaker }) => mode === 'observe' && breaker !== undefined && breaker.state !== 'closed')
  if (observing !== undefined) signs.push(`${observing.name} would refuse, but only observes`)
  return signs.length > 0 ? { condition: 'degraded', why: brief(signs.join(', ')) } : undefined
}

function well({ window, inFlight }: PipelineSnapshot): Fares {
  return window.calls > 0 || inFlight > 0 ? { condition: 'healthy', why: '' } : { condition: 'idle', why: '' }
}

const least = (allow: number, byPriority: Readonly<Record<string, number>>): number => Math.min(allow, ...Object.values(byPriority))
const percent = (part: number): string => `${Math.round(100 * part)} %`
