import { type Attempt, priorities, type Priority } from '../core/attempt.ts'
import { ThrottledError } from '../core/errors.ts'
import { type AnyListener, Events, type EventType, type Listener, type Undo } from '../core/events.ts'
import { type Host, type Mode, observed, type Policy, refuse, type Refusal, unguarded } from '../core/policy.ts'
import type { Settled } from '../core/verdict.ts'
import { Diffusion } from '../math/diffusion.ts'
import { ShareGate } from '../math/share-gate.ts'
import { announcement } from './announce.ts'
import { type Driver, driverOf } from './driver.ts'
import { type ThrottleHint, hintedShare } from './hint.ts'
import { settings, type Stated, stated, type ThrottleOptions, type ThrottleSettings } from './options.ts'
import type { Throttle } from './throttle.ts'
import { warnings } from './warnings.ts'
import { say } from './words.ts'

/** Without overloads, so many failures are suspicious. */
const MANY_FAILURES = 100
/** At least such a part of the offered calls passes while it holds back. */
const PROBE_RATIO = 0.02

/** Decides call by call who belongs to the share that may pass, and shows the driver how it went. */
export class ThrottleGuard implements Throttle {
  readonly kind = 'guard'
  readonly type = 'throttle'
  readonly name: string
  readonly events: Events = new Events()
  offered = 0
  sent = 0
  accepted = 0
  options: ThrottleSettings
  #said: Stated
  #host: Host | undefined
  #driver: Driver | undefined
  /** The permit of every attempt: what there is to know of one, its priority, the attempt knows. */
  readonly #permit: object = {}
  /** Nobody is refused: nothing to look at. */
  #free = true
  /** What the driver and the hint let pass. */
  #share = 1
  readonly #gate: ShareGate = new ShareGate(priorities.length, () => (this.#host?.random ?? Math.random)())
  #fixed: Diffusion[] | undefined
  #hint: { readonly share: number; readonly forMs: number; readonly until: number } | undefined
  #told = 1
  /** Failures before the first overload; counted up to the warning. */
  #failures = 0

