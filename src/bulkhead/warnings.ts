import { nameDuration } from '../core/duration.ts'
import type { Effective } from '../core/options.ts'
import type { Policy } from '../core/policy.ts'
import { type BulkheadOptions, defaults } from './options.ts'

/** What a pipeline tells whoever builds it, given the policies further out. */
export function warnings({ name, slots, queue, maxWaitMs, order }: Effective<BulkheadOptions>, outside: readonly Policy[]): string[] {
  if (queue === 0) {
    const idle = [maxWaitMs !== defaults.maxWaitMs && 'maxWaitMs', order !== defaults.order && 'order'].filter((option) => option !== false)
    return idle.map((option) => `${name}: ${option} says nothing without a queue: say queue too, or leave it out`)
  }
  if (slots === Infinity) return [`${name}: nobody ever waits in its queue, for its slots are endless`]
  const list: string[] = []
  const breaker = outside.find((policy) => policy.type === 'breaker')
  if (breaker !== undefined) {
    list.push(`${name}: put the queue outside the breaker "${breaker.name}", which is asked before the wait and not after it: it may have opened meanwhile`)
  }
  const timeoutMs = Math.min(...outside.map((policy) => ('timeoutMs' in policy && policy.timeoutMs) || Infinity))
  if (order === 'adaptive') return list
  if (maxWaitMs === Infinity && timeoutMs === Infinity) list.push(`${name}: one may wait for ever: give it a maxWaitMs, or put a timeout outside it`)
  else if (maxWaitMs >= timeoutMs && timeoutMs < Infinity) {
    list.push(`${name}: the timeout of ${nameDuration(timeoutMs)} outside it ends every wait before maxWaitMs (${nameDuration(maxWaitMs)}) does, and leaves no time for the work: lower maxWaitMs`)
  }
  return list
}
