import type { Priority } from './attempt.ts'
import { type OnInternalError, quieted, reportToConsole } from './hooks.ts'
import type { EndedBy, Verdict } from './verdict.ts'

/** What every event says. `at` is ms on the pipeline's clock. */
export interface EventBase {
  /** The pipeline it happened in; for a state event heard at the policy itself, the pipeline that folded it first. */
  readonly pipeline: string
  readonly at: number
}

export interface PolicyEventBase extends EventBase {
  readonly policy: string
}

export interface CallEventBase extends EventBase {
  /** The call's id. */
  readonly call: string
  /** The id of its trace, where it belongs to one. */
  readonly trace?: string | undefined
}

export interface BreakerEventBase extends PolicyEventBase {
  readonly from: 'closed' | 'open' | 'halfOpen' | 'isolated'
}

/** The one typed map: `room.happened` in the past tense, flat payloads, numbers with units. */
export interface EventMap {
  /** A call was answered, and everything that its guards still had to learn of it is known. */
  'call.settled': CallEventBase & {
    readonly ok: boolean
    readonly verdict: Verdict
    readonly endedBy: EndedBy
    readonly attempts: number
    readonly durationMs: number
    readonly priority: Priority
    readonly operation: string | undefined
    /** The error's name, and its code if it has one; `undefined` when ok. */
    readonly error: string | undefined
    readonly code: string | undefined
  }
  /** An attempt that ran the user's function is settled. */
  'attempt.settled': CallEventBase & {
    readonly number: number
    readonly verdict: Verdict
    readonly endedBy: EndedBy
    readonly durationMs: number
  }
  /** A guard refused an attempt. */
  'call.refused': CallEventBase & RefusalFacts
  /** A guard in `mode: 'observe'` would have refused. */
  'refusal.observed': CallEventBase & RefusalFacts
  'timeout.expired': CallEventBase & { readonly policy: string; readonly timeoutMs: number; readonly number: number; readonly verdict: Verdict }
  'retry.scheduled': CallEventBase & { readonly policy: string; readonly number: number; readonly delayMs: number; readonly verdict: Verdict }
  /** A failure was not tried again, though attempts were left. */
  'retry.stopped': CallEventBase & {
    readonly policy: string
    /** It must not run twice; the server asked for a longer wait than `maxRetryAfterMs`; the back-off was endless; it did not fit the deadline; the next attempt was refused. */
    readonly reason: 'notIdempotent' | 'retryAfter' | 'backoff' | 'deadline' | 'refused'
    readonly verdict: Verdict
  }
  'retry.exhausted': CallEventBase & { readonly policy: string; readonly attempts: number; readonly verdict: Verdict }
  'budget.exhausted': CallEventBase & { readonly policy: string; readonly verdict: Verdict }
  'fallback.used': CallEventBase & { readonly policy: string; readonly verdict: Verdict }
  'breaker.opened': BreakerEventBase & {
    /** Such as `62 % of 41 calls in 10 s failed`. */
    readonly reason: string
    readonly breakMs: number
    readonly opensInARow: number
  }
  'breaker.halfOpened': BreakerEventBase
  'breaker.closed': BreakerEventBase & { readonly openedForMs: number }
  'breaker.isolated': BreakerEventBase
  /** An adaptive limit has moved by at least a tenth, or reached a bound. */
  'limit.changed': PolicyEventBase & { readonly limit: number; readonly from: number; readonly inFlight: number }
  /** The share of a throttle has come to less than two thirds or more than one and a half of what was told last, or is 1 again. */
  'throttle.changed': PolicyEventBase & {
    /** The share of the offered calls that may pass now, 0..1, and the one told before. */
    readonly allow: number
    readonly from: number
    /** What part of the calls that were sent lately was accepted, 0..1. */
    readonly acceptance: number
  }
  /** Another priority is the most important one of which calls are refused. A fall is told when it has lasted for 1 s. */
  'shed.changed': PolicyEventBase & {
    readonly level: Priority | 'none'
    readonly from: Priority | 'none'
    /** 0..1 both. */
    readonly pressure: number
    readonly share: number
  }
  /** Calls have begun to wait until all is well, or to be let go, or none waits any more. */
  'park.changed': PolicyEventBase & {
    readonly state: 'idle' | 'parking' | 'releasing'
    readonly from: 'idle' | 'parking' | 'releasing'
    /** How many wait now; how many ever did, and how many of those were let go. */
    readonly queued: number
    readonly parked: number
    readonly released: number
  }
  'policy.warned': PolicyEventBase & { readonly message: string }
}

export interface RefusalFacts {
  readonly policy: string
  readonly reason: string
  /** The name of the error that it becomes, such as `BreakerOpenError`. */
  readonly error: string
  readonly priority: Priority
  readonly retryAfterMs: number | undefined
}

