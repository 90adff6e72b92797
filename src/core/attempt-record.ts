import type { Attempt, Held, Priority } from './attempt.ts'
import type { CallOptions } from './call-options.ts'
import { type CallRecord, recordOf } from './call.ts'
import type { Deferred } from './deferred.ts'
import { PROBE } from './flags.ts'
import { guarded, ignored } from './hooks.ts'
import type { Child, Ending, Scope } from './scope.ts'
import { WithRare } from './rare.ts'
import type { Guard } from './policy.ts'
import type { Stage } from './stage.ts'
import type { Place } from './place.ts'
import type { Plan } from './plan.ts'
import type { Strand } from './strand.ts'
import type { Alarm, Ringable } from './timers.ts'
import type { Settled } from './verdict.ts'

/** The record behind {@link Attempt}. Its fields belong to the stage and the strand. */
export class AttemptRecord extends WithRare implements Attempt, Child, Ringable {
  number!: number
  startedAt!: number

  // where it stands
  /** Its strand, where somebody has asked for it: see `straight.ts`. */
  thread: Strand | undefined
  scope: Scope | undefined
  stage: Stage | undefined
  /** The index of its stage, or of the surround that it was given to, in the fold. */
  at!: number

  // what it holds
  /** Of its guards, by index; shared with other attempts, so never written to. */
  permits: readonly unknown[] | undefined
  admitted!: number

  // what is to come of it
  /** The guard that lowered the deadline last. */
  limiter: Guard | undefined
  alarm: Alarm | undefined

  // what a call that goes straight is begun with, and where it waits
  fn: ((attempt: Attempt) => unknown) | undefined
  options: CallOptions | undefined
  waits: Place | Deferred | Promise<unknown> | undefined

  constructor(strand: Strand | undefined, parent: Scope | undefined, stage?: Stage, fn?: (attempt: Attempt) => unknown, options?: CallOptions) {
    super()
    this.thread = strand
    this.scope = parent
    this.stage = stage
    this.fn = fn
    this.options = options
    // V8 keeps a field that has only ever held fractions as a box of its own, 16 bytes in every record. One that has been
    // `undefined` once holds a pointer, and NaN and Infinity are one object each for all.
    this.deadline = this.startedAt = undefined as unknown as number
    this.deadline = parent === undefined ? Infinity : parent.deadline
    this.startedAt = NaN
    this.flags = parent?.probe === true ? PROBE : 0
    this.number = strand === undefined ? 1 : strand.call.attempts + 1
    this.at = -1
    this.open = this.admitted = 0
    this.ended = this.youngest = this.rare = undefined
    this.permits = this.limiter = this.alarm = this.waits = undefined
  }

  get strand(): Strand {
    return (this.thread ??= this.scope === undefined ? recordOf(this) : this.scope.strand)
  }

  /** What encloses it. */
  get parent(): Scope {
    return this.scope ?? recordOf(this)
  }

  get plan(): Plan {
    return this.stage === undefined ? this.strand.plan : this.stage.plan
  }

  get call(): CallRecord {
    return this.strand.call
  }

  get priority(): Priority {
    return this.thread === undefined ? (this.options?.priority ?? 'normal') : this.thread.call.priority
  }

  get subLevel(): number | undefined {
    return this.thread === undefined ? this.options?.subLevel : this.thread.call.subLevel
  }

  get outerDeadline(): number {
    return this.scope === undefined ? Infinity : this.scope.deadline
  }

  get signal(): AbortSignal {
    const controller = (this.controller ??= new AbortController())
    if (this.adopted) this.plan.live.add(this)
    // At the hand of a layer: it ends with what encloses it.
    else if (this.stage === undefined && this.branch === undefined) (this.parent.more.followers ??= new Set()).add(this)
    const { ended = this.branch === undefined && this.stage === undefined ? this.parent.ended : this.branch?.ended } = this
    const { overdue } = this.plan
    if (ended !== undefined) abort(controller, ended.error)
    else if (overdue !== undefined && this.adopted) abort(controller, overdue)
    return controller.signal
  }