  constructor(options: ThrottleOptions | undefined) {
    this.#said = stated(options)
    this.options = settings(this.#said)
    this.name = this.options.name
    this.#refill()
  }

  bind(host: Host): void {
    this.#host = host
    const hint = this.#hint
    // Given before there was a clock: it begins now.
    if (hint !== undefined) this.#hint = { ...hint, until: host.clock.now() + hint.forMs }
  }

  get keepsNothing(): true {
    return true
  }

  // ── the hooks ──

  admit(attempt: Attempt): object | Refusal {
    const { mode } = this.options
    if (mode === 'off') return unguarded
    const klass = classes[attempt.priority]
    this.offered++
    this.#gate.offered.add(klass)
    const refusal = this.#free ? undefined : this.#ask(klass, attempt)
    if (refusal !== undefined) {
      if (mode === 'enforce') return refusal
      observed(attempt, refusal)
    }
    this.sent++
    return this.#permit
  }

  settle(permit: object, settled: Settled, attempt: Attempt): void {
    if (permit !== this.#permit) return
    const { verdict } = settled
    if (verdict === 'unused') return this.#unused(settled, attempt)
    // What comes is known by the time also where nobody is held back.
    this.#gate.offered.advance(settled.settledAt)
    if (verdict !== 'ignored' && this.options.mode !== 'off') this.#learn(settled)
  }

  /** Refused further in: as if it had not been sent. */
  #unused(settled: Settled, { priority }: Attempt): void {
    this.sent--
    const klass = classes[priority]
    if (this.options.allow[priority] < 1) this.#fixed?.[klass]!.refund()
    this.#gate.refund(klass)
    // A shed further in refuses in its place.
    if (this.options.distribute === 'shed' && settled.endedBy === 'refusal' && this.#driver?.refused(settled.settledAt) === true) this.#refill(settled.settledAt)
  }

  #learn(settled: Settled): void {
    const accepted = settled.verdict !== 'overload'
    if (accepted) this.accepted++
    if (this.options.adaptive !== false) {
      this.#driver ??= driverOf(this.options.adaptive, this.#host?.timeoutMs ?? Infinity)
      if (this.#driver.settled(accepted, settled.settledAt)) this.#refill(settled.settledAt)
      if (this.#failures < MANY_FAILURES && settled.verdict !== 'success') this.#count(accepted, settled.settledAt)
    }
    const { maxRetryAfterMs } = this.options
    const pauseMs = accepted ? 0 : Math.min(settled.retryAfterMs ?? 0, maxRetryAfterMs)
    if (pauseMs > 0 && !(this.#hint?.share === 0 && this.#hint.until >= settled.settledAt + pauseMs)) this.#hinted(0, pauseMs, settled.settledAt)
  }

  pressure(): number {
    return 1 - this.share()
  }

  share(): number {
    return this.mode === 'enforce' ? this.allow : 1
  }

  get distributes(): boolean {
    return this.options.distribute !== 'shed'
  }

  busy(): boolean {
    return this.#driver?.busy === true || this.#hint !== undefined
  }

  /** Nothing has passed for so long that something must, or a hint is over and nobody has come since. */
  probeDue(): boolean {
    if (this.#free || this.mode !== 'enforce' || this.#host === undefined) return false
    const now = this.#host.clock.now()
    if (this.#hint !== undefined && (now >= this.#hint.until || this.#hint.share === 0)) return now >= this.#hint.until
    return this.#share < 1 && this.#due(now)
  }

  ramp(share: number): boolean {
    const { adaptive, mode } = this.options
    if (adaptive === false || mode !== 'enforce' || this.#host === undefined) return false
    const now = this.#host.clock.now()
    this.#driver ??= driverOf(adaptive, this.#host.timeoutMs)
    this.#driver.seed(share, now)
    this.#refill(now)
    return true
  }

  warn(list: readonly Policy[], index: number): string[] {
    return warnings(this.options, list.slice(index + 1))
  }

  // ── who passes ──

  /** `undefined` for who passes. */
  #ask(klass: number, attempt: Attempt): Refusal | undefined {
    const { allow, distribute } = this.options
    const { priority } = attempt
    const fixed = allow[priority]
    const now = attempt.now()
    this.#gate.offered.advance(now)
    if (this.#hint !== undefined && now >= this.#hint.until) this.#refill(now)
    if (fixed < 1 && !(this.#fixed ??= priorities.map(() => new Diffusion(this.#gate.random())))[klass]!.pass(fixed)) {
      if (fixed > 0 && this.#probes(attempt)) {
        this.#passed(now)
        return undefined
      }
      const alike = priorities.every((one) => allow[one] === fixed)
      return refuse(this, ThrottledError, () => say.fixed(fixed, priority, alike))
    }
    if (distribute === 'shed') return this.#forShed(attempt, now)
    if (!this.#gate.pass(klass)) return this.#hold(klass, attempt, now)
    this.#passed(now)
    return undefined
  }

  /** Not within its share; but it may be that it passes all the same. */
  #hold(klass: number, attempt: Attempt, now: number): Refusal | undefined {
    if (this.#hint?.share !== 0 && (this.#probes(attempt) || this.#due(now))) {
      this.#passed(now)
      return undefined
    }
    const share = this.#gate.fill[klass]!
    const all = this.#share
    if (this.#hint !== undefined && this.#hint.share === all) {
      const ms = Math.ceil(this.#hint.until - now)
      return refuse(this, ThrottledError, () => say.hinted(all, ms), ms)
    }
    const { priority } = attempt
    // A dry run refuses nobody: it learns how the call ends.
    if (this.options.mode === 'enforce' && this.#driver?.refused(now) === true) this.#refill(now)
    // Where hardly anything passes, it is known when something will.
    const retryAfterMs = all < 0.1 ? Math.ceil(this.#gate.left(now)) : undefined
    return refuse(this, ThrottledError, () => say.adaptive(share, priority, all), retryAfterMs)
  }

  /** A `shed` further in decides; what is due as a probe, it lets pass. */
  #forShed(attempt: Attempt, now: number): undefined {
    if (this.#share < 1 && this.#hint?.share !== 0 && this.#due(now)) {
      attempt.probe = true
      this.#passed(now)
    }
    return undefined
  }

  /** A breaker has sent it as its trial, or waits for one. */
  #probes(attempt: Attempt): boolean {
    return attempt.probe || this.#host?.probeDue() === true
  }

  /** Whether nothing has passed for so long that something must. */
  #due(now: number): boolean {
    return this.#driver !== undefined && this.#gate.due(now)
  }

  #passed(now: number): void {
    const { adaptive } = this.options
    const driver = this.#driver
    if (adaptive !== false && driver !== undefined) this.#gate.passed(now, Math.max(adaptive.probesPerSecond, PROBE_RATIO * driver.offeredPerSecond))
  }

  /** The share has changed, or the time has come to share it out anew. */
  #refill(now?: number): void {
    if (now !== undefined) {
      this.#gate.offered.advance(now)
      if (this.#hint !== undefined && now >= this.#hint.until) this.#hint = undefined
    }
    const share = Math.min(this.#driver?.share ?? 1, this.#hint?.share ?? 1)
    const { distribute, allow } = this.options
    this.#share = share
    this.#gate.set(distribute === 'shed' ? 1 : share, distribute === 'priority')
    this.#free = share === 1 && priorities.every((priority) => allow[priority] === 1)
    if (now !== undefined) this.#tell(now)
  }

  // ── what is told ──

  #tell(at: number): void {
    const { allow, name: policy } = this
    const from = this.#told
    if (!announcement(from, allow)) return
    this.#told = allow
    if (this.events.wants('throttle.changed')) this.events.emit('throttle.changed', { policy, at, allow, from, acceptance: this.acceptance })
  }

  #count(accepted: boolean, at: number): void {
    this.#failures = accepted ? this.#failures + 1 : Infinity
    if (this.#failures !== MANY_FAILURES) return
    const message = say.noOverload(this.name, MANY_FAILURES)
    this.#host?.warn(message)
    if (this.events.wants('policy.warned')) this.events.emit('policy.warned', { policy: this.name, at, message })
  }

  // ── what it is, and what its owner does ──

  get mode(): Mode {
    return this.options.mode
  }

  get allow(): number {
    return this.#gate.overall((klass) => this.#of(priorities[klass]!))
  }

  get allowByPriority(): Readonly<Record<Priority, number>> {
    return { critical: this.#of('critical'), high: this.#of('high'), normal: this.#of('normal'), low: this.#of('low') }
  }

  #of(priority: Priority): number {
    const { allow, distribute } = this.options
    return allow[priority] * (distribute === 'shed' ? this.#share : this.#gate.fill[classes[priority]]!)
  }

  get acceptance(): number {
    return this.#driver?.acceptance ?? 1
  }

  on<T extends EventType>(type: T | '*', listener: Listener<T> | AnyListener): Undo {
    return this.events.on(type as T, listener as Listener<T>)
  }

  hint(hint: ThrottleHint): void {
    const now = this.#host?.clock.now() ?? NaN
    this.#gate.offered.advance(now)
    const perSecond = this.#gate.offered.counts.reduce((sum, n) => sum + n, 0) / 10
    this.#hinted(hintedShare(hint, perSecond), hint.forMs, now)
  }

  #hinted(share: number, forMs: number, now: number): void {
    this.#hint = { share, forMs, until: now + forMs }
    this.#refill(now)
  }

  update(options: Omit<ThrottleOptions, 'name'>): void {
    const said = stated(options, this.#said)
    const before = this.options.adaptive
    this.options = settings(said)
    this.#said = said
    if (!sameDriver(before, this.options.adaptive)) this.#driver = undefined
    this.#refill(this.#host?.clock.now())
  }
}

/** By importance, as in {@link priorities}. */
const classes: Readonly<Record<Priority, number>> = { critical: 0, high: 1, normal: 2, low: 3 }

function sameDriver(one: ThrottleSettings['adaptive'], other: ThrottleSettings['adaptive']): boolean {
  if (one === false || other === false) return one === other
  return one.algorithm === other.algorithm && one.windowMs === other.windowMs && one.minimumThroughput === other.minimumThroughput && one.k === other.k
}
