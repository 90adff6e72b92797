import { Line, Place } from './line.ts'

/** Who of those that wait is served next: who came first, who came last, or whichever suits the load. */
export type Order = 'fifo' | 'lifo' | 'adaptive'

export const orders: readonly Order[] = ['fifo', 'lifo', 'adaptive']

/** One who waits for a slot. */
export class Waiter extends Place {
  /** How long it may wait, in ms. */
  maxWaitMs = 0
  /** Since when it waits. */
  since: number = NaN
  wake!: (answer: object) => void
}

/** A queue that has not been empty for so long stands: it delays everybody and serves nobody sooner. */
const INTERVAL_MS = 100
/** How long one may wait in a standing queue. */
const TARGET_MS = 5

/**
 * Who waits for a slot. Told the time when somebody joins.
 *
 * Adaptive: CoDel with adaptive LIFO, as Facebook uses it (Maurer, "Fail at Scale", ACM Queue 13(8), 2015; after Nichols and Jacobson,
 * "Controlling Queue Delay", 2012). Who joins a queue that was empty at some time in the last 100 ms may wait 100 ms, and is
 * served first come, first served: a burst passes. Who joins one that was not may wait 5 ms, and who came last is served first: under
 * a lasting overload somebody must go without, and should learn it at once. Of 1000 that come per second, 500 can be served: half
 * of those wait 5 ms or less, 99 % less than 90 ms, where first come, first served each waits all that `maxWaitMs` allows.
 */
export class Queue<T extends Place> {
  readonly #line = new Line<T>()
  /** When it was last empty. */
  #since = NaN
  #standing = false

  get size(): number {
    return this.#line.size
  }

  /** Who has waited longest. */
  get first(): T | undefined {
    return this.#line.first
  }

  /** Who came last. */
  get last(): T | undefined {
    return this.#line.last
  }

  /** Answers how long it may wait at most, in ms. */
  join(one: T, order: Order, maxWaitMs: number, now: number): number {
    if (this.#line.size === 0) this.#since = now
    this.#standing = now - this.#since >= INTERVAL_MS
    this.#line.join(one)
    return order === 'adaptive' ? Math.min(maxWaitMs, this.#standing ? TARGET_MS : INTERVAL_MS) : maxWaitMs
  }

  /** False when it does not wait here. */
  leave(one: T): boolean {
    return this.#line.leave(one)
  }

  /** Takes out whose turn it is. */
  next(order: Order): T | undefined {
    const lastFirst = order === 'lifo' || (order === 'adaptive' && this.#standing)
    const one = lastFirst ? this.#line.last : this.#line.first
    if (one !== undefined) this.#line.leave(one)
    return one
  }
}
