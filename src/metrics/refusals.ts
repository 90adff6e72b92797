import { priorities, type Priority } from '../core/attempt.ts'
import { short } from './label.ts'
import type { RejectionCount } from './snapshot.ts'
import { Steps } from './steps.ts'

/** As many policies are told apart; a guard of the user's may refuse under any name. */
const MOST = 32
const OTHERS = '(other)'

class Refuser {
  readonly steps: Steps = new Steps()
  readonly byPriority: Float64Array = new Float64Array(priorities.length)
}

/** Who refused how often, by priority, and when. Allocates once per policy that refuses. */
export class Refusals {
  readonly #refusers = new Map<string, Refuser>()

  add(policy: string, priority: Priority, second: number): void {
    const one = this.#refusers.get(policy) ?? this.#further(policy)
    one.byPriority[priorityOf(priority)]!++
    one.steps.add(second)
  }

  #further(policy: string): Refuser {
    const name = this.#refusers.size < MOST ? short(policy) : OTHERS
    let one = this.#refusers.get(name)
    if (one === undefined) this.#refusers.set(name, (one = new Refuser()))
    return one
  }

  /** By priority, of one policy. */
  of(policy: string): Record<Priority, number> {
    const counts = this.#refusers.get(policy)?.byPriority
    return Object.fromEntries(priorities.map((priority, i) => [priority, counts?.[i] ?? 0])) as Record<Priority, number>
  }

  totals(): RejectionCount[] {
    return [...this.#refusers].flatMap(([policy, { byPriority }]) =>
      priorities.map((priority, i) => ({ policy, priority, count: byPriority[i]! })).filter(({ count }) => count > 0))
  }

  /** What `read` says of the seconds of each. */
  each<T>(read: (steps: Steps) => T): [policy: string, T][] {
    return [...this.#refusers].map(([policy, { steps }]) => [policy, read(steps)])
  }
}

export function priorityOf(priority: Priority): number {
  return priority === 'normal' ? 2 : priority === 'high' ? 1 : priority === 'low' ? 3 : 0
}
