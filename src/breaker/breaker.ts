import type { Attempt } from '../core/attempt.ts'
import type { Subscribable, Undo } from '../core/events.ts'
import type { Guard, Refusal } from '../core/policy.ts'
import type { Settled } from '../core/verdict.ts'
import type { BreakerState } from './circuit.ts'
import type { BreakerOptions } from './options.ts'
import type { BreakerSnapshot } from './snapshot.ts'

/**
 * A circuit breaker: see {@link breaker}. One breaker may stand in several pipelines and is then one breaker. The methods
 * that change it take effect at once; results of calls that began before no longer count. Called before a pipeline has
 * folded it they read no clock: a break that they begin starts with the fold, or with the first call, and the `at` of their events is NaN.
 */
export interface Breaker extends Guard, Subscribable {
  /**
   * `'closed'`, `'open'`, `'halfOpen'` or `'isolated'`. Reading it changes nothing: an open breaker whose break is over stays `'open'` until
   * a call comes and is let through as the first probe.
   */
  readonly state: BreakerState
  /** Why it is open or half-open, such as `62 % of 41 calls in 10 s failed`, or isolated; `undefined` when closed. */
  readonly reason: string | undefined
  /** In how many whole ms a probe may pass: 0 when one is due; `undefined` where none is needed (closed) or nobody knows (isolated, all probes out, an endless break). */
  readonly retryAfterMs: number | undefined

  /** What a closed breaker has in its window: completed attempts, how many of them failed, how many were slow. `undefined` in every other state. */
  readonly counted: { readonly calls: number; readonly failed: number; readonly slow: number } | undefined

  /**
   * Shuts it by hand until the returned function is called. Several holders may isolate it; the last to undo ends it. Then it
   * is as it was before: closed, with an empty window, or in its break, which has run on meanwhile.
   */
  isolate(): Undo
  /** Opens it as if it had tripped: for `breakMs`, then a probe decides. If it is open already, its break begins anew. If isolated, once that ends. */
  open(): void
  /** Closes it, with an empty window. If isolated, once that ends. A closed breaker stays as it is, but one that ramps up lets all pass. */
  close(): void
  /** Makes it as if new: closed, nothing counted, all isolations ended. */
  reset(): void

  /** What it has learned, as data that survives JSON. */
  snapshot(): BreakerSnapshot
  /**
   * Takes over a snapshot, on whatever machine and clock. Counts of a window of another length are carried over as far as they fit, those of
   * another kind of window are not. Isolations stay. Throws a TypeError or RangeError that names the field, and then changes nothing.
   */
  restore(snapshot: BreakerSnapshot): void
  /**
   * Changes some options, checked with the others as a whole before anything changes. What was counted stays, as far as the
   * other window has room for it; a break that runs keeps its length. The name cannot change.
   */
  update(options: BreakerOptions): void

  /** For an attempt without a pipeline. A closed breaker gives out one permit for all: settle each admission once. */
  admit(attempt: Attempt): object | Refusal
  /** A permit of an earlier state, or of another guard, changes nothing. */
  settle(permit: object, settled: Settled, attempt: Attempt): void
  /** 1 while a break runs or it is isolated, 0.9 half-open with all probes out, while it ramps up 1 less the share that passes, else 0, and always 0 unless `mode` is `'enforce'`. */
  pressure(): number
  /** The share of the calls that passes while it ramps up after a break (`recovery: 'ramp'`), else 1. */
  share(): number
  /** Whether it is not closed, or ramps up, whatever its `mode`: made anew, it would have forgotten that. */
  busy(): boolean
  /** Whether the next call would be let through as a probe; while it ramps up, whether nothing has passed for a second. */
  probeDue(): boolean
}
