import { priorities, type Priority } from '../core/attempt.ts'
import { count, finitePositive, known, nameOf, notNegative, oneOf, outOfRange, ratio, wrongType } from '../core/options.ts'
import { type Mode, modes } from '../core/policy.ts'

export interface ThrottleOptions {
  /**
   * The share of the calls that may pass, 0..1: `0.3`, or by priority: `{ critical: 1, low: 0.1 }`, where a priority that is not named is not
   * throttled. 0 is absolute: no probe passes either. Default 1. Live, by `update`; what is said there takes the place of all that was said.
   */
  readonly allow?: number | Partial<Readonly<Record<Priority, number>>> | undefined
  /** `true`, or options: it finds out by itself what share the dependency can bear. `allow` holds beside it. Default `false`. */
  readonly adaptive?: boolean | AdaptiveOptions | undefined
  /**
   * Who may pass of an adaptive share. `'priority'` (default): the most important first, as long as there is room. `'evenly'`: the same share of each
   * priority. `'shed'`: all; a `shed` further in refuses for it.
   */
  readonly distribute?: 'priority' | 'evenly' | 'shed' | undefined
  /** How long, in ms, nothing passes after an overload that says so (Retry-After): at most so long, from 0 on. Default 0: it says so in vain. */
  readonly maxRetryAfterMs?: number | undefined
  /**
   * `'enforce'` (default) refuses; `'observe'` tells `refusal.observed` where it would refuse, admits, and learns (a dry run); `'off'` admits everything
   * and learns nothing. Live, by `update`.
   */
  readonly mode?: Mode | undefined
  /** What events, errors, metrics and `describe()` call it. Default `'throttle'`. */
  readonly name?: string | undefined
}

export interface AdaptiveOptions {
  /** `'gain'` (default): a tenth more than is accepted, up to twice as much while nothing is refused. `'sre'`: the formula of the SRE book. */
  readonly algorithm?: 'gain' | 'sre' | undefined
  /** Over which time it counts, in ms, over 0 and finite. Default the larger of 4 000 and 4 × the timeout within, at most 60 000; with `'sre'` 10 000. */
  readonly windowMs?: number | undefined
  /** While fewer calls were offered it holds nothing back; it looks up to 60 s back for them. A whole number from 1 on, finite; per process. Default 20. */
  readonly minimumThroughput?: number | undefined
  /**
   * So many calls per second pass at least while it holds back, over 0 and finite, so that it learns when the dependency is back; and never less than a fiftieth of those
   * offered. Per process: 100 processes send 100 a second to a dependency that is down. Default 1.
   */
  readonly probesPerSecond?: number | undefined
  /** Only with `'sre'`: how many times what was accepted may be sent: from 1 on, finite. Default 2. */
  readonly k?: number | undefined
}

/** Effective options, defaults included. */
export interface ThrottleSettings {
  readonly allow: Readonly<Record<Priority, number>>
  readonly adaptive: AdaptiveSettings | false
  readonly distribute: 'priority' | 'evenly' | 'shed'
  readonly maxRetryAfterMs: number
  readonly mode: Mode
  readonly name: string
}

export interface AdaptiveSettings {
  readonly algorithm: 'gain' | 'sre'
  /** `undefined`: by the timeout. */
  readonly windowMs: number | undefined
  readonly minimumThroughput: number
  readonly probesPerSecond: number
  readonly k: number
}

/** What a user said: nothing in it is `undefined`. */
export type Stated = { readonly [K in keyof ThrottleOptions]?: Exclude<ThrottleOptions[K], undefined> }

const defaults = Object.freeze({ allow: 1, adaptive: false, distribute: 'priority', maxRetryAfterMs: 0, mode: 'enforce', name: 'throttle' } as const)
const adaptiveDefaults = Object.freeze({ algorithm: 'gain', minimumThroughput: 20, probesPerSecond: 1, k: 2 } as const)
const changeable = ['allow', 'adaptive', 'distribute', 'maxRetryAfterMs', 'mode'] as const
const adaptiveKeys = ['algorithm', 'windowMs', 'minimumThroughput', 'probesPerSecond', 'k'] as const

