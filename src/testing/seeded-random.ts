import { outOfRange } from '../core/options.ts'

/**
 * Chance that repeats: a `random` for a pipeline under test. The same seed gives the same numbers on every platform.
 * Not for secrets.
 *
 * sfc32, "Small Fast Counting", by Chris Doty-Humphrey: 128 bits of state, passes PractRand and BigCrush, period at
 * least 2³². Seeded as in PractRand, https://pracrand.sourceforge.net (RNG_engines, `sfc32::seed`).
 *
 * @param seed a whole number from 0 to 2⁵³ − 1
 * @returns a function like `Math.random`: each call gives a multiple of 2⁻³² in [0, 1), all equally likely; some 5 ns
 * @throws RangeError if the seed is no such number
 */
export function seededRandom(seed: number): () => number {
  if (!Number.isSafeInteger(seed) || seed < 0) outOfRange('seededRandom seed', 'a whole number from 0 to 2^53 - 1', seed)
  let a = 0
  let b = seed | 0
  let c = (seed / 2 ** 32) | 0
  let counter = 1

  const next = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }

  // The first dozen rounds mix the seed in.
  for (let round = 0; round < 12; round++) next()
  return next
}
