import type { Clock } from 'spillway'
import { manualClock, type ManualClock } from 'spillway/testing'

/** A manual clock that counts how often it is asked. */
export interface CountingClock extends Clock {
  readonly manual: ManualClock
  /** How often the time was read. */
  reads: number
  /** How many timers were made. */
  timers: number
}

export function countingClock(): CountingClock {
  const manual = manualClock()
  const clock: CountingClock = {
    manual,
    reads: 0,
    timers: 0,
    now() {
      clock.reads++
      return manual.now()
    },
    after(ms, fn) {
      clock.timers++
      return manual.after(ms, fn)
    },
  }
  return clock
}
