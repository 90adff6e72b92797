import { count, known, nameOf, notNegative, oneOf, outOfRange, positive, ratio, wrongType } from '../core/options.ts'
import { type Mode, modes } from '../core/policy.ts'

export interface BreakerOptions {
  /** What events, errors, metrics and `describe()` call it. Default `'breaker'`. */
  readonly name?: string | undefined
  /** Opens when at least this share of the window's results failed: 0..1. 1 opens when all failed, 0 at the first failure once there are `minimumThroughput` results. Default 0.5. */
  readonly failureRatio?: number | undefined
  /**
   * How many results the window must hold before a ratio is looked at: a whole number, per process. Default 20, or `windowCalls`
   * where that is less. With Infinity no ratio is ever looked at, only `consecutive`.
   */
  readonly minimumThroughput?: number | undefined
  /** Ratios are taken over the results of the last so many ms: over 0; Infinity forgets nothing. Default 10 000. Not together with `windowCalls`. */
  readonly windowMs?: number | undefined
  /** Instead of `windowMs`: ratios are taken over the last so many results, 1..1 000 000 (a byte each). */
  readonly windowCalls?: number | undefined
  /** Opens after so many failures in a row as well, whatever the ratio: a whole number from 1 on. Default Infinity: off. */
  readonly consecutive?: number | undefined
  /** A result that took at least so many ms, waits in queues not counted, is slow: from 0 on. Default Infinity: off. */
  readonly slowMs?: number | undefined
  /** Opens when at least this share of the window's results was slow: 0..1. Default 0.5. Matters only with `slowMs`. */
  readonly slowRatio?: number | undefined
  /**
   * How long it rests when it opens, in ms, over 0. Default 5 000. It doubles each time that it opens again without having closed,
   * up to `maxBreakMs`, and is spread by ±20 % (× (0.8 + 0.4·random)), so that a fleet does not come back at one moment.
   * Infinity: until `close()` or `reset()`. Or a function of how often it has opened in a row (from 1 on), whose answer
   * (ms, from 0 on) is used as returned; should it throw or answer anything else, that is told to the pipeline's
   * `onInternalError` and the default is used.
   */
  readonly breakMs?: number | ((opensInARow: number) => number) | undefined
  /** The longest break in ms, however often it has opened and whatever the dependency asks for (Retry-After): at least `breakMs`. Default 60 000, or `breakMs` where that is more. */
  readonly maxBreakMs?: number | undefined
  /**
   * What happens once the probes have succeeded. `'close'` lets all pass at once; `'ramp'` a tenth of the calls, then about twice as many every two seconds as
   * long as hardly any fails: for a dependency that comes back cold, or that a whole fleet waits for. Default `'close'`.
   */
  readonly recovery?: 'close' | 'ramp' | undefined
  /** The trial attempts after the break. */
  readonly probes?: BreakerProbes | undefined
  /**
   * `'enforce'` (default) refuses; `'observe'` works as usual, but only tells `refusal.observed` where it would refuse, and
   * exerts no pressure (a dry run); `'off'` admits everything and learns nothing. Live, by `update`.
   */
  readonly mode?: Mode | undefined
}

export interface BreakerProbes {
  /** How many probes must succeed for it to close: a whole number from 1 on. Default 1. */
  readonly total?: number | undefined
  /** How many probes may be out at a time: a whole number from 1 on. Default 1. */
  readonly concurrent?: number | undefined
  /**
   * After so many ms, over 0, a probe that has not ended is given up: it decides nothing any more, and another may pass. Give it longer
   * than a call may take. Default: `breakMs`; where that is a function, the break that has just ended.
   */
  readonly leaseMs?: number | undefined
}

/** Effective options, defaults included. Just one of `windowMs` and `windowCalls` is there. */
export interface BreakerSettings {
  readonly name: string
  readonly failureRatio: number
  readonly minimumThroughput: number
  readonly windowMs: number | undefined
  readonly windowCalls: number | undefined
  readonly consecutive: number
  readonly slowMs: number
  readonly slowRatio: number
  readonly breakMs: number | ((opensInARow: number) => number)
  readonly maxBreakMs: number
  readonly recovery: 'close' | 'ramp'
  /** Without `leaseMs` a lease is as long as the break before it. */
  readonly probes: { readonly total: number; readonly concurrent: number; readonly leaseMs: number | undefined }
  readonly mode: Mode
}

