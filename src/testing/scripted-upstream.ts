import { systemClock, type Clock } from '../core/clock.ts'
import { count, known, notNegative } from '../core/options.ts'
import type { RawOutcome } from '../core/verdict.ts'
import { RecordedCall, type UpstreamCall } from './upstream-call.ts'

export interface ScriptedUpstreamOptions {
  /** Tells `at`, and the spans of `later`. Give it the pipeline's. Default: the system's clock. */
  readonly clock?: Clock
}

/** How many calls get an answer. */
export interface StepOptions {
  /** A whole number from 1 on, or Infinity (1). */
  readonly times?: number
}

/** Where an answer holds for every further call. */
export interface AlwaysOptions {
  readonly times?: never
}

/** What work does when its signal is aborted. */
export interface AbortOptions {
  /** `true`: it goes on, and the signal is not even read. Default `false`: it fails at once with the signal's reason. */
  readonly ignoreAbort?: boolean
}

/** What calls get. Each verb returns the upstream, so that they can be chained. */
export interface Script<T, Options = StepOptions> {
  /** Answers at once. A function makes the value anew for each call: what can be read only once, such as a `Response`, must not be shared. */
  succeed(value?: T | (() => T), options?: Options): ScriptedUpstream<T>
  /** Rejects at once. Without an error: a new `Error('scripted failure')`. */
  fail(error?: unknown, options?: Options): ScriptedUpstream<T>
  /** Never answers, unless the signal is aborted or the test answers it: `upstream.calls[0].succeed('late')`. */
  hang(options?: Options & AbortOptions): ScriptedUpstream<T>
  /** Answers after `ms`, from 0 on. */
  later(ms: number, outcome: RawOutcome<T>, options?: Options & AbortOptions): ScriptedUpstream<T>
}

/**
 * A dependency played by the test. It is itself the function to pass on: `pipeline.run(upstream)`, or `upstream(id, { signal })`
 * within a function of your own. Its verbs queue what the next calls get; with an empty queue a call gets what `always` says.
 */
export interface ScriptedUpstream<T> extends Script<T> {
  (...received: unknown[]): Promise<T>
  /** The same verbs for every call that finds the queue empty, from now on. At first: `succeed(undefined)`. */
  readonly always: Script<T, AlwaysOptions>
  /** Every call so far, oldest first. */
  readonly calls: readonly UpstreamCall<T>[]
  /** How many calls are not answered yet. What is answered at once is in flight for no time. */
  readonly inFlight: number
  readonly maxInFlight: number
}

type Step<T> = (call: RecordedCall<T>) => void

/**
 * A fake dependency for tests: says what each call gets, and records each call.
 *
 * @throws TypeError for an unknown option; the verbs throw it too, and a `RangeError` for an `ms` or `times` out of range
 */
export function scriptedUpstream<T = unknown>(options?: ScriptedUpstreamOptions): ScriptedUpstream<T> {
  const { clock = systemClock } = known('scriptedUpstream', options, ['clock'])
  const calls: RecordedCall<T>[] = []
  const queue: { readonly step: Step<T>; left: number }[] = []
  let otherwise: Step<T> = succeed

  function nextStep(): Step<T> {
    const first = queue[0]
    if (first === undefined) return otherwise
    if (--first.left === 0) queue.shift()
    return first.step
  }

  const fake = (...received: unknown[]): Promise<T> => {
    const call = new RecordedCall<T>(clock, received)
    calls.push(call)
    upstream.inFlight++
    call.atEnd(() => upstream.inFlight--)
    nextStep()(call)
    upstream.maxInFlight = Math.max(upstream.maxInFlight, upstream.inFlight)
    return call.promise
  }

  const next: Script<T> = script(clock, (step, said): ScriptedUpstream<T> => {
    const { times = 1 } = known('scriptedUpstream', said, ['times', 'ignoreAbort'])
    queue.push({ step, left: count('scriptedUpstream.times', times, 1) })
    return upstream
  })
  const always: Script<T, AlwaysOptions> = script(clock, (step, said): ScriptedUpstream<T> => {
    known('scriptedUpstream.always', said, ['ignoreAbort'])
    otherwise = step
    return upstream
  })
  const upstream = Object.assign(fake, next, { always, calls, inFlight: 0, maxInFlight: 0 })
  return upstream
}

function succeed<T>(call: RecordedCall<T>): void {
  call.succeed()
}

function heed<T>(call: RecordedCall<T>, said: AbortOptions | undefined): void {
  if (said?.ignoreAbort !== true) call.heed()
}

/** The verbs, each turned into a step that `add` puts where it belongs. */
function script<T>(clock: Clock, add: (step: Step<T>, said: (StepOptions & AbortOptions) | undefined) => ScriptedUpstream<T>): Script<T> {
  return {
    succeed: (value, said) => add((call) => call.succeed(typeof value === 'function' ? (value as () => T)() : value), said),
    fail: (error, said) => add((call) => call.fail(error), said),
    hang: (said) => add((call) => heed(call, said), said),
    later(ms, outcome, said) {
      notNegative('scriptedUpstream.later ms', ms)
      const step = (call: RecordedCall<T>): void => {
        call.atEnd(clock.after(ms, () => call.end(outcome)))
        heed(call, said)
      }
      return add(step, said)
    },
  }
}
