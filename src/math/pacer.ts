/** Lets one pass now and then: when nothing has for the length of an interval, ±20 % so that a fleet does not beat in step. */
export class Pacer {
  #next = -Infinity

  /** Something passed at `now`: the interval begins anew. */
  passed(now: number, perSecond: number, random: () => number): void {
    this.#next = now + (1_000 / perSecond) * (0.8 + 0.4 * random())
  }

  due(now: number): boolean {
    return now >= this.#next
  }

  /** In how many ms one is due. */
  left(now: number): number {
    return Math.max(0, this.#next - now)
  }
}
