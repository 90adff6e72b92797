import { priorities } from '../core/attempt.ts'
import { count, type Effective, finitePositive, known, nameOf, notNegative, oneOf, outOfRange } from '../core/options.ts'
import { type Mode, modes } from '../core/policy.ts'
import { patience } from '../bulkhead/warnings.ts'
import { type Order, orders } from '../math/queue.ts'
import { type AlgorithmName, algorithms, within } from './algorithm.ts'
import { defaultRoom, type Room, roomOf } from './room.ts'

export interface AdaptiveLimitOptions {
  /**
   * How the limit is found. `'aimd'` (default): one more per round trip, 30 % less after a drop, 10 % less while results are slow: the
   * most goodput. `'vegas'`: keeps the queue at the dependency short: the least latency.
   */
  readonly algorithm?: AlgorithmName | undefined
  /** The limit to begin with: from `min` to `max`. Per process: a fleet of 20 begins with 20 times that. Default 10, or what the bounds allow. */
  readonly start?: number | undefined
  /** It never goes below that: over 0 and finite. Per process: 20 × 50 is 1000 for a dependency that may be on its knees. Default 1. */
  readonly min?: number | undefined
  /** It never goes above that: from `min` on. Per process. Default 1 000. */
  readonly max?: number | undefined
  /**
   * What share of the limit each priority may fill: over 0, none more than those above it. Default
   * `{ critical: 1.5, high: 0.9, normal: 0.7, low: 0.5 }`: the last tenths are kept for what matters more, and critical calls may overdraw.
   */
  readonly room?: Partial<Room> | undefined
  /** How many may wait for room: a whole number from 0 on; Infinity for any number. Default 0: full means refused now. The most important are served first. */
  readonly queue?: number | undefined
  /** How long one may wait, in ms, from 0 on; who waited longer is refused. Infinity: as long as its deadline allows. Default 1 000. */
  readonly maxWaitMs?: number | undefined
  /** Who goes first of those of one priority: `'fifo'` (default), `'lifo'` or `'adaptive'`, as with `bulkhead`. */
  readonly order?: Order | undefined
  /** Default `'enforce'`. */
  readonly mode?: Mode | undefined
  /** Default `'adaptiveLimit'`. */
  readonly name?: string | undefined
}

/** Effective options, defaults included. */
export type AdaptiveLimitSettings = Omit<Effective<AdaptiveLimitOptions>, 'room'> & { readonly room: Room }

/** What a user said: nothing in it is `undefined`. */
export type Stated = { readonly [K in keyof AdaptiveLimitOptions]?: Exclude<AdaptiveLimitOptions[K], undefined> }

const defaults: AdaptiveLimitSettings = Object.freeze({ algorithm: 'aimd', start: 10, min: 1, max: 1_000, room: defaultRoom, ...patience, mode: 'enforce', name: 'adaptiveLimit' })
const changeable = ['algorithm', 'min', 'max', 'room', 'queue', 'maxWaitMs', 'order', 'mode'] as const
const keys = [...changeable, 'start', 'name'] as const

/** What the user says, over what he said before: then all but `start` and the name may change. Its keys are checked, its values not yet. */
export function stated(options: AdaptiveLimitOptions | undefined, before?: Stated): Stated {
  const said = known('adaptiveLimit', options, before === undefined ? keys : changeable) as Stated
  return { ...before, ...said, room: { ...before?.room, ...known<Partial<Room>>('adaptiveLimit.room', said.room, priorities) } }
}

/** What is in force: checked, with its defaults, frozen. */
export function settings(said: Stated): AdaptiveLimitSettings {
  const all = { ...defaults, ...said }
  const min = finitePositive('adaptiveLimit.min', all.min)
  const max = notNegative('adaptiveLimit.max', said.max ?? Math.max(defaults.max, min))
  if (max < min) outOfRange('adaptiveLimit.max', `at least min (${min})`, max)
  const start = finitePositive('adaptiveLimit.start', said.start ?? within(defaults.start, min, max))
  return Object.freeze({
    algorithm: oneOf('adaptiveLimit.algorithm', all.algorithm, algorithms),
    start,
    min,
    max,
    room: roomOf('adaptiveLimit.room', { ...defaultRoom, ...said.room }),
    queue: count('adaptiveLimit.queue', all.queue),
    maxWaitMs: notNegative('adaptiveLimit.maxWaitMs', all.maxWaitMs),
    order: oneOf('adaptiveLimit.order', all.order, orders),
    mode: oneOf('adaptiveLimit.mode', all.mode, modes),
    name: nameOf('adaptiveLimit.name', all.name),
  })
}

/** At build `start` has to lie within the bounds; they may move away from it later. */
export function checkStart({ start, min, max }: AdaptiveLimitSettings): void {
  if (start < min || start > max) outOfRange('adaptiveLimit.start', `from min (${min}) to max (${max})`, start)
}
