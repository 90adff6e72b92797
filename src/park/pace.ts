/** Of the calls accepted lately, so many more are let go per second to begin with, and at least so many per second. */
const FIRST_SHARE = 0.2
const LEAST_PER_SECOND = 1
/** How many times as many per second, each second that all stays well. */
const GROWTH = 1.5
/** A timer that comes late does not let go of what it has missed all at once. */
const LONGEST_STEP_MS = 500

/** How many per second to begin with. */
function first(acceptedPerSecond: number): number {
  return Math.max(LEAST_PER_SECOND, FIRST_SHARE * acceptedPerSecond)
}

/**
 * How fast parked calls are let go: at 20 % of what was accepted lately, growing by half each second, and never faster than other calls are
 * accepted (where there are any). At 100 accepted per second these are 20 in the first second, 30 in the next, and 100 per second from the fourth on. Told
 * the time by argument.
 */
export class Pace {
  #perSecond = NaN
  #kept = 0
  #at = NaN
  #owed = 0

  get runs(): boolean {
    return this.#perSecond > 0
  }

  /** Where it was only held up, it goes on at half the pace that it had. */
  stop(heldUp: boolean): void {
    if (!heldUp) this.#kept = 0
    else if (this.runs) this.#kept = this.#perSecond / 2
    this.#perSecond = NaN
  }

  /** How many may go now, given how many calls per second that were not parked have been accepted lately. */
  due(now: number, acceptedPerSecond: number): number {
    if (!this.runs) {
      this.#perSecond = Math.max(first(acceptedPerSecond), this.#kept)
      // The first one goes at once.
      this.#owed = 1
    } else {
      const seconds = Math.min(LONGEST_STEP_MS, now - this.#at) / 1_000
      const most = acceptedPerSecond >= LEAST_PER_SECOND ? Math.max(first(acceptedPerSecond), acceptedPerSecond) : Infinity
      this.#perSecond = Math.min(most, this.#perSecond * GROWTH ** seconds)
      this.#owed += this.#perSecond * seconds
    }
    this.#at = now
    const whole = Math.floor(this.#owed)
    this.#owed -= whole
    return whole
  }
}

/**
 * In how many ms at least the n-th would go, if all were well from now on: with growth g the first t seconds let go of r·(gᵗ − 1)/ln g. With 100
 * accepted per second, the 100th goes after 2.7 s.
 */
export function soonestMs(n: number, acceptedPerSecond: number): number {
  return (1_000 * Math.log1p(((n - 1) * Math.log(GROWTH)) / first(acceptedPerSecond))) / Math.log(GROWTH)
}
