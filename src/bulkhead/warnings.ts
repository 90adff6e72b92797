import { nameDuration } from '../core/duration.ts'
import type { Policy } from '../core/policy.ts'
import type { Order } from '../math/queue.ts'

/** A guard with a queue in front of its slots. */
interface Queueing {
  readonly name: string
  readonly slots: number
  readonly queue: number
  readonly maxWaitMs: number
  readonly order: Order
}

/** What a queue is like that nobody said anything of. */
export const patience = { queue: 0, maxWaitMs: 1_000, order: 'fifo' } as const

/** What a pipeline tells whoever builds it, given the policies further out. */
export function warnings({ name, slots, queue, maxWaitMs, order }: Queueing, outside: readonly Policy[]): string[] {
  if (queue === 0) {
    const idle = [maxWaitMs !== patience.maxWaitMs && 'maxWaitMs', order !== patience.order && 'order'].filter((option) => option !== false)
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
