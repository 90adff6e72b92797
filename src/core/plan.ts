import type { Priority } from './attempt.ts'
import type { AttemptRecord } from './attempt-record.ts'
import { type Clock, systemClock } from './clock.ts'
import type { CallOptions } from './call-options.ts'
import type { CallRecord } from './call.ts'
import { describe, type Description, draw } from './describe.ts'
import { Events, type EventType, type Payload } from './events.ts'
import type { SpillwayError } from './errors.ts'
import { fold } from './fold.ts'
import { guarded, ignored, type OnInternalError, quieted, reportToConsole } from './hooks.ts'
import { show } from './options.ts'
import { attach, enclosing, type Observed, nobody, type Observer, tell, terse, told } from './observer.ts'
import { SettledRecord, succeeded } from './outcome.ts'
import type { Passes } from './own.ts'
import { type Host, type Layer, type Policy, type Refusal, refusalFacts } from './policy.ts'
import type { Stage } from './stage.ts'
import type { Place } from './place.ts'
import { type Timers, timersOf } from './timers.ts'
import { type Classify, classify, type Outcome, type Settled } from './verdict.ts'

/** A layer: a step answers outcomes one at a time, a surround runs what is inside as often as it likes. */
export interface LayerNode {
  readonly kind: 'step' | 'surround'
  readonly layer: Layer<unknown>
  /** Looked up once: layers of every shape meet where they are called. */
  readonly after: Layer<unknown>['after']
  readonly passes: Passes | undefined
}

export type Node = Stage | LayerNode

export interface PipelineOptions {
  /** Turns outcomes into verdicts. Default: {@link classify}. */
  readonly classify?: Classify | undefined
  /** Default: `performance.now` and `setTimeout`. */
  readonly clock?: Clock | undefined
  /** 0..1. Default `Math.random`. */
  readonly random?: (() => number) | undefined
  readonly observers?: readonly Observer[] | undefined
  /** Gets every value that the caller will not see: of a dropped attempt, or of one that came too late. */
  readonly discard?: ((value: unknown) => void) | undefined
  /** Told, at build, of mistakes in the order of the policies. Default: `console.warn`. */
  readonly onWarning?: ((message: string) => void) | undefined
  /** Told what a listener or hook threw. Default: `console.error`. */
  readonly onInternalError?: OnInternalError | undefined
  /** Work that goes on so long after its caller was answered gives its slot back. Default: the larger of 30 000 and 10 × the attempt timeout. */
  readonly abandonAfterMs?: number | undefined
  /** `true`: refusals and timeouts carry a stack, which costs 3 to 10 µs each. Default `false`. */
  readonly stacks?: boolean | undefined
}

/** Who keeps a pipeline among others. */
export interface Keeper {
  /** Its last call has ended, and nothing of it waits or runs. */
  rested(): void
}

/** A pipeline's list of policies, folded, with all that its calls share. */
export class Plan implements Observed {
  readonly nodes: readonly Node[]
  /** For each node, how many steps stand outside it. */
  readonly stepsBefore: readonly number[]
  readonly clock: Clock
  readonly timers: Timers
  readonly random: () => number
  readonly classify: Classify
  /** The default classifier: a value is a success, without asking. */
  readonly trusting: boolean
  /** Guards alone: no outcome is looked at between the function and its caller. */
  readonly plain: boolean
  /** The index of its outermost stage, and the stage around the user's function. */
  readonly outermost: number
  readonly inner: Stage
  /** Whoever observes is told of a call and its only attempt at once when that succeeds. */
  terse = true
  /** Calls may go straight: see `straight.ts`. */
  straight = false
  /** Nobody looks at the outcome of a success before it is known whether it just passes. */
  readonly unseen: boolean
  readonly stacks: boolean
  observers: readonly Observer[] = []
  /** Those of them that stand around calls or attempts. */
  enclosing: readonly Observer[] | undefined = undefined
  readonly events: Events
  readonly report: OnInternalError
  readonly warnings: readonly string[]
  readonly host: Host
  /** Strands in a queue or a back-off. */
  readonly parked: Set<Place> = new Set()
  /** Attempts whose signal somebody has read. */
  readonly live: Set<AttemptRecord> = new Set()
  /** Whether calls and attempts are stamped with their start, for who observes. */
  stamping = false
  closing = false
  /** Why work is aborted that goes on after the grace of `close`. */
  overdue: SpillwayError | undefined = undefined
  inFlight = 0
  onIdle: (() => void) | undefined = undefined
  keeper: Keeper | undefined = undefined
  /** What calls say that say nothing else: the key of a keyed pipeline. */
  call: CallOptions | undefined = undefined
  /** How the attempt was settled whose end is being told: a call that ends in the same turn ends at the same time. */
  justSettled: SettledRecord | undefined = undefined
  /** Who of the observers has which hook. */
  #told = nobody
  /** Whether somebody listens to what happens once per attempt, or call. */
  #tellsAttempts = false
  #tellsCalls = false
  readonly #discard: ((value: unknown) => void) | undefined
  readonly #onWarning: ((message: string) => void) | undefined
  readonly #abandonAfterMs: number | undefined
  #quoted: string | undefined
  /** Stages and steps alone: no layer runs what is inside by itself. */
  readonly #direct: boolean

