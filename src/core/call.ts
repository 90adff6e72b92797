import type { Attempt, Call, CallPayload, Priority } from './attempt.ts'
import { AttemptRecord } from './attempt-record.ts'
import { inwards } from './inwards.ts'
import { DeadlinePassedError, PipelineClosedError, stackless, TimeoutError } from './errors.ts'
import type { EventType, Payload } from './events.ts'
import type { Trace } from './inherit.ts'
import { show } from './options.ts'
import { failed, Refused, refusedResult, SettledRecord, type TryResult } from './outcome.ts'
import { type Called, listen, unlisten } from './caller-signal.ts'
import { type CallOptions, deadlineOf } from './call-options.ts'
import type { Deferred } from './deferred.ts'
import { Place } from './place.ts'
import type { Plan } from './plan.ts'
import { refuse, type Refusal } from './policy.ts'
import { finish, finishFrom, outwards } from './outwards.ts'
import type { Ending } from './scope.ts'
import { type Rare, Strand, taken } from './strand.ts'
import type { Ringable } from './timers.ts'
import type { Outcome, Settled, Verdict } from './verdict.ts'

let ids = 0

/** One `run` of a pipeline: what its attempts share, and the only one who listens to the caller's signal. */
export class CallRecord extends Strand implements Call, Called, Ringable {
  readonly plan: Plan
  attempts!: number
  /** Stamped where somebody wants to know how long the call takes. */
  startedAt!: number
  readonly fn!: (attempt: Attempt) => unknown
  readonly options: CallOptions | undefined

  constructor(plan: Plan, fn: (attempt: Attempt) => unknown, options: CallOptions | undefined, trying: boolean) {
    super()
    this.plan = plan
    this.fn = fn
    this.options = options
    this.flags = 0
    if (trying) this.trying = true
    // `undefined` first: see AttemptRecord.
    this.deadline = this.startedAt = undefined as unknown as number
    this.deadline = Infinity
    this.startedAt = NaN
    this.at = this.open = this.attempts = 0
    this.ended = this.youngest = this.rare = undefined
    this.current = this.place = undefined
    this.payload = this.tail = this.deferred = undefined
  }

  get call(): this {
    return this
  }
  get parent(): undefined {
    return undefined
  }
  get from(): 0 {
    return 0
  }

  get lastError(): unknown {
    return this.rare?.lastError
  }
  get priority(): Priority {
    return this.options?.priority ?? 'normal'
  }
  get signal(): AbortSignal | undefined {
    return this.rare?.signal
  }

  /** Starts the call and returns the promise of its answer. */
  begin(): Promise<unknown> {
    const { plan, options } = this
    plan.callBegan()
    if (plan.stamping) this.startedAt = plan.clock.now()
    if (options !== undefined && !this.bound(options)) return this.promise()
    if (plan.closing) {
      const refusal = closedRefusal(plan)
      plan.refused(this, refusal, this)
      outwards(this, plan.nodes.length - 1, new AttemptRecord(this, this), new Refused(refusal, plan, 0) as unknown as Outcome<never>)
    } else inwards(this, 0, this, undefined)
    return this.promise()
  }

  /** What the caller says of its end. False when that has come already: steps may still answer. */
  private bound(options: CallOptions): boolean {
    const { signal, deadline, timeoutMs } = options
    let ending: Ending | undefined
    if (signal !== undefined) this.more.signal = signal
    if (signal?.aborted === true) ending = { by: 'caller', verdict: 'ignored', error: signal.reason as unknown }
    else if (deadline !== undefined || timeoutMs !== undefined) {
      const { clock, timers } = this.plan
      const now = clock.now()
      this.deadline = deadlineOf(options, now)
      if (now >= this.deadline) ending = this.deadlinePassed()
      else if (this.deadline !== Infinity) this.more.alarm = timers.set(this, this.deadline, this.deadline - now)
    }
    if (ending === undefined) {
      if (signal !== undefined) listen(signal, this)
      return true
    }
    finishFrom(this, this.plan.nodes.length - 1, new AttemptRecord(this, this), this.endedAs(ending))
    return false
  }

  callerAborted(): void {
    this.endNow({ by: 'caller', verdict: 'ignored', error: this.signal?.reason as unknown })
  }

  /** The caller's deadline. */
  ring(): void {
    this.more.alarm = undefined
    this.endNow(this.deadlinePassed())
  }

