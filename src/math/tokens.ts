/**
 * A token bucket: `burst` tokens when full, and `permits` more drop in per `everyMs`, evenly. Told the time by argument.
 *
 * It keeps no level that is added to, but a schedule: from a point in time on, the anchor, token after token is due at
 * `anchor + (spent + n)·everyMs/permits`. With 2 per 1000 ms, `spent` −1 at the anchor 0 (one token is there): the first is due at 0, the second
 * at 500, the third at 1000. `spent` is counted in whole tokens, so a million of them are as exact as one; the anchor moves
 * only when the bucket is full. It is the meter of ATM networks (GCRA, ITU-T I.371) with the sum left undone.
 *
 * Cost: O(1), three numbers.
 */
export class Tokens {
  /** Where the schedule begins: ms; in the future while the bucket is held. */
  #anchor = -Infinity
  /** Tokens spent since the anchor, less those that were there. */
  #spent: number
  /** The time told last. */
  #at = -Infinity

  /**
   * @param permits whole, from 0 on
   * @param everyMs over 0, finite
   * @param burst whole, from 0 on
   */
  constructor(
    public permits: number,
    public everyMs: number,
    public burst: number,
  ) {
    this.#spent = -burst
  }

  /** Takes a token if there is one. */
  take(now: number): boolean {
    this.#fold(now)
    if (!(now >= this.due(1))) return false
    this.#spent++
    return true
  }

  /** A token comes back that was not used. The bucket overflows as ever; while it is held, what was emptied stays so. */
  refund(now: number): void {
    if (now >= this.#anchor) this.#spent--
  }

  /** When the n-th token from now on is due, as of the time told last: in the past if it is there; not finite if it never is. */
  due(n: number): number {
    const owed = this.#spent + n
    return owed > 0 ? this.#anchor + (owed * this.everyMs) / this.permits : this.#anchor
  }

  /** How many there are: so often would `take` say yes. */
  available(now: number = this.#at): number {
    this.#fold(now)
    if (this.held(now)) return 0
    // The schedule decides, not the rounding of this division.
    const some = Math.round(this.#level(now))
    return Math.max(0, now >= this.due(some) ? some : some - 1)
  }

  /**
   * Empties the bucket and holds it until then; at that moment there is one token, unless it is due later anyway. A hold that is shorter
   * than the one in force changes nothing.
   */
  hold(until: number, now: number): boolean {
    this.#fold(now)
    if (!(until > this.#anchor)) return false
    this.#spent = -Math.min(1, this.#level(until))
    this.#anchor = until
    return true
  }

  /** Whether it is held. */
  held(now: number): boolean {
    return now < this.#anchor
  }

  /** Other figures from now on. The tokens that are there stay, as far as there is room for them, and so does a hold. */
  update(permits: number, everyMs: number, burst: number, now: number = this.#at): void {
    this.#fold(now)
    if (!this.held(now)) {
      this.#spent = -Math.min(this.#level(now), burst)
      this.#anchor = now
    }
    this.permits = permits
    this.everyMs = everyMs
    this.burst = burst
  }

  /** A full bucket takes no more: a new schedule begins. */
  #fold(now: number): void {
    this.#at = now
    if (!(now >= this.due(this.burst))) return
    this.#anchor = now
    this.#spent = -this.burst
  }

  /** At the anchor or later; a fraction. */
  #level(then: number): number {
    const passed = then - this.#anchor
    return (passed > 0 ? (passed * this.permits) / this.everyMs : 0) - this.#spent
  }
}
