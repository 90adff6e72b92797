import type { Attempt } from '../core/attempt.ts'
import type { TryResult } from '../core/outcome.ts'
import type { CallOptions } from '../core/call-options.ts'
import type { EventType, Undo } from '../core/events.ts'
import type { Pipeline, Work } from '../core/pipeline.ts'
import { Family } from './family.ts'
import type { KeyedAnyEvent, KeyedListener, KeyedOptions } from './options.ts'

/** One pipeline per key: see {@link keyed}. */
export interface Keyed<Adds = never> extends AsyncDisposable, Iterable<[key: string, pipeline: Pipeline<Adds>]> {
  /** How many keys have a pipeline of their own: never more than `max`. The overflow pipeline is not counted. */
  readonly size: number
  /**
   * Runs `fn` in the pipeline of `key`, which is made if there is none. As `run` of a pipeline; `call.key` is `key` unless the options of the
   * call say another. Rejects with what the factory threw, and with a `TypeError` for a key that is no string; never throws synchronously.
   * Adds no promise to that of the pipeline: for a key that is there, a look-up and a clock read.
   */
  run<T>(key: string, fn: Work<T>, call?: CallOptions | Attempt): Promise<T | Adds>
  /** As `run`, but never rejects: `{ ok, value | error, attempts }`. */
  tryRun<T>(key: string, fn: Work<T>, call?: CallOptions | Attempt): Promise<TryResult<T | Adds>>
  /**
   * The pipeline that the key has now; `undefined` if it has none: this makes none, and does not count as use. Whoever holds it may go on with it
   * after it was evicted or deleted; a `run(key)` then makes another one.
   */
  get(key: string): Pipeline<Adds> | undefined
  /**
   * Forgets the key's pipeline and what it has learned; the next `run(key)` makes a new one. It is not closed: what runs or waits in it
   * finishes, and is heard by the listeners. False when there was none.
   */
  delete(key: string): boolean
  /** The keys that have a pipeline of their own, in the order in which those were made. */
  keys(): IterableIterator<string>
  entries(): IterableIterator<[key: string, pipeline: Pipeline<Adds>]>
  /**
   * One subscription for all keys, present and future, the overflow included. Events say the name of the pipeline and the `key` it is kept for.
   * Payloads are built only if somebody listens here or at the pipeline. Costs O(keys) when the first listener of a type comes, or the last one goes.
   */
  on<T extends EventType>(type: T, listener: KeyedListener<T>): Undo
  on(type: '*', listener: (event: KeyedAnyEvent) => void): Undo
  /**
   * Closes all pipelines, those included that were removed and still run calls, and makes no further ones: a new key is refused with a
   * `PipelineClosedError`. As `close` of a pipeline.
   * @returns how many calls were still running when the grace was over: 0 is a clean end
   */
  close(options?: { readonly graceMs?: number | undefined }): Promise<number>
}

/** What pipelines of this type answer in the function's place. */
export type AddedBy<P> = P extends Pipeline<infer Adds> ? Adds : never

/**
 * One pipeline per tenant, host or shard, so that a bad one trips its own breaker and not that of the others. Pipelines are made when
 * a key is first used, and at most `max` are kept. When a further key comes, the one that has been at rest longest makes room, if it has
 * been so for `idleMs` and would lose nothing: never one with calls that run, queue or back off, with a breaker that is not closed, or
 * with a policy that says it is `busy()`, or is under pressure. If there is none, the key is served by the overflow pipeline, together with all others
 * that found no room: they share its breaker and slots until there is room for them.
 *
 * Retry budgets made in the factory share one floor: `minPerSecond` stays what it is, per process, however many keys there are. Each key
 * earns its own `ratio` part.
 *
 * No timer. Making room is amortised O(1).
 *
 * @param factory makes the pipeline of a key, and with the key `options.overflow` (`'*'`) that of the overflow: a new one each time, all
 * on one clock. What it throws is what `run` rejects with; the next `run` of the key asks it again
 * @throws TypeError, RangeError naming the option, the rule and the value
 */
export function keyed<P extends Pipeline<unknown>>(factory: (key: string) => P, options?: KeyedOptions): Keyed<AddedBy<P>> {
  return new Family(factory, options) as unknown as Keyed<AddedBy<P>>
}
