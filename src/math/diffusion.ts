/**
 * Lets a share of all calls pass by error diffusion: what is not a whole call is carried over to the next. Of n calls in a row at a
 * share that stays, n × share pass, give or take one, evenly: with 0.3 the 1st, 4th, 7th and 11th. Chance would let between 21 and 39 of 100 pass.
 * The first carry is random, so that the processes of a fleet do not all send at the same moment.
 */
export class Diffusion {
  #carry: number

  /** @param phase 0..1 */
  constructor(phase: number) {
    this.#carry = phase
  }

  /** Whether this call passes. */
  pass(share: number): boolean {
    // Sums of fractions: ten tenths are not quite one.
    const carry = this.#carry + share + ROUNDING
    const passes = carry >= 1 && share > 0
    this.#carry = passes ? carry - 1 : carry
    return passes
  }

  /** A call that passed was not sent after all: the next one may go in its place, but not several at once. */
  refund(): void {
    this.#carry = Math.min(1, this.#carry + 1)
  }
}

const ROUNDING = 1e-12
