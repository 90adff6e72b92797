import { beginLoop, endLoop } from '../core/events.ts'
import type { Settled } from '../core/verdict.ts'
import { Closed, needsTime } from './closed.ts'
import type { BreakerSettings } from './options.ts'
import { Ramp, RAMP_FROM, rampWindowMs } from './ramp.ts'
import { Rest, restMs } from './rest.ts'
import { type BreakerSnapshot, endless, span } from './snapshot.ts'
import { type Probe, Trial } from './trial.ts'
import { say } from './words.ts'

/**
 * - `'closed'`: calls pass and are counted.
 * - `'open'`: the break runs, or has run out and nobody has called since.
 * - `'halfOpen'`: probes are out, or may go.
 * - `'isolated'`: shut by hand until that is undone.
 */
export type BreakerState = 'closed' | 'open' | 'halfOpen' | 'isolated'

/** Where a circuit tells that it has entered its state, coming from another; and what a user's function threw. */
export interface CircuitReport {
  changed(from: BreakerState, at: number): void
  threw(error: unknown): void
  /** Offers others to let only this share pass at first. Whether somebody does. */
  handOver(share: number): boolean
  /** The span after which an attempt is given up. */
  spanMs(): number
}

/**
 * The state machine, told the time: one era after another, each an object of its own that fences off the results of those
 * before it. Every method changes the state first and tells of it last, so that a listener may do what it likes. A time that
 * nobody knows is NaN.
 */
export class Circuit {
  /** The era of a closed breaker; `undefined` in every other state. */
  closed: Closed | undefined
  /** The break; `undefined` when closed. Under an isolation, what comes after it: the break that it interrupted, or none. */
  rest: Rest | undefined = undefined
  opensInARow = 0
  random: () => number = Math.random
  readonly #report: CircuitReport
  #trial: Trial | undefined = undefined
  /** Those who have isolated it and not undone it. */
  #isolations: Set<object> | undefined = undefined
  /** Since when it has not been closed, and how long before that, as a snapshot said. */
  #leftClosedAt = NaN
  #awayBeforeMs = 0

  constructor(
    public settings: BreakerSettings,
    report: CircuitReport,
  ) {
    this.#report = report
    this.closed = new Closed(settings)
  }

