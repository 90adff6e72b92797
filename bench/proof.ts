import { type Case, measure, ratios } from './harness.ts'
import { type Estimate, estimate } from './statistics.ts'

export interface Proof {
  readonly same: Estimate
  readonly dearer: Estimate
  readonly holds: boolean
}

/**
 * Whether this machine, as busy as it is now, lets the harness tell 10 %. The same case three times: as it is, as it is, and with every
 * eleventh call not counted. The first two must differ by less than 3 %, the third must come out 7 to 13 % dearer.
 */
export async function prove(one: Case, rounds: number): Promise<Proof> {
  const [a, b, c] = (await measure([one, { ...one }, { ...one, worth: 1.1 }], rounds)) as [never, never, never]
  const same = estimate(ratios(b, a))
  const dearer = estimate(ratios(c, a))
  return { same, dearer, holds: Math.abs(same.median - 1) < 0.03 && dearer.median > 1.07 && dearer.median < 1.13 }
}
