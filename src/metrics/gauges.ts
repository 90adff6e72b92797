import { priorities, type Priority } from '../core/attempt.ts'
import type { Mode, Policy } from '../core/policy.ts'
import type { BreakerStateName } from './snapshot.ts'

// What policies show of themselves, read at the time of a snapshot. A policy is known by its `type` and told by the fields that it
// has, never by its class: rooms do not import rooms, and a policy of the user's may be of such a type too.

/** Whatever a policy may have to show. */
interface Shown {
  readonly mode?: unknown
  readonly options?: object
  readonly state?: unknown
  readonly reason?: unknown
  readonly retryAfterMs?: unknown
  readonly inFlight?: unknown
  readonly queued?: unknown
  readonly limit?: unknown
  readonly level?: unknown
  readonly allow?: unknown
  readonly allowByPriority?: unknown
  readonly acceptance?: unknown
  readonly available?: unknown
  readonly counted?: unknown
  pressure?(): number
  share?(): number
}

const states: readonly unknown[] = ['closed', 'halfOpen', 'open', 'isolated'] satisfies readonly BreakerStateName[]

/** What a getter or a method of a policy says; `otherwise` where it throws or says something else. */
function ask<T>(read: () => unknown, is: (value: unknown) => boolean, otherwise: T): T {
  try {
    const value = read()
    return is(value) ? (value as T) : otherwise
  } catch {
    return otherwise
  }
}

const isNumber = (value: unknown): boolean => typeof value === 'number' && !Number.isNaN(value)
const isShare = (value: unknown): boolean => isNumber(value) && (value as number) >= 0 && (value as number) <= 1

export const shown = {
  mode: (policy: Policy): Mode => ask(() => (policy as Shown).mode, (mode) => mode === 'observe' || mode === 'off', 'enforce'),
  pressure: (policy: Policy): number => ask(() => (policy as Shown).pressure?.(), isShare, 0),
  /** The share of the offered calls that it lets pass; 1 where it does not think in shares. */
  share: (policy: Policy): number => ask(() => (policy as Shown).share?.(), isShare, 1),
  number: (policy: Policy, field: 'inFlight' | 'queued' | 'limit' | 'available' | 'acceptance' | 'retryAfterMs'): number | undefined => ask(() => (policy as Shown)[field], isNumber, undefined),
  option: (policy: Policy, option: string): number | undefined => ask(() => (policy.options as Record<string, unknown> | undefined)?.[option], isNumber, undefined),
  state: (policy: Policy): BreakerStateName => ask(() => (policy as Shown).state, (state) => states.includes(state), 'closed'),
  reason: (policy: Policy): string | null => ask(() => (policy as Shown).reason, (reason) => typeof reason === 'string', null),

  /** The share of each priority, where it tells them apart; else that of all. */
  byPriority(policy: Policy): Record<Priority, number> | undefined {
    const allow: unknown = ask(() => (policy as Shown).allowByPriority ?? (policy as Shown).allow, (value) => isShare(value) || (typeof value === 'object' && value !== null), undefined)
    if (allow === undefined) return undefined
    const of = (priority: Priority): number => (typeof allow === 'number' ? allow : ask(() => (allow as Record<string, unknown>)[priority], isShare, 1))
    return Object.fromEntries(priorities.map((priority) => [priority, of(priority)])) as Record<Priority, number>
  },

  /** The most important priority that a shed refuses. */
  level: (policy: Policy): Priority | 'none' | null => ask(() => (policy as Shown).level, (level) => level === 'none' || (priorities as readonly unknown[]).includes(level), null),

  /** What a closed breaker has in its window. */
  counted(policy: Policy): { calls: number; failed: number; slow: number } | null {
    const counts: Record<string, unknown> | undefined = ask(() => (policy as Shown).counted, (value) => typeof value === 'object' && value !== null, undefined)
    if (counts === undefined) return null
    const { calls, failed, slow } = counts
    return isNumber(calls) && isNumber(failed) && isNumber(slow) ? ({ calls, failed, slow } as { calls: number; failed: number; slow: number }) : null
  },

  /** What is left of the budget of a retry or hedge, in retries. */
  budget: (policy: Policy): number | undefined => ask(() => (policy.options as { budget?: { balance?(): number } } | undefined)?.budget?.balance?.(), isNumber, undefined),
}

/** The policies of a pipeline with a name of their own each: a second `bulkhead` is `bulkhead#2`. */
export function named(policies: readonly Policy[]): { readonly name: string; readonly policy: Policy }[] {
  const seen = new Map<string, number>()
  return policies.map((policy) => {
    const times = (seen.get(policy.name) ?? 0) + 1
    seen.set(policy.name, times)
    return { name: times === 1 ? policy.name : `${policy.name}#${times}`, policy }
  })
}
