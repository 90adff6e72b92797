import { finitePositive, known, notNegative, oneOf, outOfRange, wrongType } from '../core/options.ts'
import type { Outcome } from '../core/verdict.ts'

/** What a back-off may ask for. */
export interface BackoffContext {
  /** The pipeline's chance, 0..1, 1 excluded. */
  readonly random: () => number
  /** What the back-off itself answered last for this call, in ms; 0 before the first retry. */
  readonly previousMs: number
}

/**
 * How long to wait before retry `n` (1 for the first), in ms from 0 on; `Infinity` for not at all. `outcome` is what is to
 * be retried. Synchronous; an answer that is no such number ends the call with a RangeError or TypeError.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- one back-off serves every function of a pipeline
export type Backoff = (n: number, outcome: Outcome<any>, context: BackoffContext) => number

/** `'none'`: the delay as it is. `'equal'`: half of it, and a random share of the other half. `'full'`: a random share of it. */
export type Jitter = 'none' | 'equal' | 'full'
const jitters: readonly Jitter[] = ['none', 'equal', 'full']

const defaults = Object.freeze({
  exponential: { initialMs: 100, factor: 2, maxMs: 10_000, jitter: 'full' as Jitter },
  linear: { initialMs: 100, stepMs: 100, maxMs: 10_000, jitter: 'none' as Jitter },
  decorrelated: { initialMs: 100, maxMs: 10_000 },
})
type Defaults = typeof defaults

export interface ExponentialOptions {
  /** The delay before the first retry, in ms, from 0 on and finite. Default 100. */
  readonly initialMs?: number | undefined
  /** By what each further delay is longer, from 1 on and finite. Default 2. */
  readonly factor?: number | undefined
  /** The longest delay, in ms; at least `initialMs`, `Infinity` for no limit. Default 10 000. */
  readonly maxMs?: number | undefined
  /** Default `'full'`. */
  readonly jitter?: Jitter | undefined
}

/**
 * `initialMs · factor^(n−1)`, at most `maxMs`, then jitter: 100, 200, 400 … 10 000 ms by default, each times a random
 * number of 0..1. Full jitter spreads the clients that failed together: AWS counts 797 calls where the same without
 * jitter needs 1870 (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 */
export function exponential(options?: ExponentialOptions): Backoff {
  const { initialMs, factor, maxMs, jitter } = merged('exponential', options)
  checkSpans('exponential', initialMs, maxMs)
  if (finitePositive('exponential.factor', factor) < 1) outOfRange('exponential.factor', 'a finite number from 1 on', factor)
  const spread = spreader('exponential', jitter)
  // The power overflows from some thousand retries on: MAX_VALUE keeps 0 · Infinity and Infinity · 0 from being NaN.
  return named(`exponential(${initialMs} ms × ${factor}, at most ${maxMs} ms, jitter ${jitter})`, (n, _outcome, { random }) =>
    spread(Math.min(initialMs * Math.min(factor ** (n - 1), Number.MAX_VALUE), maxMs, Number.MAX_VALUE), random))
}

/** Always `ms`, from 0 on. Without jitter: for a few clients, or tests. */
export function constant(ms: number): Backoff {
  finite('constant.ms', ms)
  return named(`constant(${ms} ms)`, () => ms)
}

export interface LinearOptions {
  /** The delay before the first retry, in ms, from 0 on and finite. Default 100. */
  readonly initialMs?: number | undefined
  /** By how much each further delay is longer, in ms, from 0 on and finite. Default 100. */
  readonly stepMs?: number | undefined
  /** The longest delay, in ms; at least `initialMs`, `Infinity` for no limit. Default 10 000. */
  readonly maxMs?: number | undefined
  /** Default `'none'`. */
  readonly jitter?: Jitter | undefined
}

/** `initialMs + (n−1) · stepMs`, at most `maxMs`: 100, 200, 300 … 10 000 ms by default. */
export function linear(options?: LinearOptions): Backoff {
  const { initialMs, stepMs, maxMs, jitter } = merged('linear', options)
  checkSpans('linear', initialMs, maxMs)
  finite('linear.stepMs', stepMs)
  const spread = spreader('linear', jitter)
  return named(`linear(${initialMs} ms + ${stepMs} ms, at most ${maxMs} ms, jitter ${jitter})`, (n, _outcome, { random }) =>
    spread(Math.min(initialMs + (n - 1) * stepMs, maxMs, Number.MAX_VALUE), random))
}

export interface DecorrelatedOptions {
  /** The shortest delay, in ms, over 0 and finite. Default 100. */
  readonly initialMs?: number | undefined
  /** The longest delay, in ms; at least `initialMs`, `Infinity` for no limit. Default 10 000. */
  readonly maxMs?: number | undefined
}

/**
 * A random delay between `initialMs` and three times the previous one, at most `maxMs`: the first is 100 to 300 ms by
 * default. Grows like exponential, and no two clients alike. Source: "decorrelated jitter" of the AWS article at {@link exponential}.
 */
export function decorrelated(options?: DecorrelatedOptions): Backoff {
  const { initialMs, maxMs } = merged('decorrelated', options)
  finitePositive('decorrelated.initialMs', initialMs)
  checkSpans('decorrelated', initialMs, maxMs)
  return named(`decorrelated(${initialMs} ms, at most ${maxMs} ms)`, (_n, _outcome, { random, previousMs }) => {
    const longest = Math.min(3 * Math.max(initialMs, previousMs), Number.MAX_VALUE)
    return Math.min(maxMs, initialMs + random() * (longest - initialMs))
  })
}

function merged<O extends keyof Defaults>(owner: O, options: { [K in keyof Defaults[O]]?: Defaults[O][K] | undefined } | undefined): Defaults[O] {
  return { ...defaults[owner], ...known<object>(owner, options, Object.keys(defaults[owner]) as never[]) }
}

function checkSpans(owner: string, initialMs: number, maxMs: number): void {
  finite(`${owner}.initialMs`, initialMs)
  if (notNegative(`${owner}.maxMs`, maxMs) < initialMs) outOfRange(`${owner}.maxMs`, `at least ${owner}.initialMs (${initialMs})`, maxMs)
}

function finite(option: string, value: number): void {
  if (notNegative(option, value) === Infinity) outOfRange(option, 'a finite number from 0 on', value)
}

function spreader(owner: string, jitter: Jitter): (ms: number, random: () => number) => number {
  oneOf(`${owner}.jitter`, jitter, jitters)
  if (jitter === 'full') return (ms, random) => random() * ms
  if (jitter === 'equal') return (ms, random) => ms / 2 + random() * (ms / 2)
  return (ms) => ms
}

/** The name is what `describe()` shows, also as JSON. */
function named(name: string, backoff: Backoff): Backoff {
  return Object.defineProperties(backoff, { name: { value: name }, toJSON: { value: () => name } })
}

/** What a back-off answered, if it is a delay. */
export function checkedDelay(ms: unknown): number {
  if (typeof ms !== 'number') wrongType('the delay that retry.backoff returned', 'a number from 0 on', ms)
  return ms >= 0 ? ms : outOfRange('the delay that retry.backoff returned', 'a number from 0 on', ms)
}