  constructor(
    readonly name: string,
    readonly policies: readonly Policy[],
    options: PipelineOptions,
  ) {
    this.clock = options.clock ?? systemClock
    this.timers = timersOf(this.clock)
    this.random = options.random ?? (() => Math.random())
    this.classify = options.classify ?? classify
    this.trusting = this.classify === classify
    this.stacks = options.stacks ?? false
    const { onInternalError } = options
    this.report = onInternalError === undefined ? reportToConsole : (error) => guarded(ignored, () => onInternalError(error))
    this.#discard = options.discard
    this.#onWarning = options.onWarning
    this.#abandonAfterMs = options.abandonAfterMs
    this.events = new Events(name)
    this.events.onInternalError = this.report
    const folded = fold(this)
    this.nodes = folded.nodes
    this.plain = folded.nodes.length === 1
    this.#direct = folded.nodes.every(({ kind }) => kind !== 'surround')
    this.outermost = folded.nodes.findIndex(({ kind }) => kind === 'stage')
    this.inner = folded.nodes.at(-1) as Stage
    this.unseen = this.trusting && folded.nodes.every((node) => node.kind === 'stage' || node.passes !== undefined)
    this.stepsBefore = folded.stepsBefore
    this.host = folded.host
    this.warnings = folded.warnings
    this.events.onChange = () => this.#heard()
    const observers = (options.observers ?? []).map((observer) => attach(observer, this, this.report))
    for (const observer of observers) tell(observer, this.events)
    this.observedBy(observers)
  }