  /**
   * What bounds the attempt once it has answered: its own timeout, the innermost of its stage, ends there; another one further
   * out in the same stage does not.
   */
  get lastingDeadline(): number {
    const { limiter, around, stage } = this
    if (limiter?.timeoutMs !== undefined && limiter !== stage?.innermostTimeout) return this.deadline
    return around?.deadline ?? this.outerDeadline
  }

  now(): number {
    // NaN is the only number that is not itself.
    if (this.startedAt !== this.startedAt) this.startedAt = this.plan.clock.now()
    return this.startedAt
  }

  until(done: PromiseLike<unknown>, what?: Held): void {
    const work = Promise.resolve(done)
    if (what !== undefined) (this.holding ??= []).push(what)
    const { held } = this
    // Both have to end; the first of them that fails says how.
    if (held === undefined) this.held = work
    else this.held = Promise.allSettled([held, work]).then(() => Promise.all([held, work]))
    // Should the attempt be ended meanwhile, nobody asks any more: its rejection must not be "unhandled".
    this.held.catch(ignored)
    const { lastingDeadline } = this
    if (lastingDeadline === this.deadline) return
    this.disarm()
    this.deadline = lastingDeadline
    this.limiter = this.around?.limiter
    if (!this.settled) this.stage?.arm(this)
  }

  fork(): AttemptRecord {
    // What was given to `next` stands in a branch of its own.
    const fork = new AttemptRecord(this.strand, this.branch?.parent ?? this.parent)
    fork.trail = this.trail
    return fork
  }

  cancel(reason: unknown = new DOMException('This attempt was given up', 'AbortError')): void {
    const ending: Ending = { by: 'caller', verdict: 'ignored', error: reason }
    // While it is known where it stands.
    void this.strand
    if (this.branch !== undefined) this.branch.end(ending)
    else if (this.stage === undefined) this.follow(ending)
    else this.stage.cancel(this, ending)
  }

  discard(value: unknown): void {
    this.plan.discard(value)
  }

  /** Ended before it was run, or as what a layer has at hand. */
  follow(ending: Ending): void {
    if (this.stage !== undefined || this.branch !== undefined) return
    this.ended ??= ending
    if (this.controller !== undefined) abort(this.controller, this.ended.error)
  }

  join(): void {
    if (this.adopted) return
    this.adopted = true
    if (this.controller !== undefined) this.plan.live.add(this)
    this.parent.adopt(this)
  }

  part(): void {
    if (!this.adopted) return
    this.adopted = false
    this.scope?.leave(this)
  }

  disarm(): void {
    if (this.alarm === undefined) return
    this.plan.timers.clear(this.alarm)
    this.alarm = undefined
  }

  ring(alarm: Alarm, now: number): void {
    if (alarm === this.watch) this.stage?.abandon(this)
    else this.stage?.expire(this, now)
  }

  end(ending: Ending): void {
    if (this.ended !== undefined) return
    this.ended = ending
    this.endChildren(ending)
    this.stage?.end(this, ending)
  }

  protected onIdle(): void {
    if (this.settled) this.stage?.release(this)
  }

  heldSettled(settled: Settled): void {
    this.stage?.settle(this, settled.verdict, settled.endedBy, settled.retryAfterMs)
  }
}

/** A function of its own, so that V8 inlines the constructor here, whatever it has inlined where attempts are made: 15 ns. */
export function attemptOf(strand: Strand, parent: Scope): AttemptRecord {
  return new AttemptRecord(strand, parent)
}

/** Aborts the function's signal, and tells what it holds. */
export function abortWork({ controller, holding, plan }: AttemptRecord, reason: unknown): void {
  controller?.abort(reason)
  for (const held of holding ?? []) guarded(plan.report, () => held.ended?.(reason))
}

function abort(controller: AbortController, reason: unknown): void {
  if (!controller.signal.aborted) controller.abort(reason)
}
