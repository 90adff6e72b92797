/**
 * How many more calls than were accepted may be sent, given how many of those sent were accepted, 0..1. While the dependency refuses
 * every tenth or more it gets a tenth more than it takes, so that it is kept at work and not under water; once hardly any
 * is refused, twice as many, to find out how much more it can take. 0.94 is half way: 1.55.
 *
 * `near` the share at which it refused lately more certainty is asked for (0.95 to 0.99): the acceptance of few calls is often 1 by
 * chance, and a fleet that doubles whenever it is would send half as much again as it should.
 */
export function gain(acceptance: number, near: boolean): number {
  const { from, to } = near ? NEAR : FAR
  return LEAST + (MOST - LEAST) * Math.min(1, Math.max(0, (acceptance - from) / (to - from)))
}

export const LEAST = 1.1
const MOST = 2
const FAR = { from: 0.9, to: 0.98 }
const NEAR = { from: 0.95, to: 0.99 }

/** How many were accepted of `ended`, with a few calls put in that know nothing: three in a row are no certainty. */
export function shrunk(accepted: number, ended: number, near: boolean): number {
  const unknown = near ? 3 : 2
  return (accepted + unknown * 0.9) / (ended + unknown)
}