  private endNow(ending: Ending): void {
    if (this.ended !== undefined || this.settled) return
    if (this.rare !== undefined) this.unlisten(this.rare)
    const outcome = this.endedAs(ending)
    this.endChildren(ending)
    finish(this, outcome)
  }

  private endedAs(ending: Ending): Outcome<never> {
    this.ended = ending
    return failed(ending.error, this.started ? 'ignored' : 'unused', ending.by)
  }

  private deadlinePassed(): Ending {
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

  private unlisten(rare: Rare): void {
    if (rare.signal !== undefined) unlisten(rare.signal, this)
    if (rare.alarm === undefined) return
    this.plan.timers.clear(rare.alarm)
    rare.alarm = undefined
  }

  // ── answering ──

  /** What an attempt still holds is waited for before the call counts as settled. */
  answerWith(outcome: Outcome<unknown>): void {
    if (this.trying) this.answer(false, this.result(outcome))
    else this.answer(!outcome.ok, outcome.ok ? outcome.value : outcome.error)
    const holder = (outcome as { holder?: AttemptRecord | undefined }).holder
    if (holder !== undefined && !holder.settled && holder.parent.owner === this) {
      this.more.outcome = outcome
      holder.awaitedBy = this
    } else this.settle(outcome, outcome.verdict, outcome.endedBy ?? 'work', outcome.retryAfterMs)
  }

  heldSettled({ verdict, endedBy, retryAfterMs }: Settled): void {
    this.settle(this.more.outcome!, verdict, endedBy, retryAfterMs)
  }

  private settle(outcome: Outcome<unknown>, verdict: Verdict, endedBy: Settled['endedBy'], retryAfterMs: number | undefined): void {
    if (this.settled) return
    this.settled = true
    if (this.rare !== undefined) this.unlisten(this.rare)
    const { plan } = this
    if (plan.stamping) plan.callSettled(this, outcome, plan.justSettled?.as(verdict, endedBy, retryAfterMs) ?? new SettledRecord(verdict, endedBy, retryAfterMs, plan.clock))
    if (this.open === 0) this.plan.callEnded()
  }

  protected onIdle(): void {
    if (this.settled) this.plan.callEnded()
  }

  /** `tryRun`'s answer. */
  result(outcome: Outcome<unknown>): TryResult<unknown> {
    const { attempts } = this
    if (outcome.ok) return { ok: true, value: outcome.value, attempts }
    return outcome instanceof Refused ? refusedResult(outcome) : { ok: false, error: outcome.error, attempts }
  }

  // ── the face that policies see ──

  get id(): string {
    return (this.more.id ??= (++ids).toString(36))
  }
  get pipeline(): string {
    return this.plan.name
  }
  get trace(): Trace | undefined {
    return this.rare?.trace ?? this.options?.trace
  }
  set trace(trace: Trace | undefined) {
    this.more.trace = trace
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
    this.plan.emit(type, { call: this.id, trace: this.trace?.traceId, at: this.plan.clock.now(), ...payload } as unknown as Payload<T>)
  }
}

/** The record of a call that goes straight, made when somebody asks its outermost attempt for it: from there on it goes the general way. */
export function recordOf(outer: AttemptRecord): CallRecord {
  let inner = outer
  while (inner.youngest !== undefined) inner = inner.youngest as AttemptRecord
  const call = new CallRecord(outer.stage!.plan, outer.fn!, outer.options, outer.trying)
  for (let one = inner; one !== outer; one = one.scope as AttemptRecord) one.thread = call
  outer.thread = outer.scope = call
  if (call.plan.stamping) call.startedAt = outer.startedAt
  call.at = inner.at
  call.current = inner
  if (outer.started) {
    call.started = true
    call.attempts = 1
  }
  if (outer.adopted) call.adopt(outer)
  const { waits } = inner
  if (waits === taken) call.tail = taken
  else if (waits !== undefined && call.plan.plain) call.deferred = waits as Deferred
  else if (waits !== undefined) {
    call.tail = taken
    call.place = inner.waits = new Place(call, waits as Deferred)
  }
  if (outer.over) call.answered = call.settled = true
  return call
}

/** A function of its own: see `attemptOf`. */
export function callOf(plan: Plan, fn: (attempt: Attempt) => unknown, options: CallOptions | undefined, trying: boolean): CallRecord {
  return new CallRecord(plan, fn, options, trying)
}

export function closedRefusal(plan: { readonly name: string }): Refusal {
  return refuse(plan, PipelineClosedError, () => 'the pipeline is closed')
}
