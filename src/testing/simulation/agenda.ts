import { Heap, type Ranked } from '../../core/heap.ts'
import type { ManualClock } from '../manual-clock.ts'
import { afterTurn, whenQuiet } from './quiet.ts'

interface Event extends Ranked {
  readonly fn: () => void
}

/** After so many instants the real event loop gets a turn: a long run must not hold up the process. */
const BREATH = 20_000

/** What is going to happen in a simulated world, and its time. Spans and points are ms. */
export class Agenda {
  readonly #events = new Heap<Event>()
  #order = 0

  constructor(readonly clock: ManualClock) {}

  at(due: number, fn: () => void): void {
    this.#events.push({ due, order: (this.#order = (this.#order + 1) | 0), place: -1, fn })
  }

  after(ms: number, fn: () => void): void {
    this.at(this.clock.now() + ms, fn)
  }

  /** Goes from instant to instant until `end`, or until `over` says so. All that one instant brings about has happened before the next. */
  run(end: number, over: () => boolean = () => false): Promise<void> {
    return new Promise((resolve, reject) => {
      let instants = 0
      const step = (): void => {
        try {
          if (over() || !this.#move(end)) return resolve()
        } catch (error) {
          return reject(error as Error)
        }
        if (++instants % BREATH === 0) afterTurn(step)
        else whenQuiet(step)
      }
      afterTurn(step)
    })
  }

  #move(end: number): boolean {
    const { clock } = this
    const due = Math.min(this.#events.first?.due ?? Infinity, clock.nextAt)
    clock.tick(Math.max(0, Math.min(due, end) - clock.now()))
    if (due > end) return false
    const now = clock.now()
    for (let event = this.#events.first; event !== undefined && event.due <= now; event = this.#events.first) {
      this.#events.remove(event)
      event.fn()
    }
    return true
  }
}