  get state(): BreakerState {
    if (this.closed !== undefined) return 'closed'
    if (this.#isolations !== undefined) return 'isolated'
    return this.#trial === undefined ? 'open' : 'halfOpen'
  }

  /** Whether a probe would be admitted. */
  probeDue(now: number): boolean {
    if (this.closed !== undefined || this.#isolations !== undefined) return false
    return this.#trial === undefined ? this.rest!.left(now) === 0 : this.#trial.hasPlace(this.settings, now)
  }

  /** In how many whole ms a probe may pass: 0 when one is due, `undefined` where nobody knows or none is needed. */
  retryAfterMs(now: number): number | undefined {
    const { state } = this
    if (state === 'halfOpen') return this.probeDue(now) ? 0 : undefined
    const ms = state === 'open' ? this.rest!.wholeLeft(now) : Infinity
    return ms < Infinity ? ms : undefined
  }

  /** For how long it has not been closed. */
  awayMs(now: number): number {
    return this.#awayBeforeMs + (now > this.#leftClosedAt ? now - this.#leftClosedAt : 0)
  }

  /** A time is known: spans begin that were waiting for one. */
  begin(now: number): void {
    this.rest?.begin(now)
    this.closed?.begin(now)
    if (Number.isNaN(this.#leftClosedAt)) this.#leftClosedAt = now
  }

  // ── calls ──

  /** A trial attempt, if one may pass: the first after the break half-opens the breaker. Not for a closed one. */
  probe(now: number): Probe | undefined {
    if (this.#isolations !== undefined) return undefined
    if (this.#trial !== undefined) return this.#trial.take(this.settings, now)
    this.begin(now)
    const rest = this.rest!
    if (rest.left(now) > 0) return undefined
    this.#trial = new Trial(rest.breakMs)
    const probe = this.#trial.take(this.settings, now)
    this.#report.changed('open', now)
    return probe
  }

  /** A result of a call that began in this closed era. */
  record(closed: Closed, failed: boolean, slow: boolean, settled: Settled): void {
    const reason = closed.record(this.settings, failed, slow, needsTime(this.settings) ? settled.settledAt : NaN)
    if (reason !== undefined) this.open(settled.settledAt, reason, settled.retryAfterMs)
    else if (closed.ramp !== undefined) this.#climb(closed.ramp, !failed && !slow, settled.settledAt)
  }

  /** A result of a call that a ramp let pass. */
  #climb(ramp: Ramp, good: boolean, now: number): void {
    ramp.settled(good, now)
    if (ramp.share < 1) return
    this.closed!.ramp = undefined
    this.opensInARow = 0
  }

  /** A permit of another kind comes back: if it is a probe of this era, it decides, or gives its place back. */
  probed(permit: object, counts: boolean, failed: boolean, slow: boolean, settled: Settled): void {
    const { settings } = this
    const trial = this.#trial
    if (trial === undefined || !trial.end(permit, settings, settled.settledAt) || !counts) return
    if (failed) this.open(settled.settledAt, say.probeFailed, settled.retryAfterMs)
    else if (slow) this.open(settled.settledAt, say.probeSlow(settings))
    else if (++trial.successes >= settings.probes.total) this.#recover(settled.settledAt)
  }

  // ── changes ──

  /** Rests from `now` on. If it is open already, the break begins anew and is not counted as a further one. */
  open(now: number, reason: string, retryAfterMs?: number): void {
    const rests = this.rest !== undefined && this.#trial === undefined
    const opensInARow = this.opensInARow + (rests ? 0 : 1)
    const ms = restMs(this.settings, opensInARow, this.random, retryAfterMs, (error) => this.#report.threw(error))
    const from = this.#leave(now)
    this.opensInARow = opensInARow
    this.#enter(from, now, new Rest(now, ms, reason))
  }

  /** The probes have succeeded. */
  #recover(now: number): void {
    const { settings } = this
    // Who takes it on tells of it: not before it is done.
    beginLoop()
    try {
      if (settings.recovery !== 'ramp' || this.#report.handOver(RAMP_FROM)) return this.close(now)
      this.#enter(this.state, now, undefined, this.#ramping(RAMP_FROM, now))
    } finally {
      endLoop()
    }
  }

  #ramping(share: number, now: number): Closed {
    const closed = new Closed(this.settings)
    closed.ramp = new Ramp(share, rampWindowMs(this.#report.spanMs()), now, () => this.random())
    return closed
  }

  /** Closes, with an empty window; ends a ramp. Under an isolation: once that ends. */
  close(now: number): void {
    if (this.closed === undefined || this.closed.ramp !== undefined) this.#enter(this.state, now, undefined)
  }

  /** As if new: closed, nothing counted, no isolation. */
  reset(now: number): void {
    const from = this.state
    this.#isolations = undefined
    this.#enter(from, now, undefined)
  }

  /** Shuts it for this holder, until he ends that. Then it is as it was: closed, with an empty window, or in its break. */
  isolate(holder: object, now: number): void {
    const from = this.#leave(now)
    this.#isolations ??= new Set()
    this.#isolations.add(holder)
    this.#enter(from, now, this.rest)
  }

  endIsolation(holder: object, now: number): void {
    const isolations = this.#isolations
    if (isolations === undefined || !isolations.delete(holder) || isolations.size > 0) return
    this.#isolations = undefined
    this.#enter('isolated', now, this.rest)
  }

  update(settings: BreakerSettings, now: number): void {
    const { windowMs, windowCalls } = this.settings
    this.settings = settings
    if (settings.recovery === 'close' && this.closed?.ramp !== undefined) {
      this.closed.ramp = undefined
      this.opensInARow = 0
    }
    if (settings.windowMs !== windowMs || settings.windowCalls !== windowCalls) this.closed?.resize(settings, now)
  }

  save(now: number): BreakerSnapshot {
    if (this.closed !== undefined) return this.closed.save(now)
    const { rest, opensInARow } = this
    // Isolated and nothing beneath: it will be closed and know nothing.
    if (rest === undefined) return new Closed(this.settings).save(now)
    const leftMs = this.#trial === undefined ? rest.left(now) : 0
    return { version: 1, state: 'open', reason: rest.reason, opensInARow, openForMs: this.awayMs(now), breakMs: endless(rest.breakMs), restMs: endless(leftMs) }
  }

  load(snapshot: BreakerSnapshot, now: number): void {
    if (snapshot.state === 'closed') {
      const { rampShare = 1 } = snapshot
      const closed = rampShare < 1 && this.settings.recovery === 'ramp' ? this.#ramping(rampShare, now) : new Closed(this.settings)
      closed.load(snapshot, now)
      this.#enter(this.state, now, undefined, closed)
      return
    }
    const from = this.#leave(now)
    this.#leftClosedAt = now
    this.#awayBeforeMs = snapshot.openForMs
    this.opensInARow = snapshot.opensInARow
    this.#enter(from, now, new Rest(now, span(snapshot.restMs), snapshot.reason, span(snapshot.breakMs)))
  }

  /** About to be no longer closed, if it is. */
  #leave(now: number): BreakerState {
    if (this.closed !== undefined) {
      this.#leftClosedAt = now
      this.#awayBeforeMs = 0
    }
    return this.state
  }

  /** The one way into a new era. Tells of it if that is another state, or a break that begins anew. */
  #enter(from: BreakerState, now: number, rest: Rest | undefined, closed = new Closed(this.settings)): void {
    this.#trial = undefined
    this.rest = rest
    // Should the ramp fail, it opens once more in a row.
    if (rest === undefined && closed.ramp === undefined) this.opensInARow = 0
    this.closed = rest === undefined && this.#isolations === undefined ? closed : undefined
    const { state } = this
    if (state !== from || state === 'open') this.#report.changed(from, now)
  }
}
