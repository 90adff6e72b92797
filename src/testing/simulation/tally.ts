import { priorities, type Priority } from '../../core/attempt.ts'
import { RejectedError, TimeoutError } from '../../core/errors.ts'

/** How a call can end. Each call that starts ends as exactly one of these, or is still `pending` when the run ends. */
export const endings = ['good', 'late', 'refused', 'timedOut', 'failed'] as const
export type SimEnding = (typeof endings)[number]
export type Counted = 'offered' | SimEnding

/** Counts per second of the call's start, and per priority. */
export class Tally {
  /** One list per priority and kind, one number per second. */
  readonly counts: Record<Priority, Record<Counted, number[]>>
  /** Of the good ones: when they started, and how long they took, ms. */
  readonly startedAt: number[] = []
  readonly tookMs: number[] = []
  readonly errors: Map<string, number> = new Map()
  pending = 0

  constructor(readonly seconds: number) {
    const zeros = (): number[] => Array.from({ length: seconds }, () => 0)
    const counts = (): Record<Counted, number[]> => ({ offered: zeros(), good: zeros(), late: zeros(), refused: zeros(), timedOut: zeros(), failed: zeros() })
    this.counts = Object.fromEntries(priorities.map((priority) => [priority, counts()])) as Record<Priority, Record<Counted, number[]>>
  }

  offered(priority: Priority, at: number): void {
    this.pending++
    this.#count(priority, 'offered', at)
  }

  answered(priority: Priority, at: number, tookMs: number, withinMs: number): void {
    this.pending--
    this.#count(priority, tookMs <= withinMs ? 'good' : 'late', at)
    this.startedAt.push(at)
    this.tookMs.push(tookMs)
  }

  rejected(priority: Priority, at: number, error: unknown): void {
    this.pending--
    this.#count(priority, error instanceof RejectedError ? 'refused' : error instanceof TimeoutError ? 'timedOut' : 'failed', at)
    const name = error instanceof Error ? error.name : typeof error
    this.errors.set(name, (this.errors.get(name) ?? 0) + 1)
  }

  #count(priority: Priority, kind: Counted, at: number): void {
    const list = this.counts[priority][kind]
    const second = Math.floor(at / 1_000)
    list[second] = (list[second] ?? 0) + 1
  }
}
