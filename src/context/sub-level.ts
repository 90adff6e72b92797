import { nameOf, notNegative, positive } from '../core/options.ts'
import { subLevelOf as salted } from '../math/sub-level.ts'

export interface SubLevelOptions {
  /** How long in ms a task keeps its place, over 0. Default 3 600 000, an hour. */
  readonly rotateMs?: number | undefined
  /** The wall clock, ms since 1970. Default `Date.now()`. */
  readonly now?: number | undefined
}

/**
 * The sub-level of a task or a user, 0..127: all its calls live or die together, so that under pressure some users get all of their page instead of
 * everybody half of it. The places change every `rotateMs`, so that it is not always the same who suffer.
 *
 * The salt is the number of the period, by the wall clock, because all processes of a fleet have to agree on it: one that is an hour off only
 * ranks by another hour's places.
 *
 * @param key of the task or the user, not empty
 */
export function subLevelOf(key: string, { rotateMs = 3_600_000, now = Date.now() }: SubLevelOptions = {}): number {
  nameOf('key of subLevelOf', key)
  positive('subLevelOf.rotateMs', rotateMs)
  notNegative('subLevelOf.now', now)
  return salted(key, Math.floor(now / rotateMs))
}
