import type { Attempt } from '../core/attempt.ts'
import { nameDuration } from '../core/duration.ts'
import { ShedError } from '../core/errors.ts'
import { type AnyListener, Events, type EventType, type Listener, type Undo } from '../core/events.ts'
import { type Host, type Later, later, type Mode, observed, type Policy, refuse, type Refusal, unguarded } from '../core/policy.ts'
import type { Settled } from '../core/verdict.ts'
import { type Keeper, Lot, Waiter } from './lot.ts'
import { parkOptions, type ParkOptions, type ParkSettings } from './options.ts'
import { soonestMs } from './pace.ts'
import type { Park, ParkState } from './park.ts'
import { warnings } from './warnings.ts'

/** So long a trial may be on its way to the guard that waits for it; where that still waits then, another is sent. */
const TRIAL_MS = 1_000

/** Says who has to wait, and asks the pipeline whether all is well. */
export class ParkGuard implements Park, Keeper {
  readonly kind = 'guard'
  readonly type = 'park'
  readonly name: string
  readonly events: Events = new Events()
  options: ParkSettings
  parked = 0
  released = 0
  readonly #lot = new Lot(this)
  #host: Host | undefined
  #told: ParkState = 'idle'
  /** The permits of who did not wait, of who did, and of the one that was sent as a trial and is not back yet. */
  readonly #ordinary: object = {}
  readonly #released: object = {}
  #trial: object | undefined
  #trialUntil = NaN

  constructor(options: ParkOptions | undefined) {
    this.options = parkOptions(options)
    this.name = this.options.name
  }

  bind(host: Host): void {
    this.#host = host
    this.#lot.begin(host.clock)
  }

  get keepsNothing(): true {
    return true
  }

  // ── the hooks ──

  admit(attempt: Attempt): object | Refusal | Later {
    return this.#ask(attempt) ?? this.#wait(attempt)
  }

  settle(permit: object, { verdict }: Settled): void {
    if (permit === this.#ordinary) {
      if (verdict === 'success' || verdict === 'failure') this.#lot.accepted()
      return
    }
    if (permit === this.#trial) this.#trial = undefined
    if (verdict === 'overload') this.#lot.unwell()
  }

  warn(list: readonly Policy[], index: number): string[] {
    return warnings(this.options, list, index)
  }

  // ── who has to wait ──

  /** Yes or no; `undefined`: it has to wait. */
  #ask(attempt: Attempt): object | Refusal | undefined {
    const { classes, mode } = this.options
    if (mode === 'off') return unguarded
    if (!classes.includes(attempt.priority) || attempt.probe || this.#trialWanted()) return this.#ordinary
    if (this.queued === 0 && this.pressed() < this.options.below) return this.#ordinary
    const refusal = this.#refusal(attempt)
    if (mode === 'observe') return observed(attempt, refusal ?? refuse(this, ShedError, () => 'all is not well: it would have to wait'))
    return refusal
  }

  /** Of who cannot wait. */
  #refusal(attempt: Attempt): Refusal | undefined {
    const { queue } = this.options
    const { queued } = this
    if (queued >= queue) return refuse(this, ShedError, () => `all is not well, and ${queued} wait already`, this.#host!.retryAfterMs())
    const soonest = this.#soonestMs(attempt.now())
    const { maxWaitMs } = this.options
    if (soonest <= maxWaitMs && attempt.now() + soonest < attempt.deadline) return undefined
    const whose = soonest <= maxWaitMs ? 'its deadline' : 'maxWaitMs'
    return refuse(this, ShedError, () => `all is not well, and its turn comes in ${nameDuration(soonest)} at the earliest, after ${whose}`, Math.ceil(soonest))
  }

  /** When the next one to come would be let go, if all were well from the moment on at which it can be. */
  #soonestMs(now: number): number {
    const calmMs = this.#lot.releasing ? 0 : Math.max(this.#lot.calmInMs(now), this.#host!.retryAfterMs() ?? 0)
    return calmMs + soonestMs(this.queued + 1, this.#lot.perSecond(now))
  }

  #wait(attempt: Attempt): Later {
    let waiter: Waiter
    const { maxWaitMs } = this.options
    return later({
      maxWaitMs,
      start: (wake) => {
        // Listeners have run since `admit`, and whatever they did.
        const answer = this.#ask(attempt)
        if (answer !== undefined) return wake(answer)
        this.parked++
        this.#lot.join((waiter = new Waiter(wake)), attempt.now())
      },
      cancel: () => this.#lot.leave(waiter, this.#host!.clock.now()),
      expired: () => refuse(this, ShedError, () => `all was not well for ${nameDuration(maxWaitMs)}`, this.#host!.retryAfterMs()),
    })
  }

  // ── what the lot asks ──

  /** How near to its limit any guard of the pipeline is; a breaker that waits for its trial is no way near well. */
  pressed(): number {
    const host = this.#host
    if (host === undefined) return 0
    return host.probeDue(false) ? 1 : Math.max(host.pressure(), 1 - host.share())
  }

  below(): number {
    return this.options.below
  }

  /** Whether a guard waits for a trial that would get there: what a throttle waits for, a breaker at rest refuses. */
  #trialWanted(): boolean {
    const host = this.#host
    return host !== undefined && host.probeDue() && (host.probeDue(false) || host.pressure(false) < this.options.below)
  }

  trialDue(): boolean {
    return this.#trialWanted() && (this.#trial === undefined || this.#host!.clock.now() >= this.#trialUntil)
  }

  calmMs(): number {
    return this.options.calmMs
  }

  letGo({ wake }: Waiter, trial: boolean): void {
    this.released++
    if (this.options.mode !== 'enforce') return wake(unguarded)
    if (trial) {
      this.#trial = {}
      this.#trialUntil = this.#host!.clock.now() + TRIAL_MS
    }
    wake(trial ? this.#trial! : this.#released)
  }

  changed(now: number): void {
    const { state } = this
    if (state === this.#told) return
    const from = this.#told
    this.#told = state
    const { name, queued, parked, released } = this
    if (this.events.wants('park.changed')) this.events.emit('park.changed', { policy: name, at: now, state, from, queued, parked, released })
  }

  // ── what it is, and what its owner does ──

  get state(): ParkState {
    if (this.queued === 0) return 'idle'
    return this.#lot.releasing ? 'releasing' : 'parking'
  }

  get queued(): number {
    return this.#lot.queued
  }

  get mode(): Mode {
    return this.options.mode
  }

  on<T extends EventType>(type: T | '*', listener: Listener<T> | AnyListener): Undo {
    return this.events.on(type as T, listener as Listener<T>)
  }

  update(options: Partial<Omit<ParkOptions, 'name'>>): void {
    this.options = parkOptions(options, this.options)
    if (this.mode !== 'enforce' && this.#host !== undefined) this.#lot.empty(this.#host.clock.now())
  }
}
