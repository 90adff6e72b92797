import type { EventType, Payload } from './events.ts'
import type { Trace } from './inherit.ts'
import type { Again } from './policy.ts'

/** The importance of a call. */
export type Priority = 'critical' | 'high' | 'normal' | 'low'

/** From the most important to the least. */
export const priorities: readonly Priority[] = ['critical', 'high', 'normal', 'low']

/** What all attempts of one `run` share. */
export interface Call {
  /** Made when first read; unique within the process. */
  readonly id: string
  /** The name of the pipeline. */
  readonly pipeline: string
  readonly operation: string | undefined
  readonly meta: unknown
  readonly key: string | undefined
  /** `false`: retry and hedge act only on what provably never started. Default `true`. */
  readonly idempotent: boolean
  /** `false`: a layer must not run it a second time, whatever became of the first. Default `true`. */
  readonly repeatable: boolean
  /** 0..127 within a priority; `undefined` where none was said. */
  readonly subLevel: number | undefined
  /** The trace that it belongs to. Whoever begins one for it sets it: events of the call say its id from then on. */
  trace: Trace | undefined
  /** How many attempts have run the user's function so far. */
  readonly attempts: number
  /** ms on the pipeline's clock; NaN while nobody observes the pipeline. */
  readonly startedAt: number
  /** Whether somebody listens: ask before making a payload. */
  wants(type: EventType): boolean
  /** Tells an event of this call to the pipeline's listeners and observers. */
  emit<T extends EventType>(type: T, payload: CallPayload<T>): void
}

/** The facts of an event of a call; the call adds its id, its pipeline and the time. */
export type CallPayload<T extends EventType> = Omit<Payload<T>, 'call' | 'trace' | 'at'>

/** One passage of a stage; the innermost ones run the user's function. A small lazy record: what is not read is not made. */
export interface Attempt {
  /** 1-based, over retries and hedges of one call. */
  readonly number: number
  /** ms on the pipeline's clock, after any wait. Stamped only where a guard says `timed`, an observer or a listener needs it, or a guard asked `now()`; else NaN. */
  readonly startedAt: number
  readonly priority: Priority
  /** That of its call. */
  readonly subLevel: number | undefined
  /** Aborted when the attempt is given up: its timeout, the caller's abort or deadline, a lost hedge. Built on first read. */
  readonly signal: AbortSignal
  readonly call: Call
  /** A point on the pipeline's clock; `Infinity` when unbounded. A guard's `admit` may lower it. */
  deadline: number
  /** The deadline of what encloses this attempt's layer: it bounds a further attempt. */
  readonly outerDeadline: number
  /** Set by a breaker for its trial attempts. */
  probe: boolean
  /** The time of this attempt's admission: `startedAt`, stamped when first asked for. For a guard's `admit`. */
  now(): number
  /**
   * The function's answer goes up at once; `settle` and `release` wait for `done`. Its rejection is classified again, for
   * the guards only. The attempt's own timeout ends here; the deadlines around it stay. `held` is asked and told while that lasts.
   */
  until(done: PromiseLike<unknown>, held?: Held): void
  /** A layer's further attempt: next number, the same bounds, an own signal. */
  fork(): Attempt
  /** A surround gives this attempt up (a lost hedge): its signal is aborted with `reason`, its guards learn nothing (`ignored`). */
  cancel(reason?: unknown): void
  /** A layer drops this value, unseen by the caller: the pipeline's `discard` option gets it. */
  discard(value: unknown): void
}

/** What goes on behind an answer, see `until`. Synchronous. */
export interface Held {
  /** Asked when `abandonAfterMs` have passed, and each time they have passed again: while it says `true` the permits are kept. */
  inUse?(): boolean
  /** The attempt was ended: by its caller, a timeout around it, a lost hedge. Its signal has been aborted with `reason`. */
  ended?(reason: unknown): void
}

/** What a step said last on the path to this attempt; a list, from the innermost layer outwards. */
export interface Trail {
  readonly at: number
  readonly said: Again
  readonly rest: Trail | undefined
}