interface Defaults extends Omit<BreakerSettings, 'windowCalls' | 'windowMs' | 'breakMs' | 'probes'> {
  readonly windowMs: number
  readonly breakMs: number
  readonly probes: { readonly total: number; readonly concurrent: number }
}

export const defaults: Defaults = Object.freeze({
  name: 'breaker',
  failureRatio: 0.5,
  minimumThroughput: 20,
  windowMs: 10_000,
  consecutive: Infinity,
  slowMs: Infinity,
  slowRatio: 0.5,
  breakMs: 5_000,
  maxBreakMs: 60_000,
  recovery: 'close',
  probes: Object.freeze({ total: 1, concurrent: 1 }),
  mode: 'enforce',
})

const keys = ['name', 'failureRatio', 'minimumThroughput', 'windowMs', 'windowCalls', 'consecutive', 'slowMs', 'slowRatio', 'breakMs', 'maxBreakMs', 'recovery', 'probes', 'mode'] as const
const probeKeys = ['total', 'concurrent', 'leaseMs'] as const
const MOST_CALLS = 1_000_000

/** What a user said: nothing in it is `undefined`. */
export type Stated = { readonly [K in keyof BreakerOptions]?: Exclude<BreakerOptions[K], undefined> }

/** What the user says, over what he said `before`: a copy, its keys checked, its values not yet. */
export function stated(options: BreakerOptions | undefined, before: Stated = {}): Stated {
  const said = known('breaker', options, keys) as Stated
  const probes = known('breaker.probes', said.probes, probeKeys)
  const bothWindows = said.windowMs !== undefined && said.windowCalls !== undefined
  if (bothWindows) wrongType('breaker.windowCalls', 'left out where windowMs is given', said.windowCalls)
  const kept: { -readonly [K in keyof Stated]: Stated[K] } = { ...before }
  // One kind of window replaces the other.
  if (said.windowMs !== undefined) delete kept.windowCalls
  if (said.windowCalls !== undefined) delete kept.windowMs
  return { ...kept, ...said, probes: { ...before.probes, ...probes } }
}

/** What is in force: checked, with its defaults, frozen. */
export function settings(said: Stated): BreakerSettings {
  const { windowCalls } = said
  const all = { ...defaults, ...said }
  const { breakMs, minimumThroughput } = all
  const { total, concurrent, leaseMs }: BreakerProbes = { ...defaults.probes, ...said.probes }
  if (typeof breakMs !== 'number' && typeof breakMs !== 'function') wrongType('breaker.breakMs', 'a number over 0 or a function', breakMs)
  const leastMs = typeof breakMs === 'number' ? positive('breaker.breakMs', breakMs) : 0
  const maxBreakMs = positive('breaker.maxBreakMs', said.maxBreakMs ?? Math.max(defaults.maxBreakMs, leastMs))
  if (maxBreakMs < leastMs) outOfRange('breaker.maxBreakMs', `at least breakMs (${leastMs})`, maxBreakMs)
  if (windowCalls !== undefined && count('breaker.windowCalls', windowCalls, 1) > MOST_CALLS) outOfRange('breaker.windowCalls', `at most ${MOST_CALLS}`, windowCalls)
  count('breaker.minimumThroughput', minimumThroughput)
  return Object.freeze({
    name: nameOf('breaker.name', all.name),
    failureRatio: ratio('breaker.failureRatio', all.failureRatio),
    // Above the window it could never be reached. Infinity means what it says.
    minimumThroughput: windowCalls === undefined || minimumThroughput === Infinity ? minimumThroughput : Math.min(minimumThroughput, windowCalls),
    windowMs: windowCalls === undefined ? positive('breaker.windowMs', all.windowMs) : undefined,
    windowCalls,
    consecutive: count('breaker.consecutive', all.consecutive, 1),
    slowMs: notNegative('breaker.slowMs', all.slowMs),
    slowRatio: ratio('breaker.slowRatio', all.slowRatio),
    breakMs,
    maxBreakMs,
    recovery: oneOf('breaker.recovery', all.recovery, ['close', 'ramp']),
    probes: Object.freeze({
      total: count('breaker.probes.total', total, 1),
      concurrent: count('breaker.probes.concurrent', concurrent, 1),
      leaseMs: leaseMs === undefined ? leastMs || undefined : positive('breaker.probes.leaseMs', leaseMs),
    }),
    mode: oneOf('breaker.mode', all.mode, modes),
  })
}
