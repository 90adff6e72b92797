import { nameOf, notNegative, positive } from '../core/options.ts'

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
 * A hash (FNV-1a with murmur's finaliser) of the key and the number of the period. It is told the wall clock, because all processes of a
 * fleet have to agree on the period: one that is an hour off only ranks by another hour's places.
 *
 * @param key of the task or the user, not empty
 */
export function subLevelOf(key: string, { rotateMs = 3_600_000, now = Date.now() }: SubLevelOptions = {}): number {
  nameOf('key of subLevelOf', key)
  positive('subLevelOf.rotateMs', rotateMs)
  notNegative('subLevelOf.now', now)
  const period = Math.floor(now / rotateMs)
  let hash = 0x81_1c_9d_c5
  for (const text of [String(period), key]) {
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01_00_01_93)
    // Two numbers, not one longer one.
    hash = Math.imul(hash ^ 0xff, 0x01_00_01_93)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85_eb_ca_6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2_b2_ae_35)
  return ((hash ^ (hash >>> 16)) >>> 0) % 128
}
