import type { Attempt } from '../core/attempt.ts'
import { closedRefusal } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import type { CallOptions } from '../core/call-options.ts'
import type { AnyListener, Undo } from '../core/events.ts'
import { callable, type Effective, known, notNegative, show, wrongType } from '../core/options.ts'
import { type Pipeline, start } from '../core/pipeline.ts'
import { Idle } from './idle.ts'
import { checked, Kept } from './kept.ts'
import { Listening } from './listening.ts'
import { type KeyedOptions, keyedOptions } from './options.ts'

const stateOf = (kept: Kept): ReturnType<Kept['state']> => kept.state()

/** The pipelines of many keys: who is there, who makes room, and what they share. */
export class Family {
  readonly #factory: (key: string) => unknown
  readonly #options: Effective<KeyedOptions>
  readonly #kept = new Map<string, Kept>()
  readonly #idle = new Idle<Kept>()
  /** Removed while calls of theirs ran. */
  readonly #leaving = new Set<Kept>()
  /** Keys whose factory runs. */
  readonly #making = new Set<string>()
  readonly #listening: Listening
  /** The floors of the retry budgets, which all keys share. */
  readonly #floors = new Map<string, unknown>()
  #overflow: Kept | undefined = undefined
  /** That of the first that was made, and of all others. */
  #clock: Clock | undefined = undefined
  #closing = false
  #closed: Promise<number> | undefined = undefined

  constructor(factory: (key: string) => unknown, options: KeyedOptions | undefined) {
    this.#factory = callable('factory of keyed', factory)
    this.#options = keyedOptions(options)
    this.#listening = new Listening(this.#options.observers, () => this.#all())
  }

  get size(): number {
    return this.#kept.size
  }

  run(key: string, fn: unknown, call?: CallOptions | Attempt): Promise<unknown> {
    return this.#start(key, fn, call, false)
  }

  tryRun(key: string, fn: unknown, call?: CallOptions | Attempt): Promise<unknown> {
    return this.#start(key, fn, call, true)
  }

  #start(key: string, fn: unknown, call: CallOptions | Attempt | undefined, trying: boolean): Promise<unknown> {
    const kept = this.#kept.get(key)
    if (kept !== undefined) return start(kept.plan, fn, call, trying)
    try {
      const { plan } = this.#make(key)
      return start(plan, fn, call, trying, plan.call ?? { key })
    } catch (error) {
      return trying ? Promise.resolve({ ok: false, error, attempts: 0 }) : Promise.reject(error as Error)
    }
  }

  // ── who is there ──

  get(key: string): Pipeline<unknown> | undefined {
    return (checkKey(key) === this.#options.overflow ? this.#overflow : this.#kept.get(key))?.pipeline
  }

  delete(key: string): boolean {
    const kept = checkKey(key) === this.#options.overflow ? this.#overflow : this.#kept.get(key)
    if (kept === undefined) return false
    this.#remove(kept)
    return true
  }

  keys(): IterableIterator<string> {
    return this.#kept.keys()
  }

  *entries(): IterableIterator<[string, Pipeline<unknown>]> {
    for (const [key, { pipeline }] of this.#kept) yield [key, pipeline]
  }

  [Symbol.iterator](): IterableIterator<[string, Pipeline<unknown>]> {
    return this.entries()
  }

  *#all(): IterableIterator<Kept> {
    yield* this.#kept.values()
    yield* this.#leaving
    if (this.#overflow !== undefined) yield this.#overflow
  }

  on(type: string, listener: AnyListener): Undo {
    return this.#listening.on(type, listener)
  }

  // ── who comes and goes ──

  /** The pipeline for a key that has none: one of its own, or the overflow. */
  #make(key: string): Kept {
    checkKey(key)
    if (key === this.#options.overflow || this.#place() === undefined) return this.#overflowing()
    const kept = this.#ask(key)
    // Looked for anew: the factory may have run calls of other keys.
    const place = this.#place()
    if (place === undefined) return this.#overflowing()
    if (place !== 'free') this.#remove(place)
    kept.plan.call = { key }
    this.#keep(kept)
    this.#kept.set(key, kept)
    this.#idle.rest(kept, kept.plan.clock.now())
    return kept
  }

  #overflowing(): Kept {
    const { overflow } = this.#options
    if (this.#overflow === undefined) {
      const kept = this.#ask(overflow)
      // Each call says its own key.
      kept.plan.call = undefined
      this.#keep(kept)
      this.#overflow = kept
    }
    return this.#overflow
  }

  /** Where a further key may go: a free place, or that of who has been at rest for `idleMs` and would lose nothing. */
  #place(): Kept | 'free' | undefined {
    const { max, idleMs } = this.#options
    if (this.#kept.size + this.#making.size < max) return 'free'
    return this.#clock && this.#idle.find(this.#clock.now() - idleMs, stateOf)
  }

  /** Asks the factory. */
  #ask(key: string): Kept {
    const factory = this.#factory
    if (this.#making.has(key)) throw new TypeError(`Cannot run ${show(key)}: the factory of keyed is just making its pipeline`)
    this.#checkOpen(key)
    this.#making.add(key)
    try {
      const made = factory(key)
      this.#checkOpen(key)
      return new Kept(key, made as Pipeline<unknown>, checked(made, key, this.#clock), this.#atRest)
    } finally {
      this.#making.delete(key)
    }
  }

  #checkOpen(key: string): void {
    if (this.#closing) throw closedRefusal({ name: key }).toError(key)
  }

  #keep(kept: Kept): void {
    const { plan } = kept
    if (this.#clock === undefined) {
      this.#clock = plan.clock
      this.#listening.events.onInternalError = plan.report
    }
    plan.keeper = kept
    kept.shareFloors(this.#floors)
    this.#listening.hear(kept)
  }

  readonly #atRest = (kept: Kept): void => {
    if (kept.gone) this.#forget(kept)
    else if (kept !== this.#overflow) this.#idle.rest(kept, kept.plan.clock.now())
  }

  /** Its calls finish, and are heard until the last of them has. */
  #remove(kept: Kept): void {
    kept.gone = true
    this.#idle.leave(kept)
    if (kept === this.#overflow) this.#overflow = undefined
    else this.#kept.delete(kept.key)
    if (kept.plan.inFlight > 0) this.#leaving.add(kept)
    else this.#forget(kept)
  }

  #forget(kept: Kept): void {
    this.#leaving.delete(kept)
    this.#listening.silence(kept)
    kept.plan.keeper = undefined
  }

  close(options?: { readonly graceMs?: number | undefined }): Promise<number> {
    const { graceMs } = known('close', options, ['graceMs'])
    if (graceMs !== undefined) notNegative('close.graceMs', graceMs)
    this.#closing = true
    const all = [...this.#all()]
    return (this.#closed ??= Promise.all(all.map(({ pipeline }) => pipeline.close({ graceMs }))).then((left) => left.reduce((sum, n) => sum + n, 0)))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close().then(() => undefined)
  }
}

function checkKey(key: unknown): string {
  return typeof key === 'string' ? key : wrongType('key of keyed', 'a string', key)
}
