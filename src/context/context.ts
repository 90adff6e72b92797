import { priorities, type Priority } from '../core/attempt.ts'
import { callOptions, deadlineOf } from '../core/call-options.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import type { Inherited, Trace } from '../core/inherit.ts'
import { callable, known } from '../core/options.ts'
import { surroundings, within } from './storage.ts'

/** What all calls made within inherit. */
export interface Surroundings {
  /** `'critical'`, `'high'`, `'normal'`, `'low'`. Default: that of the context around, else none. */
  readonly priority?: Priority | undefined
  /** 0..127 within the priority, see `subLevelOf`. Default: that of the context around. */
  readonly subLevel?: number | undefined
  /** How long in ms all of it may take, 0 and more. Never longer than the context around has left. */
  readonly timeoutMs?: number | undefined
  /** A point in time: a `Date`, or a number on `clock`. Never later than that of the context around. */
  readonly deadline?: number | Date | undefined
  /** The trace that all of it belongs to, see `spillway/trace`. Default: that of the context around. */
  readonly trace?: Trace | undefined
  /** What the time is told by. Default: that of the context around, else `performance.now`. */
  readonly clock?: Clock | undefined
}

/** What calls made here inherit. */
export interface Context {
  readonly priority: Priority | undefined
  readonly subLevel: number | undefined
  /** ms that are left, from 0 on; Infinity for as long as it takes. */
  readonly leftMs: number
  readonly trace: Trace | undefined
}

const keys = ['priority', 'subLevel', 'timeoutMs', 'deadline', 'trace', 'clock'] as const

/**
 * Runs `fn` in a context: every call of a pipeline that is made within, at whatever depth and however late, inherits its priority, sub-level,
 * trace and what is then left of its time, unless the call says otherwise. Contexts nest: the inner one says what it changes, and no
 * deadline gets later.
 *
 * Costs one `AsyncLocalStorage.run`; from the first context on, each call reads the storage (some 10 ns).
 *
 * @returns what `fn` returns
 * @throws RangeError, TypeError for a wrong option; what `fn` throws
 */
export function withContext<T>(said: Surroundings, fn: () => T): T {
  const { clock, ...options } = known('context', said, keys)
  callable('fn of withContext', fn)
  // The rules are those of a call.
  callOptions(options)
  const on = clock ?? surroundings()?.clock ?? systemClock
  const bounded = options.timeoutMs !== undefined || options.deadline !== undefined
  return enter({ ...options, clock: on, deadline: bounded ? deadlineOf(options, on.now()) : Infinity }, fn)
}

/** The same with options that are known to be right. */
export function enter<T>({ clock, deadline, priority, subLevel, trace }: Inherited, fn: () => T): T {
  const around = surroundings()
  if (around === undefined) return within({ priority, subLevel, trace, clock, deadline }, fn)
  // Between two clocks only the span that is left means the same.
  const bound = around.clock === clock || around.deadline === Infinity ? around.deadline : clock.now() + leftOf(around)
  return within({
    priority: priority ?? around.priority,
    subLevel: subLevel ?? around.subLevel,
    trace: trace ?? around.trace,
    clock,
    deadline: Math.min(deadline, bound),
  }, fn)
}

/** Runs `fn` outside of any context: what goes on after the answer (an audit, a refill of a cache) should not end with the request. */
export function withoutContext<T>(fn: () => T): T {
  callable('fn of withoutContext', fn)
  return within(undefined, fn)
}

/** The context that this code runs in; `undefined` outside of any. Its `trace` is for logs. */
export function currentContext(): Context | undefined {
  const around = surroundings()
  if (around === undefined) return undefined
  const { priority, subLevel, trace, deadline } = around
  return { priority, subLevel, trace, leftMs: deadline === Infinity ? Infinity : Math.max(0, leftOf(around)) }
}

function leftOf({ deadline, clock }: Inherited): number {
  return deadline - clock.now()
}

export function isPriority(value: string): value is Priority {
  return (priorities as readonly string[]).includes(value)
}
