/**
 * How many more calls than were accepted may be sent, given how many of those sent were accepted, 0..1. While the dependency refuses
 * every tenth or more it gets a tenth more than it takes, so that it is kept at work and not under water; once hardly any
 * is refused, twice as many, to find out how much more it can take. 0.94 is half way: 1.55.
 *
 * `near` the share at which it refused lately it climbs slowly, and asks for more certainty: there twice as many would only be refused again, and
 * of a few calls all are often accepted by chance, by which a fleet would send half as much again as it should.
 */
export function gain(acceptance: number, near: boolean, accepted: number): number {
  if (near && accepted < FEW) return UNSURE
  const { from, to, most } = near ? NEAR : FAR
  return LEAST + (most - LEAST) * Math.min(1, Math.max(0, (acceptance - from) / (to - from)))
}

const LEAST = 1.1
const FAR = { from: 0.9, to: 0.98, most: 2 }
const NEAR = { from: 0.95, to: 0.99, most: 1.25 }
/** Of so few accepted calls the acceptance says nothing; this is safe whether up to 15 % of them fail for no reason of load or all for load. */
const FEW = 20
const UNSURE = 1.18

/** How many were accepted of `ended`, with a few calls put in that know nothing: three in a row are no certainty. */
export function shrunk(accepted: number, ended: number, near: boolean): number {
  const unknown = near ? 3 : 2
  return (accepted + unknown * 0.9) / (ended + unknown)
}