export type EventType = keyof EventMap
export type Listener<T extends EventType> = (event: EventMap[T] & { readonly type: T }) => void
/** Any event, told apart by `type`. */
export type AnyEvent = { [T in EventType]: EventMap[T] & { readonly type: T } }[EventType]
export type AnyListener = (event: AnyEvent) => void
/** Undoes what returned it. Calling it again does nothing. */
export type Undo = () => void

export interface Subscribable {
  on<T extends EventType>(type: T, listener: Listener<T>): Undo
  on(type: '*', listener: AnyListener): Undo
}

/** Facts of an event that the emitter itself does not know. */
export type Payload<T extends EventType> = Omit<EventMap[T], 'pipeline'>

// State changes first, listeners after: while a stage runs its loop, events wait here.
let loops = 0
let draining = false
const waiting: (() => void)[] = []

/** Holds events back until the matching {@link endLoop}. */
export function beginLoop(): void {
  loops++
}

export function endLoop(): void {
  loops--
  if (waiting.length > 0) drain()
}

/** Delivers now, or when its turn comes. */
function atOnce(deliver: () => void): void {
  waiting.push(deliver)
  drain()
}

function drain(): void {
  if (loops > 0 || draining) return
  draining = true
  try {
    // A listener may cause further events: they queue up behind.
    for (let deliver = waiting.shift(); deliver !== undefined; deliver = waiting.shift()) deliver()
  } finally {
    draining = false
  }
}

/**
 * Where listeners register. `wants` is asked before a payload is made. A policy's events are forwarded to the events of
 * the pipelines that have a listener, under each pipeline's own name.
 */
export class Events implements Subscribable {
  /** Reports what a listener threw. */
  onInternalError: OnInternalError = reportToConsole
  #listeners: Map<string, ((event: never) => void)[]> | undefined
  #forwards: Set<Events> | undefined

  /** @param pipeline its name, put into every payload; a policy's is set when a pipeline first folds it */
  constructor(public pipeline: string = '') {}

  on<T extends EventType>(type: T, listener: Listener<T>): Undo
  on(type: '*', listener: AnyListener): Undo
  on(type: string, listener: (event: never) => void): Undo {
    if (typeof listener !== 'function') throw new TypeError(`on("${type}") takes a function`)
    this.#listeners ??= new Map()
    // Copied on change, so that an event being told goes to those who listened when it happened; a copy of the
    // listener, so that one function registered twice is told twice and undone once.
    const entry = (event: never): void => listener(event)
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), entry])
    this.onChange?.()
    return () => {
      const left = this.#listeners?.get(type)?.filter((one) => one !== entry) ?? []
      if (left.length > 0) this.#listeners?.set(type, left)
      else this.#listeners?.delete(type)
      if (this.#listeners?.size === 0) this.#listeners = undefined
      this.onChange?.()
    }
  }

  /** Called when a listener has come or gone. */
  onChange: (() => void) | undefined

  get heard(): boolean {
    return this.#listeners !== undefined
  }

  wants(type: EventType): boolean {
    const listeners = this.#listeners
    if (listeners !== undefined && (listeners.has(type) || listeners.has('*'))) return true
    if (this.#forwards !== undefined) for (const forward of this.#forwards) if (forward.wants(type)) return true
    return false
  }

  /** Tells an event: at once, or after the stage's loop that is running. */
  emit<T extends EventType>(type: T, payload: Payload<T>): void {
    atOnce(() => this.#tell(type, payload))
  }

  /** As `emit`, for an event that is whole: what happens once per call is not copied (200 of 900 ns). Not for what is forwarded. */
  send<T extends EventType>(event: EventMap[T] & { readonly type: T }): void {
    atOnce(() => this.#deliver(event))
  }

  forward(to: Events): void {
    this.#forwards ??= new Set()
    this.#forwards.add(to)
  }

  unforward(to: Events): void {
    this.#forwards?.delete(to)
    if (this.#forwards?.size === 0) this.#forwards = undefined
  }

  #tell<T extends EventType>(type: T, payload: Payload<T>): void {
    const listeners = this.#listeners
    if (listeners !== undefined) {
      this.#deliver({ type, pipeline: this.pipeline, ...payload } as unknown as AnyEvent)
    }
    if (this.#forwards !== undefined) for (const to of this.#forwards) if (to.wants(type)) to.#tell(type, payload)
  }

  #deliver(event: { readonly type: EventType }): void {
    // Whoever comes or goes meanwhile does so in a list of its own.
    const listeners = this.#listeners
    const some = listeners?.get(event.type)
    const all = listeners?.get('*')
    if (some !== undefined) this.#each(some, event)
    if (all !== undefined) this.#each(all, event)
  }

  #each(listeners: readonly ((event: never) => void)[], event: { readonly type: EventType }): void {
    for (const listener of listeners) {
      try {
        const said: unknown = listener(event as never)
        if (said !== undefined) quieted(said, this.onInternalError)
      } catch (error) {
        this.onInternalError(error)
      }
    }
  }
}

/** A policy's side of {@link Events}. */
export type PolicyEvents = Events
