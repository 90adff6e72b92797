import { priorities, type Priority } from '../core/attempt.ts'
import { count, type Effective, known, nameOf, notNegative, oneOf, outOfRange, positive, wrongType } from '../core/options.ts'
import { type Mode, modes } from '../core/policy.ts'

export interface ParkOptions {
  /** Which priorities wait until all is well. Default `['low']`. */
  readonly classes?: readonly Priority[] | undefined
  /** How long one may wait, in ms, from 0 on; who waited longer is refused. Infinity: as long as its deadline allows. Default 30 000. */
  readonly maxWaitMs?: number | undefined
  /** How many may wait: a whole number from 0 on. Per process, and each keeps its caller waiting. Default 1 000. */
  readonly queue?: number | undefined
  /** All is well below this pressure of the pipeline's guards: over 0, at most 1. Default 0.7. */
  readonly below?: number | undefined
  /** For so many ms it must have been well before anybody is let go: from 0 on. Default 1 000. */
  readonly calmMs?: number | undefined
  /** Default `'enforce'`. */
  readonly mode?: Mode | undefined
  /** Default `'park'`. */
  readonly name?: string | undefined
}

/** Effective options, defaults included. */
export type ParkSettings = Effective<ParkOptions>

const defaults: ParkSettings = Object.freeze({ classes: Object.freeze(['low'] as const), maxWaitMs: 30_000, queue: 1_000, below: 0.7, calmMs: 1_000, mode: 'enforce', name: 'park' })
const changeable = ['classes', 'maxWaitMs', 'queue', 'below', 'calmMs', 'mode'] as const
const keys = [...changeable, 'name'] as const

/** What was said over the defaults, or over what holds so far: then all but the name may change. */
export function parkOptions(said: ParkOptions | undefined, before?: ParkSettings): ParkSettings {
  const options = { ...(before ?? defaults), ...known<ParkOptions>('park', said, before === undefined ? keys : changeable) }
  const { classes } = options
  if (!Array.isArray(classes)) wrongType('park.classes', 'an array of priorities', classes)
  classes.forEach((one, i) => oneOf(`park.classes[${i}]`, one, priorities))
  const below = positive('park.below', options.below)
  if (below > 1) outOfRange('park.below', 'at most 1', below)
  return Object.freeze({
    classes: Object.freeze([...classes]),
    maxWaitMs: notNegative('park.maxWaitMs', options.maxWaitMs),
    queue: count('park.queue', options.queue),
    below,
    calmMs: notNegative('park.calmMs', options.calmMs),
    mode: oneOf('park.mode', options.mode, modes),
    name: nameOf('park.name', options.name),
  })
}
