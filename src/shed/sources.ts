import { quieted } from '../core/hooks.ts'
import { show } from '../core/options.ts'

/** A user's function is asked no more often than every so many ms. */
const EVERY_MS = 100

/**
 * Numbers 0..1 that the user's functions say, asked now and then. One that throws, or says what is no number, counts as saying
 * nothing, and that is told once. Told the time by argument.
 */
export class Sources {
  /** What they said last: see `combine`. */
  value: number
  #at = -Infinity
  #warned = false

  /**
   * @param combine `Math.max` of pressures, `Math.min` of shares
   * @param silent what counts where nothing is said: no pressure, all of the share
   */
  constructor(
    readonly option: string,
    readonly list: readonly (() => number)[],
    readonly combine: (a: number, b: number) => number,
    readonly silent: number,
    readonly warn: (message: string) => void,
  ) {
    this.value = silent
  }

  read(now: number): number {
    if (!(now - this.#at < EVERY_MS)) {
      this.#at = now
      this.value = this.list.reduce((sofar, source) => this.combine(sofar, this.#ask(source)), this.silent)
    }
    return this.value
  }

  #ask(source: () => number): number {
    try {
      const said: unknown = source()
      if (typeof said === 'number' && !Number.isNaN(said)) return Math.min(1, Math.max(0, said))
      quieted(said)
      this.#complain(`answered ${show(said)} instead of a number from 0 to 1`)
    } catch (error) {
      this.#complain(`threw ${error instanceof Error ? String(error) : show(error)}`)
    }
    return this.silent
  }

  #complain(what: string): void {
    if (this.#warned) return
    this.#warned = true
    this.warn(`${this.option} ${what}: it counts as if it had not been asked`)
  }
}
