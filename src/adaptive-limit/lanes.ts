import { priorities } from '../core/attempt.ts'
import { type Order, Queue, type Waiter } from '../math/queue.ts'
import type { Room } from './room.ts'

/** Who has waited longest of the most important that wait. */
export interface Longest {
  readonly lane: number
  readonly waiter: Waiter
}

/** Who waits, a queue for each priority: the first of them is that of the most important. */
export class Lanes {
  readonly #queues = [new Queue<Waiter>(), new Queue<Waiter>(), new Queue<Waiter>(), new Queue<Waiter>()]
  size = 0

  join(waiter: Waiter, lane: number, order: Order, maxWaitMs: number, now: number): void {
    this.size++
    waiter.since = now
    waiter.maxWaitMs = this.#queues[lane]!.join(waiter, order, maxWaitMs, now)
  }

  leave(waiter: Waiter, lane: number): void {
    if (this.#queues[lane]!.leave(waiter)) this.size--
  }

  /** Takes out whose turn it is: of the most important that wait, and only if it is of one of the first `lanes`. */
  next(order: Order, lanes: number): Waiter | undefined {
    if (this.size === 0) return undefined
    for (let lane = 0; lane < lanes; lane++) {
      const waiter = this.#queues[lane]!.next(order)
      if (waiter === undefined) continue
      this.size--
      return waiter
    }
    return undefined
  }

  /** Whether somebody waits who is less important. */
  anyBelow(lane: number): boolean {
    return this.#queues.some(({ size }, other) => other > lane && size > 0)
  }

  /** Takes out who came last of the least important. */
  dropLeast(): Waiter | undefined {
    const queue = this.#queues.findLast(({ size }) => size > 0)
    const waiter = queue?.last
    if (waiter === undefined) return undefined
    queue!.leave(waiter)
    this.size--
    return waiter
  }

  /** The most important lane in which somebody waits, and who has waited there longest. */
  longest(): Longest | undefined {
    for (let lane = 0; lane < this.#queues.length; lane++) {
      const waiter = this.#queues[lane]!.first
      if (waiter !== undefined) return { lane, waiter }
    }
    return undefined
  }
}

/** Who waits for room of its own may press those below it, up to what the next more important priority may fill, and never those above. */
export function pressureOf({ lane, waiter }: Longest, room: Room, now: number): number {
  const own = room[priorities[lane]!]
  const above = lane === 0 ? 1 : Math.min(1, room[priorities[lane - 1]!])
  const waited = waiter.maxWaitMs === 0 ? 1 : Math.min(1, (now - waiter.since) / waiter.maxWaitMs)
  return Math.min(1, own + Math.max(0, above - own) * waited)
}
