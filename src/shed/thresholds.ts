import { priorities, type Priority } from '../core/attempt.ts'
import { notNegative, outOfRange } from '../core/options.ts'
import { LEVELS } from '../math/sub-level.ts'

/** From which pressure on calls of each priority are refused: 0..1, Infinity for never. */
export type Thresholds = Readonly<Record<Priority, number>>

export const defaultThresholds: Thresholds = Object.freeze({ critical: Infinity, high: 0.95, normal: 0.85, low: 0.7 })

/** None may be over the one of a more important priority: the least important go first. */
export function thresholdsOf(option: string, said: Thresholds): Thresholds {
  let above = Infinity
  for (const priority of priorities) {
    const own = notNegative(`${option}.${priority}`, said[priority])
    if (own > above) outOfRange(`${option}.${priority}`, `at most that of the priority above it (${above})`, own)
    above = own
  }
  return Object.freeze({ critical: said.critical, high: said.high, normal: said.normal, low: said.low })
}

/**
 * From which pressure on a call is refused. Without a sub-level from the threshold of its priority on; those with one are spread over
 * the way from there to the next more important priority, 127 first and 0 last: with thresholds of 0.7 and 0.85, sub-level 64 goes
 * from 0.774 on. (Sub-levels as in WeChat's DAGOR, 2018.)
 */
export function threshold(thresholds: Thresholds, klass: number, subLevel: number | undefined): number {
  const own = thresholds[priorities[klass]!]
  if (subLevel === undefined) return own
  const next = klass === 0 ? Infinity : thresholds[priorities[klass - 1]!]
  // A pressure over 1 there is none.
  return own >= 1 ? own : own + ((Math.min(1, next) - own) * (LEVELS - 1 - subLevel)) / LEVELS
}

/** Whether a sub-level is among the first so many of its priority: calls of one task share its fate. */
export function within(share: number, subLevel: number): boolean {
  return (subLevel + 0.5) / LEVELS < share
}
