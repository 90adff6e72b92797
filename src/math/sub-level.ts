/** Sub-levels of a priority: 0 to 127, 0 the most important. */
export const LEVELS = 128

/**
 * The sub-level of a task or user: the same for the same id and salt, in every process of a fleet. Change the salt now and then, so that it
 * is not always the same ones who go first; `subLevelOf` of `spillway/context` takes the hour.
 *
 * A hash: FNV-1a with murmur's finaliser, whose lowest bits are as well mixed as the others.
 */
export function subLevelOf(id: string, salt: number | string = ''): number {
  let hash = 0x81_1c_9d_c5
  for (const text of [String(salt), id]) {
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01_00_01_93)
    // Two texts, not one longer one.
    hash = Math.imul(hash ^ 0xff, 0x01_00_01_93)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85_eb_ca_6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2_b2_ae_35)
  return ((hash ^ (hash >>> 16)) >>> 0) % LEVELS
}
