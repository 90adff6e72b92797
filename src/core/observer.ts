import type { Attempt, Call, Priority } from './attempt.ts'
import type { Clock } from './clock.ts'
import type { Description } from './describe.ts'
import type { AnyEvent, Events, EventType, Undo } from './events.ts'
import { guarded, type OnInternalError, quieted } from './hooks.ts'
import type { Policy, Refusal } from './policy.ts'
import type { Outcome, Settled } from './verdict.ts'

/** What an observer is told of a pipeline. It lives as long as the pipeline: hold it weakly, or the pipeline is never freed. */
export interface Observed {
  readonly name: string
  /** The key that `keyed` keeps it for. */
  readonly key: string | undefined
  /** As the user listed them. */
  readonly policies: readonly Policy[]
  readonly clock: Clock
  readonly inFlight: number
  readonly warnings: readonly string[]
  /** The fold as data, with the effective options of now. */
  describe(): Description
  /** The fold as one line. */
  readonly fold: string
}

/**
 * A recorder: fixed when the pipeline is built, told of every settled attempt and call without an event object. What it
 * throws is told to `onInternalError`, and changes no call.
 */
export interface Observer {
  /**
   * Told of each pipeline that it is to observe, when that is built, and perhaps again. It may answer the observer of that one
   * pipeline, which is told of everything in its stead: then nothing has to be looked up per call.
   */
  attached?(pipeline: Observed): Observer | undefined
  /** An attempt that ran the function is settled. */
  attemptSettled?(attempt: Attempt, settled: Settled): void
  callSettled?(call: Call, outcome: Outcome<unknown>, settled: Settled): void
  /**
   * A call and its only attempt have succeeded; `attempt.startedAt` is when both began. Told in the place of the two above, which are still told of
   * every other call: one that failed, was refused, waited, was tried again, reads its signal, has a signal or deadline of its caller's, or a classifier
   * of its pipeline's. Where all observers have this hook, and nobody listens to `call.settled` or `attempt.settled`, such a call needs no record of its own.
   */
  succeeded?(attempt: Attempt, settled: Settled): void
  /** A guard refused an attempt, or a closed pipeline a call. */
  refused?(call: Call, refusal: Refusal, priority: Priority): void
  /** Stands around each call, in its caller's async context: calls `begin` at once. For tracers; costs a closure per call. */
  aroundCall?(call: Call, begin: () => unknown): unknown
  /** Stands around each run of the user's function, in the context of its call: calls `run` at once. For tracers; costs a closure per attempt. */
  aroundAttempt?(attempt: Attempt, run: () => unknown): unknown
  /** Rare things: state changes, refusals, retries. */
  event?(event: AnyEvent): void
  /** Which of them `event` is told. Default: all. A payload is built only for who wants it. */
  readonly events?: readonly EventType[]
}

export const observerHooks = ['attached', 'attemptSettled', 'callSettled', 'succeeded', 'refused', 'aroundCall', 'aroundAttempt', 'event'] as const

/** Told to observers without anybody listening: all but the two that have hooks of their own. */
export const rare: readonly EventType[] = [
  'call.refused', 'refusal.observed', 'timeout.expired', 'retry.scheduled', 'retry.stopped', 'retry.exhausted', 'budget.exhausted',
  'fallback.used', 'breaker.opened', 'breaker.halfOpened', 'breaker.closed', 'breaker.isolated', 'limit.changed', 'throttle.changed', 'shed.changed', 'park.changed', 'policy.warned',
]

/** The observer as this pipeline tells it. */
export function attach(observer: Observer, pipeline: Observed, report: OnInternalError): Observer {
  let own: Observer | undefined
  guarded(report, () => {
    own = observer.attached?.(pipeline)
  })
  return own ?? observer
}

/** Tells an observer the events that it wants. */
export function tell(observer: Observer, events: Events): Undo {
  if (observer.event === undefined) return () => {}
  const undos = (observer.events ?? rare).map((type) => events.on(type as '*', (event) => observer.event!(event)))
  return () => undos.forEach((undo) => undo())
}

/** Who has which of the hooks that are called per attempt and call. */
export function told(observers: readonly Observer[]): Record<'attemptSettled' | 'callSettled' | 'succeeded' | 'refused', readonly Observer[]> {
  const having = (hook: keyof Observer): Observer[] => observers.filter((one) => one[hook] !== undefined)
  return { attemptSettled: having('attemptSettled'), callSettled: having('callSettled'), succeeded: having('succeeded'), refused: having('refused') }
}

/** Whether all are content to be told of a call and its only attempt at once. */
export function terse(observers: readonly Observer[]): boolean {
  return observers.every((one) => one.succeeded !== undefined || (one.attemptSettled === undefined && one.callSettled === undefined))
}

/** For pipelines that nobody observes: one for all. */
export const nobody: ReturnType<typeof told> = told([])

/** Those that stand around calls or attempts; `undefined` where nobody does. */
export function enclosing(observers: readonly Observer[]): readonly Observer[] | undefined {
  const some = observers.filter((one) => one.aroundCall !== undefined || one.aroundAttempt !== undefined)
  return some.length > 0 ? some : undefined
}

/** Begins a call within what stands around it. */
export function around(observers: readonly Observer[], call: Call, report: OnInternalError, begin: () => Promise<unknown>): Promise<unknown> {
  let inner = begin
  for (const observer of observers) {
    if (observer.aroundCall === undefined) continue
    const further = inner
    inner = () => once(report, further, (run) => observer.aroundCall!(call, run))
  }
  return inner()
}

/** The function within what stands around its attempts. */
export function within(observers: readonly Observer[], report: OnInternalError, fn: (attempt: Attempt) => unknown): (attempt: Attempt) => unknown {
  let inner = fn
  for (const observer of observers) {
    if (observer.aroundAttempt === undefined) continue
    const further = inner
    inner = (attempt) => once(report, () => further(attempt), (run) => observer.aroundAttempt!(attempt, run))
  }
  return inner
}

/** Runs `inner` exactly once and answers what it answers, whatever the hook around it does. */
function once<T>(report: OnInternalError, inner: () => T, hook: (run: () => T) => unknown): T {
  let ran = false
  let failure: { readonly error: unknown } | undefined
  let result: T
  const run = (): T => {
    if (!ran) {
      ran = true
      try {
        result = inner()
      } catch (error) {
        failure = { error }
      }
    }
    if (failure !== undefined) throw failure.error
    return result
  }
  try {
    const said = hook(run)
    // A promise made from that of the call: who awaits the call is told of a rejection there.
    if (said !== (result! as unknown)) quieted(said)
  } catch (error) {
    if (error !== (failure as { readonly error: unknown } | undefined)?.error) report(error)
  }
  return run()
}
