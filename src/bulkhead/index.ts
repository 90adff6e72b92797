import type { Bulkhead } from './bulkhead.ts'
import { BulkheadGuard } from './guard.ts'
import type { BulkheadOptions } from './options.ts'

export type { Bulkhead } from './bulkhead.ts'
export type { BulkheadOptions } from './options.ts'

/**
 * Lets at most `slots` attempts run at a time, so that one slow dependency cannot take all of a service's memory, sockets and
 * patience. The others are refused at once with a `BulkheadFullError`; with a `queue`, so many may first wait for a slot, `maxWaitMs` (1 s) at
 * most, in the given `order` (`'fifo'`). A slot is held until the work has really ended, also past a timeout that has already
 * answered the caller, and is then handed over: no newcomer takes it while somebody waits.
 *
 * Put one with a queue outside the breaker. Without a pipeline (in two steps) nobody can wait: it refuses when the slots are taken.
 *
 * Cost: adds no promise, reads no clock and allocates nothing; one promise and one clock read for who waits. O(1) to join, to be served
 * and to leave.
 *
 * @throws RangeError, TypeError at build
 */
export function bulkhead(options: BulkheadOptions): Bulkhead {
  return new BulkheadGuard(options)
}
