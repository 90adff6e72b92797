import { ParkGuard } from './guard.ts'
import type { ParkOptions } from './options.ts'
import type { Park } from './park.ts'

export type { ParkOptions, ParkSettings } from './options.ts'
export type { Park, ParkState } from './park.ts'

/**
 * Lets unimportant calls wait until all is well, instead of refusing them: for work that somebody wants done, though not now. It parks calls
 * of the given priorities (`['low']`) while the pressure of the pipeline's guards is 0.7 or more: a breaker is open, a limit is full, a
 * throttle holds back. They are let go once it has been below that for 1 s, first come, first served, at 20 % of what is accepted and by
 * and by more: all at once would bring down what has just come back. When a breaker waits for its trial and nothing else comes, one of
 * them is sent.
 *
 * At most `queue` (1 000) wait, `maxWaitMs` (30 s) at most each. Who could not be served before its deadline is refused at once, with a
 * `ShedError`, and so is who finds the queue full. Who is aborted leaves at once.
 *
 * Put it outside the guards that press, and outside the timeout of what it is to wait for.
 *
 * Events: `park.changed` when it begins to park, to let go, and when nobody waits any more.
 *
 * Cost: adds no promise and reads no clock for calls that need not wait; one promise for who waits, and one alarm for all of those.
 *
 * @throws RangeError, TypeError at build
 */
export function park(options?: ParkOptions): Park {
  return new ParkGuard(options)
}
