import { nameDuration } from '../core/duration.ts'
import type { Policy } from '../core/policy.ts'
import { defaults, type RateLimitSettings } from './options.ts'

/** What a pipeline tells whoever builds it, given the policies further out. */
export function warnings({ name, permits, everyMs, queue, maxWaitMs }: RateLimitSettings, outside: readonly Policy[]): string[] {
  if (queue === 0) return maxWaitMs === defaults.maxWaitMs ? [] : [`${name}: maxWaitMs says nothing without a queue: say queue too, or leave it out`]
  const list: string[] = []
  const breaker = outside.find((policy) => policy.type === 'breaker')
  if (breaker !== undefined) {
    list.push(`${name}: put the queue outside the breaker "${breaker.name}", which is asked before the wait and not after it: it may have opened meanwhile`)
  }
  if (everyMs / permits > maxWaitMs) {
    list.push(`${name}: hardly anybody can wait in its queue: one permit comes in ${nameDuration(everyMs / permits)}, maxWaitMs is ${nameDuration(maxWaitMs)}`)
  }
  return list
}