  /** Policies forward their events only while somebody here listens: a shared policy must not keep a pipeline alive. */
  #heard(): void {
    const { heard } = this.events
    this.stamping = heard || this.observers.length > 0
    this.terse = terse(this.observers) && !this.events.wants('attempt.settled') && !this.events.wants('call.settled')
    this.straight = this.#direct && !this.closing && this.enclosing === undefined
    this.#tellsAttempts = this.events.wants('attempt.settled')
    this.#tellsCalls = this.events.wants('call.settled')
    for (const { events } of this.policies) {
      // What is closed and at rest hears no policy any more: one that is shared must not keep it.
      if (heard && !(this.closing && this.inFlight === 0)) events?.forward(this.events)
      else events?.unforward(this.events)
    }
  }

  /** Other observers of calls and attempts from now on: those of who keeps it. Their `event` is the keeper's to call. */
  observedBy(observers: readonly Observer[]): void {
    this.observers = observers
    this.enclosing = enclosing(observers)
    this.#told = observers.length === 0 ? nobody : told(observers)
    this.#heard()
  }

  get quoted(): string {
    return (this.#quoted ??= show(this.name))
  }

  /** The key that it is kept for. */
  get key(): string | undefined {
    return this.call?.key
  }

  describe(): Description {
    return describe(this)
  }

  get fold(): string {
    return draw(this)
  }

  /** Whether something would be lost if the pipeline were made anew: a call runs or waits, or a policy is busy. Pure. */
  get busy(): boolean {
    return this.inFlight > 0 || this.policies.some((policy) => policy.busy?.() ?? (policy.kind === 'guard' && (policy.pressure?.() ?? 0) > 0))
  }

  get abandonAfterMs(): number {
    if (this.#abandonAfterMs !== undefined) return this.#abandonAfterMs
    const { timeoutMs } = this.host
    return timeoutMs === Infinity ? 30_000 : Math.max(30_000, 10 * timeoutMs)
  }

  wants(type: EventType): boolean {
    return this.stamping && this.events.wants(type)
  }

  emit<T extends EventType>(type: T, payload: Payload<T>): void {
    this.events.emit(type, payload)
  }

  warn(message: string): void {
    // oxlint-disable-next-line no-console -- the documented default: a mistake must be seen
    guarded(this.report, () => (this.#onWarning ?? ((said: string) => console.warn(`spillway: ${said}`)))(`pipeline ${show(this.name)}: ${message}`))
  }

  discard(value: unknown): void {
    const discard = this.#discard
    if (discard !== undefined) guarded(this.report, () => discard(value))
  }

  callBegan(): void {
    this.inFlight++
  }

  /** No new calls; what is closed and at rest lets go of the policies that it shares. */
  close(): void {
    this.closing = true
    this.straight = false
    for (const place of this.parked) place.close()
    if (this.inFlight === 0) this.#heard()
  }

  callEnded(): void {
    if (--this.inFlight > 0) return
    this.onIdle?.()
    if (this.closing) this.#heard()
    this.keeper?.rested()
  }

  // In the hooks below what an observer throws is caught in place: a closure per observer and call is what metrics must not cost.

  refused(call: CallRecord, refusal: Refusal, of: { readonly priority: Priority }): void {
    if (!this.stamping) return
    for (const observer of this.#told.refused) {
      try {
        quieted(observer.refused!(call, refusal, of.priority), this.report)
      } catch (error) {
        this.report(error)
      }
    }
    if (this.wants('call.refused')) call.emit('call.refused', refusalFacts(refusal, of))
  }

  attemptSettled(attempt: AttemptRecord, settled: SettledRecord): void {
    settled.told = true
    for (const observer of this.#told.attemptSettled) {
      try {
        quieted(observer.attemptSettled!(attempt, settled), this.report)
      } catch (error) {
        this.report(error)
      }
    }
    if (!this.#tellsAttempts) return
    const { verdict, endedBy, settledAt } = settled
    this.events.send({ type: 'attempt.settled', pipeline: this.name, call: attempt.call.id, trace: attempt.call.trace?.traceId, at: settledAt, number: attempt.number, verdict, endedBy, durationMs: settledAt - attempt.startedAt })
  }

  /** A call and its only attempt, of which nobody has asked for the record. Without `settled` nobody was there to be told of the attempt. */
  succeeded(attempt: AttemptRecord, settled: SettledRecord | undefined, value: unknown): void {
    if (settled === undefined || settled.told || !this.terse) {
      if (settled?.told === false) this.attemptSettled(attempt, settled)
      return this.callSettled(attempt.call, succeeded(value, 'success'), settled ?? new SettledRecord('success', 'work', undefined, this.clock))
    }
    const observers = this.#told.succeeded
    for (let i = 0; i < observers.length; i++) {
      try {
        const said: unknown = observers[i]!.succeeded!(attempt, settled)
        if (said !== undefined) quieted(said, this.report)
      } catch (error) {
        this.report(error)
      }
    }
  }

  callSettled(call: CallRecord, outcome: Outcome<unknown>, settled: Settled): void {
    for (const observer of this.#told.callSettled) {
      try {
        quieted(observer.callSettled!(call, outcome, settled), this.report)
      } catch (error) {
        this.report(error)
      }
    }
    if (!this.#tellsCalls) return
    const { verdict, endedBy, settledAt } = settled
    this.events.send({
      type: 'call.settled',
      pipeline: this.name,
      call: call.id,
      trace: call.trace?.traceId,
      at: settledAt,
      ok: outcome.ok,
      verdict,
      endedBy,
      attempts: call.attempts,
      durationMs: settledAt - call.startedAt,
      priority: call.priority,
      operation: call.operation,
      ...(outcome.ok ? { error: undefined, code: undefined } : factsOf(outcome.error)),
    })
  }
}

/** What an event says of an error. */
function factsOf(error: unknown): { error: string; code: string | undefined } {
  const { code, name } = (typeof error === 'object' && error !== null ? error : {}) as { code?: unknown; name?: unknown }
  return { error: typeof name === 'string' ? name : typeof error, code: typeof code === 'string' ? code : undefined }
}
