import type { Breaker } from 'spillway'
import type { Instance } from './instance.ts'
import { cellMs } from './script.ts'

/** How a call went. Times are ms; `at` counts from the start of the script. */
export interface Answer {
  readonly at: number
  readonly ms: number
  readonly ok: boolean
}

/** What happened in a cell of the timeline. */
export interface Cell {
  /** How many requests reached the service. */
  readonly reached: number
  readonly breaker: Breaker['state'] | undefined
}

/** A client, its own instance of the service, and what was measured of them. */
export class Side {
  /** When calls were made. */
  readonly calls: number[] = []
  readonly answers: Answer[] = []
  readonly cells: Cell[] = []
  openings = 0
  #probed = false
  #reachedBefore = 0

  constructor(
    readonly name: string,
    readonly fetch: (url: string) => Promise<Response>,
    readonly service: Instance,
    readonly breaker?: Breaker,
  ) {
    breaker?.on('breaker.opened', () => this.openings++)
    breaker?.on('breaker.halfOpened', () => (this.#probed = true))
  }

  get inFlight(): number {
    return this.calls.length - this.answers.length
  }

  async call(at: number): Promise<void> {
    this.calls.push(at)
    const start = performance.now()
    const ok = await this.#succeeds()
    this.answers.push({ at, ms: performance.now() - start, ok })
  }

  /** Opens connections and loads code, before anything is measured. */
  async warmUp(): Promise<void> {
    await Promise.all(Array.from({ length: 16 }, () => this.#succeeds()))
  }

  /** Ends the cells that are over. A breaker that sent probes and is open again is shown as half-open. */
  advance(nowMs: number): void {
    while (this.cells.length < Math.floor(nowMs / cellMs)) this.#endCell()
  }

  #endCell(): void {
    const { reached } = this.service.report
    const state = this.breaker?.state
    this.cells.push({ reached: reached - this.#reachedBefore, breaker: this.#probed && state === 'open' ? 'halfOpen' : state })
    this.#reachedBefore = reached
    this.#probed = false
  }

  async #succeeds(): Promise<boolean> {
    try {
      const response = await this.fetch(this.service.url)
      await response.text()
      return response.ok
    } catch {
      return false
    }
  }
}

/** The answers to the calls that were made in these cells. */
export function inCells(answers: readonly Answer[], from: number, to: number): Answer[] {
  return answers.filter(({ at }) => at >= from * cellMs && at < to * cellMs)
}

/** The share of such answers: 0..1, NaN of none. */
export function share(answers: readonly Answer[], such: (answer: Answer) => boolean = ({ ok }) => ok): number {
  return answers.filter(such).length / answers.length
}

/** How many ms that part (0..1) of the calls took at most, NaN of none. */
export function quantile(answers: readonly Answer[], part: number): number {
  const sorted = answers.map(({ ms }) => ms).toSorted((a, b) => a - b)
  return sorted[Math.ceil(part * sorted.length) - 1] ?? NaN
}
