import { ShedGuard } from './guard.ts'
import type { ShedOptions } from './options.ts'
import type { Shed } from './shed.ts'

export { eventLoopDelay, eventLoopUtilization, type DelayHistogram, type EventLoopDelayOptions, type EventLoopUtilizationOptions, type Utilization } from './event-loop.ts'
export type { ShedOptions, ShedSettings } from './options.ts'
export type { Shed } from './shed.ts'
export type { ShedTable } from './table.ts'
export { subLevelOf } from '../math/sub-level.ts'
export type { Thresholds } from './thresholds.ts'

/**
 * When there is not room for all, keeps it for what matters most: refuses the least important calls first, and critical ones last, with a
 * `ShedError`. What it goes by is the highest of the pressures of the other guards of the pipeline (a limit, a queue, a breaker) and of
 * your own `load` (the event loop, memory, whatever you measure), against a threshold for each priority; a share of the calls that may
 * pass, yours or that of a `throttle` with `distribute: 'shed'`, which goes to the most important first; and a fixed table of shares. A breaker's trial passes.
 *
 * Put it outside the guards that it is to spare, inside `retry`.
 *
 * Events: `shed.changed` when another priority is the most important one of which calls are refused; `policy.warned`, once, when a
 * function of yours throws or answers no number.
 *
 * Cost: adds no promise; a look at the other guards per attempt. A clock read, shared with other guards, where it has `load` or `share`, or refuses somebody.
 *
 * @throws RangeError, TypeError at build
 */
export function shed(options?: ShedOptions): Shed {
  return new ShedGuard(options)
}
