import type { Attempt } from '../core/attempt.ts'
import { BreakerOpenError } from '../core/errors.ts'
import { Events, type AnyListener, type EventType, type Listener, type Undo } from '../core/events.ts'
import { wrongType } from '../core/options.ts'
import { type Host, type Mode, observed, type Policy, type Refusal, refuse, unguarded } from '../core/policy.ts'
import type { Settled } from '../core/verdict.ts'
import { announce } from './announce.ts'
import type { Breaker } from './breaker.ts'
import { Circuit, type BreakerState, type CircuitReport } from './circuit.ts'
import { type BreakerOptions, type BreakerSettings, settings, type Stated, stated } from './options.ts'
import { type BreakerSnapshot, checkSnapshot } from './snapshot.ts'
import type { Ramp } from './ramp.ts'
import { warnings } from './warnings.ts'
import { refusing, say } from './words.ts'

/** Hands the state machine the time, and its answers to the stage. */
export class BreakerGuard implements Breaker, CircuitReport {
  readonly kind = 'guard'
  readonly type = 'breaker'
  readonly events: Events = new Events()
  readonly #circuit: Circuit
  #said: Stated
  #host: Host | undefined
  /** What was refused with last. */
  #last: { readonly state: BreakerState; readonly refusal: Refusal } | undefined = undefined

  constructor(options: BreakerOptions | undefined) {
    this.#said = stated(options)
    this.#circuit = new Circuit(settings(this.#said), this)
  }

  // ── what the circuit tells ──

  changed(from: BreakerState, at: number): void {
    announce(this.events, this.name, this.#circuit, from, at)
  }

  threw(error: unknown): void {
    this.events.onInternalError(error)
  }

  handOver(share: number): boolean {
    return this.#host?.ramp(share) === true
  }

  spanMs(): number {
    return this.#host?.timeoutMs ?? Infinity
  }

  bind(host: Host): void {
    this.#host = host
    this.#circuit.random = host.random
    this.#circuit.begin(host.clock.now())
  }

  get keepsNothing(): true {
    return true
  }

  // ── the hooks ──

  admit(attempt: Attempt): object | Refusal {
    const circuit = this.#circuit
    const { mode, slowMs } = circuit.settings
    if (mode === 'off') return unguarded
    const { closed } = circuit
    if (closed !== undefined) {
      // `timed` is read at the fold; slowMs may have been switched on since.
      if (slowMs !== Infinity) attempt.now()
      return closed.ramp === undefined ? closed : this.#climbing(closed, closed.ramp, attempt)
    }
    const now = attempt.now()
    const probe = circuit.probe(now)
    if (probe !== undefined) {
      attempt.probe ||= mode === 'enforce'
      return probe
    }
    const refusal = this.#refusal(circuit.state, circuit.retryAfterMs(now))
    return mode === 'enforce' ? refusal : observed(attempt, refusal)
  }

  /** One for all who come in the same millisecond: 260 bytes less for the others, and the words of the error. */
  #refusal(state: BreakerState, ms: number | undefined): Refusal {
    let said = this.#last
    if (said?.state !== state || said.refusal.retryAfterMs !== ms) this.#last = said = { state, refusal: refuse(this, BreakerOpenError, () => refusing(state, ms), ms) }
    return said.refusal
  }

  /** Closed, and lets only a share pass as yet. A trial of a breaker further out passes. */
  #climbing(closed: object, ramp: Ramp, attempt: Attempt): object | Refusal {
    const enforced = this.mode === 'enforce'
    if (attempt.probe || ramp.pass(attempt.priority, attempt.now(), enforced)) return closed
    const { share } = ramp
    const refusal = refuse(this, BreakerOpenError, () => say.recovering(share))
    if (enforced) return refusal
    observed(attempt, refusal)
    return closed
  }

  settle(permit: object, settled: Settled, attempt: Attempt): void {
    const circuit = this.#circuit
    const { mode, slowMs } = circuit.settings
    const { verdict } = settled
    const failed = verdict === 'failure' || verdict === 'overload'
    const counts = (failed || verdict === 'success') && mode !== 'off'
    const slow = slowMs !== Infinity && counts && settled.settledAt - attempt.startedAt >= slowMs
    if (permit !== circuit.closed) circuit.probed(permit, counts, failed, slow, settled)
    else if (counts) circuit.record(circuit.closed, failed, slow, settled)
    else if (verdict === 'unused') circuit.closed.ramp?.refund(attempt.priority)
  }

  pressure(): number {
    const circuit = this.#circuit
    if (circuit.closed !== undefined) return 1 - this.share()
    if (this.mode !== 'enforce') return 0
    if (circuit.probeDue(this.#now())) return 0
    return circuit.state === 'halfOpen' ? 0.9 : 1
  }

  /** While it ramps up after a break, the share of the calls that may pass. */
  share(): number {
    return this.mode === 'enforce' ? (this.#circuit.closed?.ramp?.share ?? 1) : 1
  }

  /** It refuses for its share itself. */
  readonly distributes = true

  busy(): boolean {
    return this.#circuit.closed === undefined || this.#circuit.closed.ramp !== undefined
  }

  probeDue(): boolean {
    const { closed } = this.#circuit
    if (this.mode !== 'enforce' || (closed !== undefined && closed.ramp === undefined)) return false
    const now = this.#now()
    return closed === undefined ? this.#circuit.probeDue(now) : closed.ramp!.due(now)
  }

  warn(list: readonly Policy[], index: number): string[] {
    return warnings(this.#said, this.#circuit.settings, list.slice(index + 1))
  }

  // ── what it is ──

  get name(): string {
    return this.#circuit.settings.name
  }

  get options(): BreakerSettings {
    return this.#circuit.settings
  }

  get mode(): Mode {
    return this.#circuit.settings.mode
  }

  get timed(): boolean {
    return this.#circuit.settings.slowMs !== Infinity
  }

  get state(): BreakerState {
    return this.#circuit.state
  }

  get reason(): string | undefined {
    return this.state === 'isolated' ? say.isolated : this.#circuit.rest?.reason
  }

  get retryAfterMs(): number | undefined {
    return this.#circuit.retryAfterMs(this.#now())
  }

  get counted(): { readonly calls: number; readonly failed: number; readonly slow: number } | undefined {
    return this.#circuit.closed?.counted(this.#now())
  }

  // ── what its owner does ──

  on<T extends EventType>(type: T | '*', listener: Listener<T> | AnyListener): Undo {
    return this.events.on(type as T, listener as Listener<T>)
  }

  isolate(): Undo {
    const holder = {}
    this.#circuit.isolate(holder, this.#now())
    return () => this.#circuit.endIsolation(holder, this.#now())
  }

  open(): void {
    this.#circuit.open(this.#now(), say.byHand)
  }

  close(): void {
    this.#circuit.close(this.#now())
  }

  reset(): void {
    this.#circuit.reset(this.#now())
  }

  snapshot(): BreakerSnapshot {
    return this.#circuit.save(this.#now())
  }

  restore(snapshot: BreakerSnapshot): void {
    this.#circuit.load(checkSnapshot(snapshot), this.#now())
  }

  update(options: BreakerOptions): void {
    const said = stated(options, this.#said)
    const next = settings(said)
    if (next.name !== this.name) wrongType('breaker.name', `the one it has ("${this.name}")`, next.name)
    this.#said = said
    this.#circuit.update(next, this.#now())
  }

  /** For methods: the hooks are told the time. NaN without a clock. */
  #now(): number {
    return this.#host?.clock.now() ?? NaN
  }
}
