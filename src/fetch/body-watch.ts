import type { AttemptRecord, Held } from '../core/attempt.ts'
import { type Called, listen, unlisten } from '../core/caller-signal.ts'
import type { Plan } from '../core/plan.ts'
import { lateAfterMs } from '../core/stage.ts'
import type { Alarm, Ringable } from '../core/timers.ts'
import type { Branch } from './branch.ts'
import { Holders } from './holders.ts'
import { tellStalled } from './stalled.ts'

/** What bounds one body, and whose it is. */
export interface BodyBounds {
  readonly plan: Plan
  /** Of the call. */
  readonly id: string
  /** Of the attempt. */
  readonly number: number
  /** Between two chunks, in ms; read anew for each, because a timeout can be changed. */
  readonly idleMs: () => number
  /** After so many ms in which nobody has begun to read, whoever holds is let go. */
  readonly unreadMs: number
  /** Of all that encloses the attempt, on the pipeline's clock. While an attempt is held its stages see to that. */
  readonly deadline: number
  /** The caller's signal. */
  readonly caller: AbortSignal | undefined
  /** A Request follows its maker's signal only while it is there itself. */
  readonly input: unknown
}

/**
 * The body of one response: knows when it has ended or is let go, breaks it off when it stalls, and tells whoever holds. It knows
 * neither the streams that the user has nor the call whose answer they are, so that what the user drops can be collected.
 */
export class BodyWatch implements Ringable, Called, Held {
  /** fetch's own stream, and one for each clone. */
  readonly branches: Set<Branch> = new Set()
  /** Why it was broken off. */
  broken: { readonly reason: unknown } | undefined = undefined
  #over = false
  /** How many wait for a chunk. */
  #reads = 0
  #begun = false
  /** Read from since it was asked last. */
  #alive = false
  #alarm: Alarm | undefined = undefined
  readonly #holders: Holders = new Holders()

  constructor(readonly bounds: BodyBounds) {}

  // ── who holds ──

  /** The guards of an attempt wait for the end of the body. */
  hold(attempt: AttemptRecord): void {
    if (this.#over) return
    this.#holders.add(attempt, this)
    const { unreadMs, plan } = this.bounds
    if (this.#begun || this.#alarm !== undefined || unreadMs === Infinity) return
    this.#alarm = plan.timers.set(this, plan.clock.now() + unreadMs, unreadMs, true)
  }

  /** Nobody holds: only the caller's signal and the bounds of each read count. */
  free(): void {
    this.#holders.letGo()
    const { caller } = this.bounds
    if (this.#over || caller === undefined) return
    if (caller.aborted) this.callerAborted()
    else listen(caller, this)
  }

  /** Asked when `abandonAfterMs` have passed. */
  inUse(): boolean {
    const used = this.#reads > 0 || this.#alive
    this.#alive = false
    if (!used) this.free()
    return used
  }

  // ── reading ──

  /** Somebody waits for the next chunk: from here on the server is on time or late. */
  reading(): void {
    if (this.broken !== undefined) throw this.broken.reason
    this.#begun = this.#alive = true
    this.#reads++
    this.#arm()
  }

  /** The chunk came. Who does not ask for the next one is slow himself. */
  came(): void {
    this.#reads--
    this.#arm()
  }

  #arm(): void {
    const { idleMs, deadline, plan } = this.bounds
    const { timers, clock } = plan
    if (this.#alarm !== undefined) timers.clear(this.#alarm)
    this.#alarm = undefined
    if (this.#reads === 0 || this.#over) return
    const span = idleMs()
    const bound = this.#holders.some ? Infinity : deadline
    if (span === Infinity && bound === Infinity) return
    const now = clock.now()
    this.#alarm = now + span <= bound ? timers.set(this, now + span, span, true) : timers.set(this, bound, bound - now)
  }

  // ── how it ends ──

  ring(alarm: Alarm, now: number): void {
    this.#alarm = undefined
    // Nobody has begun to read it: the guards hear what is known, and the body stays for whoever comes later.
    if (this.#reads === 0) this.free()
    else tellStalled(this.bounds, alarm, now - alarm.due > lateAfterMs(alarm.spanMs), (reason) => this.broke(reason))
  }

  /** An attempt that holds was ended. */
  ended(reason: unknown): void {
    this.broke(reason)
  }

  callerAborted(): void {
    this.broke(this.bounds.caller?.reason)
  }

  /** It failed, or is broken off; the first one says why. Answers what a reader is told. */
  broke(reason: unknown): unknown {
    if (this.broken !== undefined) return this.broken.reason
    if (this.#over) return reason
    const broken = (this.broken = { reason })
    this.#finish(broken)
    if (this.branches.size === 1) this.#breakOff(reason)
    else void this.#breakOffLater(reason)
    return reason
  }

  #breakOff(reason: unknown): void {
    for (const branch of this.branches) branch.breakOff(reason)
  }

  /** Clones hear of an aborted request some turns late; undici throws what a cancelled clone says before that at nobody. */
  async #breakOffLater(reason: unknown): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await Promise.resolve()
    this.#breakOff(reason)
  }

  /** All of it has come. */
  end(): void {
    if (!this.#over) this.#finish()
  }

  /** Nobody will read this one to its end. */
  leave(branch: Branch): void {
    this.branches.delete(branch)
    if (this.branches.size === 0) this.end()
  }

  #finish(broken?: { readonly reason: unknown }): void {
    this.#over = true
    this.#arm()
    if (this.bounds.caller !== undefined) unlisten(this.bounds.caller, this)
    this.#holders.letGo(broken)
  }
}
