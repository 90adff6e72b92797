import { type Attempt, priorities, type Priority } from './attempt.ts'
import { AttemptRecord } from './attempt-record.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Trace } from './inherit.ts'
import { nameOf, notNegative, oneOf, outOfRange, show, unknownKey, wrongType } from './options.ts'

/** What may be said of one call. */
export interface CallOptions {
  /** The caller's own: when it is aborted the call is answered at once with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** The call is given up after so many ms (0 and more). As the caller's own deadline, it says nothing about the dependency. */
  readonly timeoutMs?: number | undefined
  /** A point in time: a `Date`, or a number on the pipeline's clock (`performance.now()`, not `Date.now()`). */
  readonly deadline?: number | Date | undefined
  /** Default `'normal'`. */
  readonly priority?: Priority | undefined
  /** 0..127 within the priority, such as a hash of the user: all calls of one user live or die together. */
  readonly subLevel?: number | undefined
  /** What the call is about, for policies that keep something per key. */
  readonly key?: string | undefined
  /** A name for events and metrics. */
  readonly operation?: string | undefined
  /** Anything; spillway does not look at it. */
  readonly meta?: unknown
  /** `false`: the call must not run twice; retry and hedge act only on what provably never started. Default `true`. */
  readonly idempotent?: boolean | undefined
  /**
   * `false`: never run twice, even if the first run provably did not start (a body that can be sent only once). A function is asked whenever
   * a layer wants to run it again. Default `true`.
   */
  readonly repeatable?: boolean | (() => boolean) | undefined
  /** The trace that it belongs to: its id is in every event of the call. */
  readonly trace?: Trace | undefined
}

const keys = ['signal', 'timeoutMs', 'deadline', 'priority', 'subLevel', 'key', 'operation', 'meta', 'idempotent', 'repeatable', 'trace'] as const

/** A monotonic clock counts from a process's start: no reading of one comes near 10¹¹ (three years), and every `Date.now()` is above it. */
const looksLikeADate = (ms: number): boolean => ms > 1e11 && ms < Infinity

/**
 * Checks the options of a call. An `Attempt` of another pipeline is accepted: its signal, deadline, priority and what its
 * call says are inherited.
 *
 * @throws TypeError or RangeError that names the option, the rule and the value
 */
export function callOptions(said: CallOptions | Attempt | undefined, clock: Clock = systemClock): CallOptions | undefined {
  if (said === undefined) return undefined
  if (said instanceof AttemptRecord) {
    const { call, signal, deadline, priority } = said
    // Between two clocks only the span that is left means the same.
    const theirs = call.plan.clock
    return theirs === clock || deadline === Infinity
      ? { ...call.options, signal, priority, trace: call.trace, timeoutMs: undefined, deadline }
      : { ...call.options, signal, priority, trace: call.trace, timeoutMs: Math.max(0, deadline - theirs.now()), deadline: undefined }
  }
  if (typeof said !== 'object' || said === null || Array.isArray(said)) wrongType('call options', 'an object', said)
  // Inherited keys too: an AbortSignal instead of { signal } has no others. Nothing is copied.
  for (const key in said) if (!(keys as readonly string[]).includes(key)) unknownKey('call', key, keys)
  const { signal, timeoutMs, deadline, priority, subLevel, key, operation, idempotent, repeatable, trace } = said as CallOptions
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') wrongType('call.signal', 'an AbortSignal', signal)
  if (timeoutMs !== undefined && looksLikeADate(notNegative('call.timeoutMs', timeoutMs))) {
    throw new RangeError(`call.timeoutMs must be a span in ms; ${show(timeoutMs)} looks like a point in time: pass a Date as call.deadline instead`)
  }
  if (deadline !== undefined) checkDeadline(deadline)
  if (priority !== undefined) oneOf('call.priority', priority, priorities)
  if (subLevel !== undefined && !(Number.isInteger(subLevel) && subLevel >= 0 && subLevel <= 127)) outOfRange('call.subLevel', 'a whole number from 0 to 127', subLevel)
  if (key !== undefined && typeof key !== 'string') wrongType('call.key', 'a string', key)
  if (operation !== undefined) nameOf('call.operation', operation)
  if (idempotent !== undefined && typeof idempotent !== 'boolean') wrongType('call.idempotent', 'true or false', idempotent)
  if (repeatable !== undefined && typeof repeatable !== 'boolean' && typeof repeatable !== 'function') wrongType('call.repeatable', 'true, false or a function', repeatable)
  if (trace !== undefined && typeof (trace as Partial<Trace> | null)?.traceId !== 'string') wrongType('call.trace', 'an object with a traceId', trace)
  return said as CallOptions
}

function checkDeadline(deadline: unknown): void {
  if (deadline instanceof Date) {
    if (Number.isNaN(deadline.getTime())) outOfRange('call.deadline', 'a valid Date', deadline.getTime())
  } else if (typeof deadline !== 'number') wrongType('call.deadline', 'a Date or a number on the clock of the pipeline', deadline)
  else if (Number.isNaN(deadline)) outOfRange('call.deadline', 'a Date or a number on the clock of the pipeline', deadline)
  else if (looksLikeADate(deadline)) {
    throw new RangeError(`call.deadline must be a number on the clock of the pipeline, such as performance.now() + 500; ${show(deadline)} looks like Date.now(): pass a Date, or a span as timeoutMs`)
  }
}

/** The earliest of what `timeoutMs` and `deadline` say, on the pipeline's clock. */
export function deadlineOf({ timeoutMs, deadline }: CallOptions, now: number): number {
  const point = deadline === undefined ? Infinity : typeof deadline === 'number' ? deadline : now + (deadline.getTime() - Date.now())
  return timeoutMs === undefined ? point : Math.min(point, now + timeoutMs)
}

/** Whether its caller has no end of its own for it. */
export function endless(options: CallOptions | undefined): boolean {
  return options === undefined || (options.signal === undefined && options.deadline === undefined && options.timeoutMs === undefined)
}
