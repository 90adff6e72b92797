import type { Held } from '../core/attempt.ts'
import type { AttemptRecord } from '../core/attempt-record.ts'
import { type Called, listen, unlisten } from '../core/caller-signal.ts'
import { stackless, TimeoutError } from '../core/errors.ts'
import { show } from '../core/options.ts'
import type { Plan } from '../core/plan.ts'
import { lateAfterMs } from '../core/stage.ts'
import type { Alarm, Ringable } from '../core/timers.ts'
import { sayNothing } from './blame.ts'
import type { Body } from './body.ts'
import type { FetchSettings } from './options.ts'
import type { Asked } from './request.ts'

/** What the guards of an attempt hear of a body that somebody further out gave up. */
const gone = new DOMException('The body was given up', 'AbortError')
sayNothing(gone)

/**
 * What one resilient fetch asks of a body: how long it may take, whose signal ends it, and which attempt's guards wait for its end. One
 * for each fetch that it passes through. It does not know the call, so that an answer that the user drops can be collected.
 */
export class Bound implements Ringable, Called, Held {
  /** That of the resilient fetch around this one. */
  outer: Bound | undefined = undefined
  readonly #plan: Plan
  readonly #id: string
  readonly #trace: string | undefined
  readonly #number: number
  /** Bounds the reading where no attempt is held; while one is, its stages see to that. */
  readonly #deadline: number
  readonly #caller: AbortSignal | undefined
  /** A Request follows its maker's signal only while it is there itself. */
  readonly input: unknown
  #held: { readonly signal: AbortSignal; readonly ended: () => void; readonly broke: (reason: unknown) => void } | undefined = undefined
  #alarm: Alarm | undefined = undefined
  /** When the last part came, or somebody began to wait for it. */
  #since = 0

  constructor(
    readonly body: Body,
    attempt: AttemptRecord,
    { input, signal }: Asked,
    readonly settings: FetchSettings,
    readonly endless: boolean,
  ) {
    const { plan } = attempt
    this.#plan = plan
    // Nobody who listens later on has heard of this call by any id.
    const call = plan.stamping ? attempt.call : undefined
    this.#id = call?.id ?? ''
    this.#trace = call?.trace?.traceId
    this.#number = attempt.number
    this.#deadline = endless ? Infinity : attempt.lastingDeadline
    this.#caller = signal
    this.input = input
    body.add(this)
  }

  get hasCaller(): boolean {
    return this.#caller !== undefined
  }

  // ── who holds ──

  /** The guards of the attempt wait for the end of the body. */
  hold(attempt: AttemptRecord, signal: AbortSignal): void {
    attempt.until(new Promise<void>((ended, broke) => (this.#held = { signal, ended, broke })), this)
    const { unreadMs } = this.settings
    if (!this.body.begun && unreadMs < Infinity) this.#set(this.#plan.clock.now() + unreadMs, unreadMs)
  }

  /** Nobody holds: only the caller's signal and the bounds of each read count. */
  free(): void {
    this.#letGo()
    const caller = this.#caller
    if (this.body.over || caller === undefined) return
    if (caller.aborted) this.callerAborted()
    else listen(caller, this)
  }

  /** Asked when `abandonAfterMs` have passed. */
  inUse(): boolean {
    const used = this.body.used()
    if (!used) this.free()
    return used
  }

  /** `broken`: it failed, which says something to an attempt that was not ended itself. */
  #letGo(broken?: { readonly reason: unknown }): void {
    const held = this.#held
    if (held === undefined) return
    this.#held = undefined
    if (broken === undefined || held.signal.aborted) held.ended()
    else held.broke(broken.reason)
  }

  // ── how long it may take ──

  get #idleMs(): number {
    if (this.endless) return Infinity
    return this.settings.bodyIdleMs ?? this.#plan.host.timeoutMs
  }

  get #last(): number {
    return this.#held === undefined ? this.#deadline : Infinity
  }

  /** Somebody waits for the next part: from here on the server is on time or late. */
  expect(): void {
    if (this.#idleMs === Infinity && this.#last === Infinity) return this.rest()
    this.came()
    // One that comes before looks how things stand then. A body that is read at once keeps the alarm it has: 1 of 14 µs.
    if (this.#alarm === undefined || this.#alarm.due > this.#due) this.#setNext()
  }

  /** A part came. The timer is not touched: when it comes it sees how long it has been. */
  came(): void {
    this.#since = this.#plan.clock.now()
  }

  /** Nobody waits: who does not ask for the next part is slow himself. */
  rest(): void {
    if (this.#alarm !== undefined) this.#plan.timers.clear(this.#alarm)
    this.#alarm = undefined
  }

  get #due(): number {
    return Math.min(this.#since + this.#idleMs, this.#last)
  }

  /** Rings when the time is over. */
  #setNext(): void {
    const spanMs = this.#idleMs
    if (this.#since + spanMs <= this.#last) this.#set(this.#since + spanMs, spanMs)
    else this.#alarm = this.#plan.timers.set(this, this.#last, this.#last - this.#since)
  }

  #set(due: number, spanMs: number): void {
    this.rest()
    this.#alarm = this.#plan.timers.set(this, due, spanMs, true)
  }

  ring(_alarm: Alarm, now: number): void {
    this.#alarm = undefined
    // Nobody has begun to read it: the guards hear what is known, and the body stays for whoever comes later.
    if (!this.body.awaited) return this.free()
    const due = this.#due
    if (now < due) return this.#setNext()
    const spanMs = due - this.#since
    this.#stalled(spanMs, due, now - due > lateAfterMs(spanMs))
  }

  /** `late`: the timer came late itself, a pause of our own that says nothing about the server. */
  #stalled(spanMs: number, due: number, late: boolean): void {
    const plan = this.#plan
    const timeoutMs = Math.max(0, Math.round(spanMs))
    const what = due >= this.#last ? 'did not send all of its body in time' : `sent nothing more of its body for ${timeoutMs} ms`
    const error = stackless(() => new TimeoutError(`${show(plan.name)} ${what}`, { policy: 'body', pipeline: plan.name, attempts: this.#number }), plan.stacks)
    if (late) sayNothing(error)
    this.body.broke(error, this)
    if (plan.wants('timeout.expired')) {
      plan.emit('timeout.expired', { call: this.#id, trace: this.#trace, at: plan.clock.now(), policy: 'body', timeoutMs, number: this.#number, verdict: late ? 'ignored' : 'overload' })
    }
  }

  // ── how it ends ──

  /** The attempt that is held was ended. */
  ended(reason: unknown): void {
    this.body.broke(reason, this)
  }

  callerAborted(): void {
    this.body.broke(this.#caller?.reason, this)
  }

  finish(broken: { readonly reason: unknown } | undefined, givenUp: boolean): void {
    this.rest()
    if (this.#caller !== undefined) unlisten(this.#caller, this)
    this.#letGo(givenUp ? { reason: gone } : broken)
  }
}
