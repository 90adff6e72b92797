import type { Priority } from '../core/attempt.ts'
import { checkClock, type Clock, systemClock } from '../core/clock.ts'
import { guarded, ignored, isThenable, type OnInternalError, quieted, reportToConsole } from '../core/hooks.ts'
import type { Trace } from '../core/inherit.ts'
import { callable, known, notNegative, wrongType } from '../core/options.ts'
import { enter, isPriority } from './context.ts'
import { claimed, type HeaderNames, type HeadersToRead, nameKeys, namesOf, writePriority } from './headers.ts'
import { subLevelOf } from './sub-level.ts'

/** @typeParam R what the framework calls a request */
export interface IncomingOptions<R = unknown> extends HeaderNames {
  /**
   * Whether the priority that a request claims is believed: `true`, or a function that looks at who asks. Anybody can claim to be critical.
   * Default `false`.
   */
  readonly trustPriority?: boolean | ((request: R) => boolean) | undefined
  /** The priority of a request that claims none, or is not believed. Default: none, so that calls are `'normal'` unless they say otherwise. */
  readonly priority?: Priority | ((request: R) => Priority | undefined) | undefined
  /** Whose request it is: its sub-level is had from that, see `subLevelOf`, unless one was claimed and believed. Default: none. */
  readonly task?: ((request: R) => string | undefined) | undefined
  /** The longest that a request may claim, in ms, from 0 on. Default Infinity: a claim can only shorten. */
  readonly maxTimeoutMs?: number | undefined
  /** For requests that claim no time, in ms, from 0 on. Default Infinity. */
  readonly timeoutMs?: number | undefined
  /** Reads the trace of a request: `parseTrace` of `spillway/trace`. Default: none. */
  readonly trace?: ((headers: HeadersToRead) => Trace | undefined) | undefined
  /** Whether the response says in the same headers what was understood. Default `false`. */
  readonly echo?: boolean | undefined
  /** Told what a function of yours threw; the request goes on as if it had not been asked. Default `console.error`. */
  readonly onInternalError?: OnInternalError | undefined
  /** Default `performance.now`. */
  readonly clock?: Clock | undefined
}

/** One request that has arrived. */
export interface Arrived {
  /** Runs what answers it. May be some time later: what has passed since it arrived is gone. */
  readonly run: <T>(fn: () => T) => T
  /** What the response shall say: nothing, without `echo`. */
  readonly echoed: readonly (readonly [name: string, value: string])[]
}

const keys = [...nameKeys, 'trustPriority', 'priority', 'task', 'maxTimeoutMs', 'timeoutMs', 'trace', 'echo', 'onInternalError', 'clock'] as const

/** What all handlers do: reads the headers of a request when it arrives, and makes a context of them. Whatever they say, it throws nothing. */
export function incoming<R>(options: IncomingOptions<R> | undefined): (headers: HeadersToRead, request: R) => Arrived {
  const { trustPriority = false, priority, task, maxTimeoutMs = Infinity, timeoutMs = Infinity, trace, echo = false, clock = systemClock, onInternalError = reportToConsole, ...names } = known('context', options, keys)
  if (typeof trustPriority !== 'function' && typeof trustPriority !== 'boolean') wrongType('context.trustPriority', 'true, false or a function', trustPriority)
  if (priority !== undefined && typeof priority !== 'function' && !(typeof priority === 'string' && isPriority(priority))) wrongType('context.priority', 'a priority or a function', priority)
  for (const [name, fn] of Object.entries({ task, trace, onInternalError })) if (fn !== undefined) callable(`context.${name}`, fn)
  notNegative('context.maxTimeoutMs', maxTimeoutMs)
  notNegative('context.timeoutMs', timeoutMs)
  if (typeof echo !== 'boolean') wrongType('context.echo', 'true or false', echo)
  checkClock('context.clock', clock)
  const header = namesOf(names)

  /** A hook that throws, or answers nonsense, must not cost a request. */
  const ask = <T>(hook: () => T): T | undefined => {
    try {
      const said = hook()
      if (!isThenable(said)) return said
      quieted(said)
      throw new TypeError('a function given to a context must answer at once, got a promise')
    } catch (error) {
      guarded(ignored, () => onInternalError(error))
      return undefined
    }
  }
  const assigned = (request: R): Priority | undefined => {
    const one = typeof priority === 'function' ? ask(() => priority(request)) : priority
    return one !== undefined && isPriority(one) ? one : undefined
  }

  return (headers, request) => {
    const claims = claimed(headers, header)
    const believed = claims.priority !== undefined && (typeof trustPriority === 'function' ? ask(() => trustPriority(request)) === true : trustPriority)
    const importance = believed ? claims.priority : assigned(request)
    const of = task === undefined || (believed && claims.subLevel !== undefined) ? undefined : ask(() => task(request))
    const subLevel = of === undefined ? (believed ? claims.subLevel : undefined) : ask(() => subLevelOf(of))
    const spanMs = claims.timeoutMs === undefined ? timeoutMs : Math.min(claims.timeoutMs, maxTimeoutMs)
    const read = trace === undefined ? undefined : ask(() => trace(headers))
    // From here on it shrinks, whatever is done before `run`.
    const deadline = spanMs === Infinity ? Infinity : clock.now() + spanMs
    const echoed: [string, string][] = []
    if (echo) {
      echoed.push([header.priorityHeader, writePriority(importance ?? 'normal', subLevel)])
      if (spanMs < Infinity) echoed.push([header.timeoutHeader, String(Math.floor(spanMs))])
    }
    return { echoed, run: (fn) => enter({ priority: importance, subLevel, deadline, trace: read, clock }, fn) }
  }
}
