import type { Attempt, AttemptRecord, Call, CallPayload, Priority } from './attempt.ts'
import { DeadlinePassedError, PipelineClosedError, stackless, TimeoutError } from './errors.ts'
import type { EventType, Payload } from './events.ts'
import { show } from './options.ts'
import { failed, Refused, SettledRecord } from './outcome.ts'
import { type Called, listen, unlisten } from './caller-signal.ts'
import { type CallOptions, deadlineOf } from './call-options.ts'
import type { Plan } from './plan.ts'
import { refuse, type Refusal } from './policy.ts'
import { type Ending, Scope } from './scope.ts'
import { Strand } from './strand.ts'
import type { Alarm, Ringable } from './timers.ts'
import type { Outcome, Settled, Verdict } from './verdict.ts'

/** What `tryRun` answers. `error` of a refusal is made when it is first read. */
export type TryResult<T> =
  | { readonly ok: true; readonly value: T; readonly attempts: number }
  | { readonly ok: false; readonly error: unknown; readonly attempts: number }

let ids = 0

/** One `run` of a pipeline: what its attempts share, and the only one who listens to the caller's signal. */
export class CallRecord extends Scope implements Call, Called, Ringable {
  readonly parent = undefined
  attempts = 0
  /** The error of the last attempt that failed: the `cause` of a timeout. */
  lastError: unknown = undefined
  /** Stamped where somebody wants to know how long the call takes. */
  startedAt: number = NaN
  readonly signal: AbortSignal | undefined
  readonly priority: Priority
  #id: string | undefined = undefined
  #alarm: Alarm | undefined = undefined
  #strand: Strand | undefined = undefined
  #outcome: Outcome<unknown> | undefined = undefined
  #settled = false

  constructor(
    readonly plan: Plan,
    readonly fn: (attempt: Attempt) => unknown,
    readonly options: CallOptions | undefined,
    /** `tryRun`: the answer is a result, never a rejection. */
    readonly trying: boolean,
  ) {
    super()
    this.signal = options?.signal
    this.priority = options?.priority ?? 'normal'
  }

  /** Starts the call and returns the promise of its answer. */
  begin(): Promise<unknown> {
    const { plan, signal } = this
    plan.callBegan()
    const strand = (this.#strand = new Strand(this, this, 0))
    if (plan.stamping) this.startedAt = plan.clock.now()
    if (signal?.aborted === true) return strand.refuse(this.#ended({ by: 'caller', verdict: 'ignored', error: signal.reason as unknown }), true)
    const { options } = this
    if (options?.deadline !== undefined || options?.timeoutMs !== undefined) {
      const now = plan.clock.now()
      this.deadline = deadlineOf(options, now)
      if (now >= this.deadline) return strand.refuse(this.#ended(this.#deadlinePassed()), true)
      if (this.deadline !== Infinity) this.#alarm = plan.timers.set(this, this.deadline, this.deadline - now)
    }
    if (signal !== undefined) listen(signal, this)
    if (plan.closing) {
      const refusal = closedRefusal(plan)
      plan.refused(this, refusal, this)
      return strand.refuse(new Refused(refusal, plan, 0) as unknown as Outcome<never>, false)
    }
    return strand.begin(undefined)
  }

  callerAborted(): void {
    this.#end({ by: 'caller', verdict: 'ignored', error: this.signal?.reason as unknown })
  }

  /** The caller's deadline. */
  ring(): void {
    this.#alarm = undefined
    this.#end(this.#deadlinePassed())
  }

  #end(ending: Ending): void {
    if (this.ended !== undefined || this.#settled) return
    this.#unlisten()
    const outcome = this.#ended(ending)
    this.endChildren(ending)
    this.#strand?.finish(outcome)
  }

  #ended(ending: Ending): Outcome<never> {
    this.ended = ending
    return failed(ending.error, this.started ? 'ignored' : 'unused', ending.by)
  }

  #deadlinePassed(): Ending {
    const { name, stacks } = this.plan
    const details = { pipeline: name, attempts: this.attempts, cause: this.lastError }
    const error = stackless(
      () =>
        this.attempts > 0
          ? new TimeoutError(`${show(name)} did not answer before its caller's deadline`, details)
          : new DeadlinePassedError(`Cannot call ${show(name)}: its caller's deadline has passed`, details),
      stacks,
    )
    return { by: 'caller', verdict: 'ignored', error }
  }

  #unlisten(): void {
    if (this.signal !== undefined) unlisten(this.signal, this)
    if (this.#alarm === undefined) return
    this.plan.timers.clear(this.#alarm)
    this.#alarm = undefined
  }

  // ── answering ──

  /** The strand has an answer; what an attempt still holds is waited for before the call counts as settled. */
  onAnswer(outcome: Outcome<unknown>): void {
    this.#outcome = outcome
    const holder = (outcome as { holder?: AttemptRecord | undefined }).holder
    if (holder !== undefined && !holder.settled && holder.parent.owner === this) holder.awaitedBy = this
    else this.#settle(outcome.verdict, outcome.endedBy ?? 'work', outcome.retryAfterMs)
  }

  heldSettled(settled: Settled): void {
    this.#settle(settled.verdict, settled.endedBy, settled.retryAfterMs)
  }

  #settle(verdict: Verdict, endedBy: Settled['endedBy'], retryAfterMs: number | undefined): void {
    if (this.#settled) return
    this.#settled = true
    this.#unlisten()
    if (this.plan.stamping) this.plan.callSettled(this, this.#outcome!, new SettledRecord(verdict, endedBy, retryAfterMs, this.plan.clock))
    if (this.open === 0) this.plan.callEnded()
  }

  protected onIdle(): void {
    if (this.#settled) this.plan.callEnded()
  }

  /** `tryRun`'s answer. */
  result(outcome: Outcome<unknown>): TryResult<unknown> {
    const { attempts } = this
    if (outcome.ok) return { ok: true, value: outcome.value, attempts }
    // A refusal makes its error only for who reads it.
    return outcome instanceof Refused
      ? {
          ok: false,
          get error() {
            return outcome.error
          },
          attempts,
        }
      : { ok: false, error: outcome.error, attempts }
  }

  // ── the face that policies see ──

  get id(): string {
    return (this.#id ??= (++ids).toString(36))
  }
  get pipeline(): string {
    return this.plan.name
  }
  get operation(): string | undefined {
    return this.options?.operation
  }
  get meta(): unknown {
    return this.options?.meta
  }
  get key(): string | undefined {
    return this.options?.key
  }
  get idempotent(): boolean {
    return this.options?.idempotent ?? true
  }
  get repeatable(): boolean {
    const said = this.options?.repeatable ?? true
    return typeof said === 'function' ? said() : said
  }
  get subLevel(): number | undefined {
    return this.options?.subLevel
  }

  wants(type: EventType): boolean {
    return this.plan.wants(type)
  }

  emit<T extends EventType>(type: T, payload: CallPayload<T>): void {
    this.plan.emit(type, { call: this.id, at: this.plan.clock.now(), ...payload } as unknown as Payload<T>)
  }
}

export function closedRefusal(plan: { readonly name: string }): Refusal {
  return refuse(plan, PipelineClosedError, () => 'the pipeline is closed')
}
