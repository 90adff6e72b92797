import type { EventMap, EventType } from '../core/events.ts'
import { count, type Effective, known, notNegative, wrongType } from '../core/options.ts'
import { checkObservers } from '../core/pipeline.ts'
import type { Observer } from '../core/observer.ts'

export interface KeyedOptions {
  /** How many keys have a pipeline of their own at most: a whole number from 0 on; `Infinity` for no limit. Default 1 000. */
  readonly max?: number | undefined
  /**
   * How long in ms a pipeline must have been at rest before another key may have its place, from 0 on; `Infinity` for never. It counts
   * from the end of its last call. Only looked at when a new key comes and `max` is reached. Default 60 000.
   */
  readonly idleMs?: number | undefined
  /** The key of the pipeline that serves the others together when `max` keys are in use. Default `'*'`. */
  readonly overflow?: string | undefined
  /** Recorders of the calls, attempts and events of all keys, beside those that a pipeline has itself. `call.key` and `event.key` say which. */
  readonly observers?: readonly KeyedObserver[] | undefined
}

/** An observer whose events say the key. */
export type KeyedObserver = Omit<Observer, 'event'> & { event?(event: KeyedAnyEvent): void }

type Event<T extends EventType> = EventMap[T] & { readonly type: T, readonly key: string }
/** Any event, told apart by `type`, with the key of the pipeline it happened in. */
export type KeyedAnyEvent = { [T in EventType]: Event<T> }[EventType]
export type KeyedListener<T extends EventType> = (event: Event<T>) => void

const defaults: Effective<KeyedOptions> = Object.freeze({ max: 1_000, idleMs: 60_000, overflow: '*', observers: Object.freeze([]) })

const keys = ['max', 'idleMs', 'overflow', 'observers'] as const

/** What is in force: checked, with its defaults. */
export function keyedOptions(said: KeyedOptions | undefined): Effective<KeyedOptions> {
  const { max, idleMs, overflow, observers } = { ...defaults, ...known('keyed', said, keys) } as Effective<KeyedOptions>
  if (typeof overflow !== 'string') wrongType('keyed.overflow', 'a string', overflow)
  checkObservers('keyed.observers', observers as readonly Observer[])
  return Object.freeze({ max: count('keyed.max', max), idleMs: notNegative('keyed.idleMs', idleMs), overflow, observers: [...observers] })
}
