import { CELLS, cellOf, quantile } from '../math/spread.ts'
import { ended } from './outcome.ts'
import type { WindowSnapshot } from './snapshot.ts'

/** How many seconds a tape holds: two minutes. */
export const STEPS = 120

/** What is counted per second: calls by outcome come first, in the order of `callOutcomes`. */
export const column = { attempts: 6, retries: 7, rejections: 8, retriedFailure: 12, retriedOverload: 13, started: 14 } as const
const COLUMNS = 15

/** What is measured per second. */
export const level = { p50: 0, p90: 1, p99: 2, share: 3, limit: 4, sumMs: 5, maxMs: 6 } as const
const LEVELS = 7

/**
 * The last two minutes, second by second, told the time (ms since 1970) by argument: counts, and of the last `windowSeconds` also how
 * long calls took. Counting allocates nothing and is O(1); the first count in a further second costs some µs, because it closes the one before.
 * 22 kB whatever happens. What is older is forgotten by time alone.
 */
export class Tape {
  /** Where the running second ends: whoever counts later calls `roll` first. */
  end: number = -Infinity
  readonly #counts = new Uint32Array(STEPS * COLUMNS)
  readonly #levels = new Float64Array(STEPS * LEVELS)
  readonly #cells: Uint32Array
  #second = -Infinity
  #row = 0
  #levelRow = 0
  #cellRow = 0

  constructor(readonly windowSeconds: number) {
    this.#cells = new Uint32Array(windowSeconds * CELLS)
  }

  // ── counting: what is told belongs to the second that runs ──

  count(which: number): void {
    this.#counts[this.#row + which]!++
  }

  /** A call and its only attempt. */
  succeeded(ms: number): void {
    const row = this.#row
    const counts = this.#counts
    counts[row + ended.success]!++
    counts[row + column.attempts]!++
    counts[row + column.started]!++
    this.took(ms)
  }

  took(ms: number): void {
    this.#cells[this.#cellRow + cellOf(ms)]!++
    const row = this.#levelRow
    this.#levels[row + level.sumMs]! += ms
    if (ms > this.#levels[row + level.maxMs]!) this.#levels[row + level.maxMs] = ms
  }

  /** Closes the second that ran, and begins that of `at`. */
  roll(at: number, share: number, limit: number): void {
    const second = Math.floor(at / 1_000)
    const before = this.#second
    if (second <= before) return
    if (before !== -Infinity) {
      const row = this.#levelRow
      const cells = this.#cells.subarray(this.#cellRow, this.#cellRow + CELLS)
      this.#levels[row + level.p50] = quantile(cells, 0.5)
      this.#levels[row + level.p90] = quantile(cells, 0.9)
      this.#levels[row + level.p99] = quantile(cells, 0.99)
      this.#levels[row + level.share] = share
      this.#levels[row + level.limit] = limit
    }
    for (let next = Math.max(before + 1, second - STEPS + 1); next <= second; next++) this.#clear(next)
    this.#second = second
    this.end = (second + 1) * 1_000
    this.#row = (second % STEPS) * COLUMNS
    this.#levelRow = (second % STEPS) * LEVELS
    this.#cellRow = (second % this.windowSeconds) * CELLS
  }

  #clear(second: number): void {
    const step = second % STEPS
    this.#counts.fill(0, step * COLUMNS, (step + 1) * COLUMNS)
    this.#levels.fill(0, step * LEVELS, (step + 1) * LEVELS)
    this.#levels.fill(NaN, step * LEVELS, step * LEVELS + level.sumMs)
    const cells = (second % this.windowSeconds) * CELLS
    this.#cells.fill(0, cells, cells + CELLS)
  }

  // ── reading: pure ──

  /** The second that ran when something was counted last. */
  get second(): number {
    return this.#second
  }

  #holds(second: number): boolean {
    return second <= this.#second && second > this.#second - STEPS
  }

  /** What was counted in one second. */
  at(second: number, which: number): number {
    return this.#holds(second) ? this.#counts[(second % STEPS) * COLUMNS + which]! : 0
  }

  /** One number per second, up to `last`. */
  series(last: number, which: number): number[] {
    return Array.from({ length: STEPS }, (_, i) => this.at(last - STEPS + 1 + i, which))
  }

  /** What was measured per second, up to `last`; null where nothing was. */
  levels(last: number, which: number): (number | null)[] {
    return Array.from({ length: STEPS }, (_, i) => {
      const second = last - STEPS + 1 + i
      if (!this.#holds(second)) return null
      // The second that runs is not closed yet.
      if (second === this.#second && which <= level.p99) return finite(quantile(this.#cells.subarray(this.#cellRow, this.#cellRow + CELLS), [0.5, 0.9, 0.99][which]!))
      return finite(this.#levels[(second % STEPS) * LEVELS + which]!)
    })
  }

  /** The seconds of the sliding window that ends with `last`. */
  #window(last: number): number[] {
    return Array.from({ length: this.windowSeconds }, (_, i) => last - i).filter((second) => this.#holds(second))
  }

  /** What was counted in the sliding window that ends with `last`. */
  sum(last: number, which: number): number {
    let sum = 0
    for (let second = last - this.windowSeconds + 1; second <= last; second++) sum += this.at(second, which)
    return sum
  }

  /** How long calls took in that window, in ms. */
  spread(last: number): Spread {
    const cells = new Float64Array(CELLS)
    let sumMs = 0
    let maxMs = 0
    let calls = 0
    for (const second of this.#window(last)) {
      const from = (second % this.windowSeconds) * CELLS
      for (let cell = 0; cell < CELLS; cell++) {
        cells[cell]! += this.#cells[from + cell]!
        calls += this.#cells[from + cell]!
      }
      sumMs += this.#levels[(second % STEPS) * LEVELS + level.sumMs]!
      maxMs = Math.max(maxMs, this.#levels[(second % STEPS) * LEVELS + level.maxMs]!)
    }
    if (calls === 0) return { meanMs: null, maxMs: null, p50: null, p90: null, p99: null, percentiles: null }
    // A cell has a width: what nobody took is not said.
    const at = (q: number): number => round(Math.min(maxMs, quantile(cells, q)))
    const percentiles = Object.fromEntries([0, 25, 50, 75, 90, 95, 99, 99.5, 100].map((percent) => [percent, at(percent / 100)]))
    return { meanMs: round(sumMs / calls), maxMs: round(maxMs), p50: at(0.5), p90: at(0.9), p99: at(0.99), percentiles }
  }
}

type Spread = Pick<WindowSnapshot, 'meanMs' | 'maxMs' | 'p50' | 'p90' | 'p99' | 'percentiles'>

const finite = (n: number): number | null => (Number.isFinite(n) ? round(n) : null)

/** Three places behind the point are enough for a picture. */
const round = (n: number): number => Math.round(n * 1_000) / 1_000