/** What the user says, over what he said before: then all but the name may change. Its keys are checked, its values not yet. */
export function stated(options: ThrottleOptions | undefined, before?: Stated): Stated {
  const said = known('throttle', options, before === undefined ? [...changeable, 'name'] : changeable) as Stated
  const { adaptive } = said
  if (typeof adaptive !== 'object') return { ...before, ...said }
  const earlier = typeof before?.adaptive === 'object' ? before.adaptive : {}
  const now = known<AdaptiveOptions>('throttle.adaptive', adaptive, adaptiveKeys)
  const adaptively: { -readonly [K in keyof AdaptiveOptions]: AdaptiveOptions[K] } = { ...earlier, ...now }
  // Another algorithm has no use for what was said to the one before.
  if (now.algorithm === 'gain' && now.k === undefined) delete adaptively.k
  return { ...before, ...said, adaptive: adaptively }
}

/** What is in force: checked, with its defaults, frozen. */
export function settings(said: Stated): ThrottleSettings {
  const all = { ...defaults, ...said }
  return Object.freeze({
    allow: allowOf(all.allow),
    adaptive: adaptiveOf(all.adaptive),
    distribute: oneOf('throttle.distribute', all.distribute, ['priority', 'evenly', 'shed']),
    maxRetryAfterMs: notNegative('throttle.maxRetryAfterMs', all.maxRetryAfterMs),
    mode: oneOf('throttle.mode', all.mode, modes),
    name: nameOf('throttle.name', all.name),
  })
}

function allowOf(allow: unknown): ThrottleSettings['allow'] {
  if (typeof allow !== 'number' && typeof allow !== 'object') wrongType('throttle.allow', 'a ratio from 0 to 1, or one by priority', allow)
  if (typeof allow === 'number') ratio('throttle.allow', allow)
  const table = typeof allow === 'number' ? {} : known<Partial<Record<Priority, number>>>('throttle.allow', allow as object, priorities)
  const of = (priority: Priority): number => (typeof allow === 'number' ? allow : ratio(`throttle.allow.${priority}`, table[priority] ?? 1))
  return Object.freeze({ critical: of('critical'), high: of('high'), normal: of('normal'), low: of('low') })
}

function adaptiveOf(adaptive: unknown): AdaptiveSettings | false {
  if (adaptive === false) return false
  if (adaptive !== true && typeof adaptive !== 'object') wrongType('throttle.adaptive', 'true, false or an object', adaptive)
  const said: AdaptiveOptions = adaptive === true ? {} : (adaptive as AdaptiveOptions)
  const algorithm = oneOf('throttle.adaptive.algorithm', said.algorithm ?? adaptiveDefaults.algorithm, ['gain', 'sre'])
  if (said.k !== undefined && algorithm !== 'sre') wrongType('throttle.adaptive.k', "left out where algorithm is not 'sre'", said.k)
  return Object.freeze({
    algorithm,
    windowMs: said.windowMs === undefined ? undefined : finitePositive('throttle.adaptive.windowMs', said.windowMs),
    minimumThroughput: finite('throttle.adaptive.minimumThroughput', count('throttle.adaptive.minimumThroughput', said.minimumThroughput ?? adaptiveDefaults.minimumThroughput, 1)),
    probesPerSecond: finitePositive('throttle.adaptive.probesPerSecond', said.probesPerSecond ?? adaptiveDefaults.probesPerSecond),
    k: atLeastOne('throttle.adaptive.k', said.k ?? adaptiveDefaults.k),
  })
}

function finite(option: string, n: number): number {
  return n < Infinity ? n : outOfRange(option, 'finite', n)
}

function atLeastOne(option: string, value: unknown): number {
  const k = finitePositive(option, value)
  return k >= 1 ? k : outOfRange(option, 'a finite number from 1 on', k)
}
