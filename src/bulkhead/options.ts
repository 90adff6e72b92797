import { count, type Effective, known, nameOf, oneOf } from '../core/options.ts'
import { type Mode, modes } from '../core/policy.ts'

export interface BulkheadOptions {
  /** How many attempts may run at a time: a whole number from 0 on; Infinity for no limit. No default: it is yours to say. */
  readonly slots: number
  /** Default `'enforce'`. */
  readonly mode?: Mode | undefined
  /** Default `'bulkhead'`. */
  readonly name?: string | undefined
}

const defaults = { mode: 'enforce', name: 'bulkhead' } as const
const changeable = ['slots', 'mode'] as const
const keys = [...changeable, 'name'] as const

/** What was said over the defaults, or over what holds so far: then all but the name may change. */
export function bulkheadOptions(said: Partial<BulkheadOptions>, before?: Effective<BulkheadOptions>): Effective<BulkheadOptions> {
  const options = { ...(before ?? defaults), ...known<Partial<BulkheadOptions>>('bulkhead', said, before === undefined ? keys : changeable) }
  return {
    slots: count('bulkhead.slots', options.slots),
    mode: oneOf('bulkhead.mode', options.mode, modes),
    name: nameOf('bulkhead.name', options.name),
  }
}
