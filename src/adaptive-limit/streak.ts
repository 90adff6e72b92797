/** So long results must have been slow, whatever the limit became, before that is believed to be how things are. */
const BELIEVED_MS = 15_000

/**
 * A row of slow windows. Is it the load, or has the dependency become slower? That is asked of the limit: if it has come down by half, or
 * cannot come down any further, and results still take at least 0.8 of the longest that they took, then holding back does not
 * help. Asked every 15 s: the other clients of the dependency need their time to come down as well.
 */
export class Streak {
  #since = NaN
  #longestMs = 0
  /** What the limit was when results took longest. */
  #limit = 0

  get runs(): boolean {
    return this.#longestMs > 0
  }

  end(): void {
    this.#longestMs = 0
  }

  /** One more slow window. True: holding back does not help. */
  isVain(at: number, averageMs: number, limit: number, min: number): boolean {
    if (!this.runs) this.#since = at
    if (averageMs > this.#longestMs) {
      this.#longestMs = averageMs
      this.#limit = limit
    }
    if (at - this.#since < BELIEVED_MS) return false
    this.#since = at
    return (limit <= this.#limit / 2 || limit === min) && averageMs > 0.8 * this.#longestMs
  }
}
