import type { Attempt } from '../core/attempt.ts'
import { BulkheadFullError } from '../core/errors.ts'
import type { Effective } from '../core/options.ts'
import { type Guard, type Mode, observed, refuse, type Refusal, unguarded } from '../core/policy.ts'
import { type BulkheadOptions, bulkheadOptions } from './options.ts'

/** A {@link bulkhead}. */
export interface Bulkhead extends Guard {
  readonly options: Effective<BulkheadOptions>
  /** How many attempts hold a slot: running, or timed out and still at work. */
  readonly inFlight: number
  /** Checked as a whole, in force at once. Fewer slots than are held take effect as attempts end: nobody is dropped. */
  update(options: Partial<Omit<BulkheadOptions, 'name'>>): void
}

class BulkheadGuard implements Bulkhead {
  readonly kind = 'guard'
  readonly type = 'bulkhead'
  readonly name: string
  options: Effective<BulkheadOptions>
  inFlight = 0
  /** The permit of every attempt: slots are alike, only their number counts. */
  readonly #slot: object = {}

  constructor(options: BulkheadOptions) {
    this.options = bulkheadOptions(options)
    this.name = this.options.name
  }

  get mode(): Mode {
    return this.options.mode
  }

  admit(attempt: Attempt): object | Refusal {
    const { slots, mode } = this.options
    if (mode === 'off') return unguarded
    if (this.inFlight < slots) {
      this.inFlight++
      return this.#slot
    }
    const refusal = refuse(this, BulkheadFullError, () => `all ${slots} slots are taken`)
    return mode === 'observe' ? observed(attempt, refusal) : refusal
  }

  release(permit: object): void {
    if (permit === this.#slot) this.inFlight--
  }

  pressure(): number {
    const { slots } = this.options
    return slots === 0 ? 1 : Math.min(1, this.inFlight / slots)
  }

  update(options: Partial<Omit<BulkheadOptions, 'name'>>): void {
    this.options = bulkheadOptions(options, this.options)
  }
}

/**
 * Lets at most `slots` attempts run at a time and refuses the others at once with a `BulkheadFullError`, so that one slow
 * dependency cannot take all of a service's memory, sockets and patience. A slot is held until the work has really ended,
 * also past a timeout that has already answered the caller. Adds no promise and reads no clock.
 *
 * @throws RangeError, TypeError at build
 */
export function bulkhead(options: BulkheadOptions): Bulkhead {
  return new BulkheadGuard(options)
}
