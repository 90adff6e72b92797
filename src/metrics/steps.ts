import { STEPS } from './tape.ts'

/** One count per second of the last two minutes. 480 bytes. */
export class Steps {
  readonly #counts = new Uint32Array(STEPS)
  #newest = -Infinity

  add(second: number): void {
    for (let next = Math.max(this.#newest + 1, second - STEPS + 1); next <= second; next++) this.#counts[next % STEPS] = 0
    if (second > this.#newest) this.#newest = second
    this.#counts[this.#newest % STEPS]!++
  }

  at(second: number): number {
    return second <= this.#newest && second > this.#newest - STEPS ? this.#counts[second % STEPS]! : 0
  }

  /** One number per second, up to `last`. */
  series(last: number): number[] {
    return Array.from({ length: STEPS }, (_, i) => this.at(last - STEPS + 1 + i))
  }

  sum(last: number, seconds: number): number {
    let sum = 0
    for (let i = 0; i < seconds; i++) sum += this.at(last - i)
    return sum
  }
}
