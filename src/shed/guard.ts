import { type Attempt, priorities, type Priority } from '../core/attempt.ts'
import { ShedError } from '../core/errors.ts'
import { type AnyListener, Events, type EventType, type Listener, type Undo } from '../core/events.ts'
import { type Host, type Mode, observed, type Policy, refuse, type Refusal, unguarded } from '../core/policy.ts'
import type { Settled } from '../core/verdict.ts'
import { Filling } from './filling.ts'
import { Level } from './level.ts'
import { settings, type ShedOptions, type ShedSettings, type Stated, stated } from './options.ts'
import type { Shed } from './shed.ts'
import { Sources } from './sources.ts'
import { Table } from './table.ts'
import { threshold } from './thresholds.ts'
import { warnings } from './warnings.ts'
import { say } from './words.ts'

const NONE = priorities.length

/** Asks how near its limits the pipeline is, and refuses the least important first. */
export class ShedGuard implements Shed {
  readonly kind = 'guard'
  readonly type = 'shed'
  readonly name: string
  readonly events: Events = new Events()
  options: ShedSettings
  offered = 0
  refused = 0
  #said: Stated
  #host: Host | undefined
  #load!: Sources
  #share!: Sources
  #table: Table | undefined
  readonly #filling = new Filling(() => this.#random())
  readonly #level = new Level(NONE)
  /** The permit of every attempt: what there is to undo, its priority says. */
  readonly #permit: object = {}

  constructor(options: ShedOptions | undefined) {
    this.#said = stated(options)
    this.options = settings(this.#said)
    this.name = this.options.name
    this.#ready()
  }

  bind(host: Host): void {
    this.#host = host
  }

  get keepsNothing(): true {
    return true
  }

  // ── the hooks ──

  admit(attempt: Attempt): object | Refusal {
    const { mode } = this.options
    if (mode === 'off') return unguarded
    this.offered++
    const refusal = this.#ask(attempt)
    if (refusal === undefined) return this.#permit
    this.refused++
    return mode === 'enforce' ? refusal : observed(attempt, refusal)
  }

  settle(permit: object, { verdict }: Settled, attempt: Attempt): void {
    if (permit !== this.#permit || verdict !== 'unused') return
    this.#filling.refund(priorities.indexOf(attempt.priority))
    if (this.#table !== undefined) this.#table.refund(this.#table.share(attempt).kind)
  }

  pressure(): number {
    if (this.mode !== 'enforce' || this.options.load.length === 0) return 0
    // Read anew: who asks may be what keeps calls from coming here.
    return this.#host === undefined ? this.#load.value : this.#load.read(this.#host.clock.now())
  }

  /** What it knows, one made anew would know as soon. */
  busy(): boolean {
    return false
  }

  warn(list: readonly Policy[]): string[] {
    return warnings(this.options, list)
  }

  // ── who passes ──

  /** `undefined` for who passes. */
  #ask(attempt: Attempt): Refusal | undefined {
    const klass = priorities.indexOf(attempt.priority)
    const { load, share } = this.options
    const asks = load.length > 0 || share !== undefined
    const pressed = this.#host?.pressure(false) ?? 0
    const given = this.#host?.share() ?? 1
    const own = asks ? this.#load.read(attempt.now()) : 0
    const pressure = Math.max(pressed, own)
    const part = share === undefined ? given : Math.min(given, this.#share.read(attempt.now()))
    this.#filling.offer(klass, part, attempt)
    this.#tell(pressure, part, attempt)
    const fixed = this.#table === undefined ? undefined : this.#byTable(this.#table, attempt, pressure)
    if (fixed !== undefined) return fixed
    // A breaker's trial, or one that it waits for.
    if (attempt.probe || this.#host?.probeDue() === true) return undefined
    const { above } = this.options
    if (pressure >= threshold(above, klass, attempt.subLevel)) {
      return refuse(this, ShedError, () => say.pressure(attempt.priority, pressure), pressed >= own ? this.#host?.retryAfterMs() : undefined)
    }
    if (part < 1 && !this.#filling.pass(klass, attempt.subLevel)) return refuse(this, ShedError, () => say.share(attempt.priority, part))
    return undefined
  }

  #byTable(table: Table, attempt: Attempt, pressure: number): Refusal | undefined {
    if (pressure < table.settings.above) return undefined
    const { kind, share } = table.share(attempt)
    if (table.pass(kind, share) || (share > 0 && (attempt.probe || this.#host?.probeDue() === true))) return undefined
    return refuse(this, ShedError, () => say.table(kind, share))
  }

  /** What is refused for pressure or share; what a table says is no news. */
  #tell(pressure: number, share: number, attempt: Attempt): void {
    const { above } = this.options
    let level = priorities.findIndex((priority, klass) => pressure >= above[priority] || (share < 1 && this.#filling.allow[klass]! < 1))
    if (level < 0) level = NONE
    const { told } = this.#level
    if (level === NONE && told === NONE) return
    const at = attempt.now()
    if (!this.#level.note(level, at) || !this.events.wants('shed.changed')) return
    this.events.emit('shed.changed', { policy: this.name, at, level: named(level), from: named(told), pressure, share })
  }

  // ── what it is, and what its owner does ──

  get level(): Priority | 'none' {
    return named(this.#level.told)
  }

  get mode(): Mode {
    return this.options.mode
  }

  on<T extends EventType>(type: T | '*', listener: Listener<T> | AnyListener): Undo {
    return this.events.on(type as T, listener as Listener<T>)
  }

  update(options: Partial<Omit<ShedOptions, 'name'>>): void {
    const said = stated(options, this.#said)
    this.options = settings(said)
    this.#said = said
    this.#ready()
  }

  #ready(): void {
    const { load, share, table } = this.options
    const warn = (message: string): void => {
      const at = this.#host?.clock.now() ?? NaN
      if (this.events.wants('policy.warned')) this.events.emit('policy.warned', { policy: this.name, at, message: `${this.name}: ${message}` })
    }
    this.#load = new Sources('load', load, Math.max, 0, warn)
    this.#share = new Sources('share', share === undefined ? [] : [share], Math.min, 1, warn)
    if (this.#table?.settings !== table) this.#table = table === false ? undefined : new Table(table, () => this.#random())
  }

  #random(): number {
    return this.#host?.random() ?? Math.random()
  }
}

const named = (level: number): Priority | 'none' => priorities[level] ?? 'none'
