import { Tally } from './tally.ts'

/** How many calls each of so many classes, the most important first, has offered in the last 10 s: what {@link waterFill} fills. */
export function offeredShares(classes: number): Tally {
  return new Tally(classes, 10, 1_000)
}

/**
 * Distributes a permitted share among classes, the most important first, as water fills a vessel: each gets all that it offers
 * as long as something is left, the first that does not fit gets what is left, those below it nothing. A class that offers less than the
 * permitted share is never touched, however much the others offer.
 *
 * `allow_k = clamp((F − Σ s_higher) / s_k, 0, 1)`, with the offered shares `s`, given as counts. With F = 0.3 and 20, 20 and 60 calls
 * offered: 1, 0.5 and 0. A class that has offered nothing counts as offering one call; before anything was offered all get F.
 *
 * @param share F, 0..1
 * @param offered counts by class; a window of them
 * @param allow where the answer is written: 0..1 by class
 */
export function waterFill(share: number, offered: ArrayLike<number>, allow: number[]): number[] {
  let all = 0
  for (let k = 0; k < offered.length; k++) all += offered[k]!
  // Counts are whole, so with F = 1 the last class gets just what it offers, and 1 comes out.
  let left = share * Math.max(1, all)
  for (let k = 0; k < offered.length; k++) {
    const count = offered[k]!
    allow[k] = Math.min(1, Math.max(0, left) / Math.max(1, count))
    left -= count
  }
  return allow
}
