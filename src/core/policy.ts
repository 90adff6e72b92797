import type { Attempt } from './attempt.ts'
import type { AttemptRecord } from './attempt-record.ts'
import type { Clock } from './clock.ts'
import type { PolicyEvents, RefusalFacts } from './events.ts'
import type { OnInternalError } from './hooks.ts'
import { nameOfKind, type RejectedError, type RejectedErrorClass, stackless } from './errors.ts'
import { refused } from './inwards.ts'
import { show } from './options.ts'
import type { Outcome, Settled } from './verdict.ts'
import { Wait } from './wait.ts'

/**
 * `'enforce'` refuses; `'observe'` only tells `refusal.observed` and admits (a dry run); `'off'` admits and learns
 * nothing (a kill switch). Live: `policy.update({ mode: 'off' })`.
 */
export type Mode = 'enforce' | 'observe' | 'off'

export const modes: readonly Mode[] = ['enforce', 'observe', 'off']

/** What a pipeline tells each of its policies, once, when it first folds them. */
export interface Host {
  /** The name of the pipeline that folded the policy first. */
  readonly pipeline: string
  readonly clock: Clock
  readonly random: () => number
  /** Told what a user's hook threw. */
  readonly report: OnInternalError
  /** The span in ms after which an attempt is given up: the innermost timeout; `Infinity` without one. Live. */
  readonly timeoutMs: number
  /** The highest pressure of the pipeline's guards, 0..1; `false`: without that which is no more than a share they hold back. Pure. */
  pressure(shares?: boolean): number
  /** In how many ms a guard of the pipeline that refuses now would admit again, the longest that is known. Pure. */
  retryAfterMs(): number | undefined
  /** The least share of the offered calls that a guard of the pipeline lets pass now and leaves to others to distribute, 0..1. Pure. */
  share(): number
  /** Offers the guards of the pipeline to begin anew at this share, as a dependency comes back. Whether one has taken it on. */
  ramp(share: number): boolean
  /** Told of a mistake that shows only at run time, as the build tells of those in the order: to the pipeline's `onWarning`. */
  warn(message: string): void
  /** Whether a guard of the pipeline waits for a trial attempt that may pass now; `false`: without those that hold back no more than a share. Pure. */
  probeDue(shares?: boolean): boolean
}

interface PolicyBase {
  /** What the user calls it: shown in events, errors, metrics and `describe()`. Default: the factory's name. */
  readonly name: string
  /** What it is, whatever its name: the factory's name, such as `'breaker'`. Order warnings look at it. */
  readonly type?: string
  /** Effective options, defaults included: for `describe()`. */
  readonly options?: object
  /** State events of this policy; pipelines forward them to whoever listens. */
  readonly events?: PolicyEvents
  /** Called once, when a pipeline first folds the policy. */
  bind?(host: Host): void
  /**
   * Whether it knows something now that a policy made anew would not know and should: a breaker that is not closed, a rate limit
   * that is not full, a throttle that holds back. `keyed` keeps the pipeline as long as one of its policies says so. Calls
   * that run or wait need not be looked at: the pipeline counts those itself. Pure. Default: a guard is while its `pressure` is over 0.
   */
  busy?(): boolean
  /** Mistakes in the order of the user's flat list, found at build: one sentence each. */
  warn?(list: readonly Policy[], index: number): string[]
}

/**
 * Synchronous bookkeeping around one attempt. It costs no promise: the stage calls `admit` before the function runs,
 * `settle` once the verdict is known and `release` when the work has really ended, each once per permit.
 */
export interface Guard<Permit extends object = object> extends PolicyBase {
  readonly kind: 'guard'
  /** Set where `admit` or `settle` read `attempt.startedAt`: the stage then stamps it (one clock read). */
  readonly timed?: boolean
  /** The span by which `admit` lowers the deadline, for a guard that does: it makes its expiry O(1). Live. */
  readonly timeoutMs?: number
  readonly mode?: Mode
  /** Yes (any object), no (`refuse(…)`), or not yet (`later(…)`). Synchronous. */
  admit(attempt: Attempt): Permit | Refusal | Later
  settle?(permit: Permit, settled: Settled, attempt: Attempt): void
  release?(permit: Permit, attempt: Attempt): void
  /** 0..1: how near its limit the guard is. Pure. */
  pressure?(): number
  /** 0..1: the share of the offered calls that it lets pass now, for a guard that thinks in shares. Pure. Default 1. */
  share?(): number
  /** It refuses for its `share` itself, the least important first: a guard that sheds need not. Live. */
  readonly distributes?: boolean
  /** Begins anew at this share, as a dependency comes back, and lets more pass as that bears it. Whether it does. */
  ramp?(share: number): boolean
  /** Whether a trial attempt would be admitted now. Pure. */
  probeDue?(): boolean
  /** In how many ms it would admit again, where it refuses everybody now and knows. Pure. */
  readonly retryAfterMs?: number | undefined
}

declare const theirs: unique symbol

/**
 * Whatever the user's function answers. A layer passes it on; its type says only what it adds. (A type of its own, and not a
 * type parameter of the hooks: TypeScript infers nothing through a generic method, and `pipeline` could then not collect what the
 * layers of a list add.)
 */
export interface Theirs {
  readonly [theirs]: never
}

