import type { Breaker } from '../breaker/breaker.ts'
import type { Observed } from '../core/observer.ts'
import type { Policy } from '../core/policy.ts'
import type { Undo } from '../core/events.ts'
import { named } from '../metrics/gauges.ts'
import type { Found } from './configuration.ts'
import type { Command } from './wire.ts'

/** What came of a command. */
export interface Done {
  readonly status: 200 | 400 | 404 | 409
  readonly message: string
}

/** Isolations made here, which only who made them can undo. */
const isolations = new WeakMap<Breaker, Undo>()

/** Does what was commanded with all pipelines of that name that are alive. */
export function obey({ policy, action, allow }: Command, { recorder, name }: Found): Done {
  const found = [...new Set(recorder.live(name).flatMap((pipeline) => policiesNamed(pipeline, policy)))]
  if (found.length === 0) return { status: 404, message: 'There is no such policy any more.' }
  if (action === 'allow') return found.every(hasShare) ? setShare(found as Throttled[], allow!) : no(policy, 'has no share to set')
  if (!found.every(isBreaker)) return no(policy, 'is no breaker')
  return action === 'isolate' ? isolate(found as Breaker[]) : close(found as Breaker[])
}

type Throttled = Policy & { update(options: { readonly allow: number }): void }

const isBreaker = (policy: Policy): boolean => policy.type === 'breaker' && 'isolate' in policy
const hasShare = (policy: Policy): boolean => policy.type === 'throttle' && 'update' in policy
const no = (policy: string, what: string): Done => ({ status: 409, message: `${policy} ${what}.` })

const policiesNamed = ({ policies }: Observed, wanted: string): Policy[] => named(policies).flatMap(({ name, policy }) => (name === wanted ? [policy] : []))

function isolate(breakers: readonly Breaker[]): Done {
  for (const one of breakers) if (!isolations.has(one)) isolations.set(one, one.isolate())
  return { status: 200, message: 'Isolated: all calls are refused until it is closed.' }
}

function close(breakers: readonly Breaker[]): Done {
  for (const one of breakers) {
    isolations.get(one)?.()
    isolations.delete(one)
    one.close()
  }
  if (breakers.some(({ state }) => state === 'isolated')) return { status: 200, message: 'Closed, but still isolated by somebody else.' }
  return { status: 200, message: 'Closed.' }
}

function setShare(throttles: readonly Throttled[], allow: number): Done {
  try {
    for (const one of throttles) one.update({ allow })
  } catch (error) {
    // It says which option is wrong, and why.
    return { status: 409, message: (error as Error).message }
  }
  return { status: 200, message: `Lets ${Math.round(allow * 100)} % pass.` }
}
