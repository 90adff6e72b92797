import { count, type Effective, known, nameOf, notNegative, oneOf } from '../core/options.ts'
import { type Mode, modes } from '../core/policy.ts'
import { type Order, orders } from '../math/queue.ts'
import { patience } from './warnings.ts'

export interface BulkheadOptions {
  /** How many attempts may run at a time: a whole number from 0 on; Infinity for no limit. No default: it is yours to say. */
  readonly slots: number
  /** How many may wait for a slot: a whole number from 0 on; Infinity for any number. Default 0: full means refused now. */
  readonly queue?: number | undefined
  /** How long one may wait, in ms, from 0 on; who waited longer is refused. Infinity: as long as its deadline allows. Default 1 000. */
  readonly maxWaitMs?: number | undefined
  /**
   * Who of those that wait gets the next slot. `'fifo'` (default): who came first; nobody is overtaken. `'lifo'`: who came last.
   * `'adaptive'`: as `'fifo'`, with a wait of at most 100 ms; once the queue has not been empty for 100 ms, as `'lifo'`, with at most 5 ms
   * (never more than `maxWaitMs`).
   */
  readonly order?: Order | undefined
  /** Default `'enforce'`. */
  readonly mode?: Mode | undefined
  /** Default `'bulkhead'`. */
  readonly name?: string | undefined
}

export const defaults: Omit<Effective<BulkheadOptions>, 'slots'> = Object.freeze({ ...patience, mode: 'enforce', name: 'bulkhead' })
const changeable = ['slots', 'queue', 'maxWaitMs', 'order', 'mode'] as const
const keys = [...changeable, 'name'] as const

/** What was said over the defaults, or over what holds so far: then all but the name may change. */
export function bulkheadOptions(said: Partial<BulkheadOptions>, before?: Effective<BulkheadOptions>): Effective<BulkheadOptions> {
  const options = { ...(before ?? defaults), ...known<Partial<BulkheadOptions>>('bulkhead', said, before === undefined ? keys : changeable) }
  return Object.freeze({
    slots: count('bulkhead.slots', options.slots),
    queue: count('bulkhead.queue', options.queue),
    maxWaitMs: notNegative('bulkhead.maxWaitMs', options.maxWaitMs),
    order: oneOf('bulkhead.order', options.order, orders),
    mode: oneOf('bulkhead.mode', options.mode, modes),
    name: nameOf('bulkhead.name', options.name),
  })
}