/** Runs what is inside once more: `next(attempt)` for the attempt at hand, `next(attempt.fork())` for a further one. Never rejects. */
export type Next<T = Theirs> = (attempt: Attempt) => Promise<Outcome<T>>

/**
 * Control flow around attempts: runs what is inside zero, one or many times, or answers itself. It speaks outcomes, never
 * exceptions. Give it `after` (a step, which adds no promise) or `around` (full control), not both. `Adds` is the type of what
 * it answers in the function's place.
 */
export interface Layer<out Adds = never> extends PolicyBase {
  readonly kind: 'layer'
  /**
   * Answers an outcome: this one, another, `again(delayMs, memo)`, or a promise of an outcome (then the step waits).
   * `previous` is what this layer itself said last on this path, with its memo; `undefined` the first time.
   */
  after?(outcome: Outcome<Theirs>, attempt: Attempt, previous: Again | undefined): Outcome<Theirs | Adds> | Again | Promise<Outcome<Theirs | Adds>>
  /** Runs `next` zero, one or many times; what it starts, it starts before it answers (its promise need not be awaited). */
  around?(next: Next, attempt: Attempt): Promise<Outcome<Theirs | Adds>>
}

/** Whatever a pipeline's list holds. The permit's type is each guard's own business. */
// oxlint-disable-next-line no-explicit-any -- a list holds guards with different permits; only each guard reads its own
export type Policy = Guard<any> | Layer<unknown>

/** What `admit` answers instead of a permit: one class to ask for in the stage's loop. What is to be done, each answer knows. */
export abstract class Unadmitted {
  /** @internal */
  abstract turn(attempt: AttemptRecord): void
}

/** No: a value, until the edge of the pipeline turns it into a `RejectedError`. Made by {@link refuse}. */
export class Refusal extends Unadmitted {
  constructor(
    readonly policy: string,
    readonly kind: RejectedErrorClass,
    /** What comes after `Cannot call "payments": `, made when somebody reads it. */
    readonly reason: () => string,
    readonly retryAfterMs: number | undefined,
  ) {
    super()
  }

  /** The error that it becomes at the edge of a pipeline; without a captured stack unless `stacks`. */
  toError(pipeline: string, attempts = 0, stacks = false, quoted: string = show(pipeline)): RejectedError {
    const { kind, policy, retryAfterMs } = this
    return stackless(() => new kind(`Cannot call ${quoted}: ${this.reason()}`, { policy, pipeline, attempts, retryAfterMs }), stacks)
  }

  /** @internal */
  turn(attempt: AttemptRecord): void {
    refused(attempt, this)
  }
}

/** Not yet: the stage waits, in the caller's own async context. Made by {@link later}. */
export class Later extends Unadmitted {
  constructor(readonly plan: LaterPlan) {
    super()
  }

  /** @internal */
  turn(attempt: AttemptRecord): void {
    new Wait(attempt, this.plan).begin()
  }
}

/** How a guard that queues wants its caller to wait. */
export interface LaterPlan {
  /** The longest wait in ms; then `cancel()` is called and `expired()` is the answer. */
  readonly maxWaitMs: number
  /** Called once, at once. `wake` hands the permit over (or a refusal); the stage gives it back if the caller has gone. */
  start(wake: (answer: object | Refusal) => void): void
  /** The caller has gone, or waited too long: forget it. Never called after `wake`. */
  cancel(): void
  /** The refusal for who waited `maxWaitMs`. */
  expired(): Refusal
}

/** Refuses an attempt. `kind` is the error class it becomes at the edge; `reason` completes `Cannot call "payments": …`. */
export function refuse(guard: { readonly name: string }, kind: RejectedErrorClass, reason: () => string, retryAfterMs?: number): Refusal {
  return new Refusal(guard.name, kind, reason, retryAfterMs)
}

/** Lets an attempt wait: see {@link LaterPlan}. */
export function later(plan: LaterPlan): Later {
  return new Later(plan)
}

/** The permit of an attempt that a guard lets by without taking part (`mode` off, or a refusal only observed). Frozen and shared. */
export const unguarded: object = Object.freeze({})

/** For a guard in `mode: 'observe'`: tells what it would have refused, and lets the attempt by. */
export function observed(attempt: Attempt, refusal: Refusal): object {
  if (attempt.call.wants('refusal.observed')) attempt.call.emit('refusal.observed', refusalFacts(refusal, attempt))
  return unguarded
}

/** What the events of a refusal say of it. */
export function refusalFacts(refusal: Refusal, { priority }: Pick<Attempt, 'priority'>): RefusalFacts {
  const { policy, kind, retryAfterMs } = refusal
  return { policy, reason: refusal.reason(), error: nameOfKind(kind), priority, retryAfterMs }
}

/** A step's wish to run once more what is inside it. Made by {@link again}. */
export class Again {
  constructor(
    readonly delayMs: number,
    readonly memo: unknown,
    readonly unused: (() => void) | undefined,
  ) {}
}

/**
 * Runs what is inside once more, after `delayMs`. `memo` comes back as `previous.memo` at this layer's next `after` on the path;
 * `unused` is called if the function does not run again after all (refused, aborted, closed), to give back what that would have cost.
 */
export function again(delayMs: number, memo?: unknown, unused?: () => void): Again {
  return new Again(delayMs, memo, unused)
}
