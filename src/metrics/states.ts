import type { BreakerStateName, StateSegment } from './snapshot.ts'

/** How far back histories go. */
export const HISTORY_MS = 900_000
const MOST = 500

interface Change {
  readonly state: BreakerStateName
  readonly at: number
  readonly reason: string | null
}

/** The states of one breaker over the last 15 minutes, and how often it went from one to another. Bounded; of more than 500 changes the oldest go. */
export class States {
  readonly #changes: Change[]
  readonly #counts = new Map<string, { from: BreakerStateName; to: BreakerStateName; count: number }>()

  constructor(state: BreakerStateName, at: number, reason: string | null) {
    this.#changes = [{ state, at, reason }]
  }

  get #last(): Change {
    return this.#changes.at(-1)!
  }

  get state(): BreakerStateName {
    return this.#last.state
  }

  get since(): number {
    return this.#last.at
  }

  /** It has entered a state; an open breaker may open anew. */
  enter(to: BreakerStateName, at: number, reason: string | null): void {
    const { state: from } = this.#last
    const key = `${from}>${to}`
    const known = this.#counts.get(key)
    if (known === undefined) this.#counts.set(key, { from, to, count: 1 })
    else known.count++
    // A segment that began later than this one: a clock that was set.
    this.#changes.push({ state: to, at: Math.max(at, this.#last.at), reason })
    const until = at - HISTORY_MS
    // What the second of them ended before that is seen no more.
    let gone = Math.max(0, this.#changes.length - MOST)
    while (gone < this.#changes.length - 1 && this.#changes[gone + 1]!.at < until) gone++
    if (gone > 0) this.#changes.splice(0, gone)
  }

  transitions(): readonly { readonly from: BreakerStateName; readonly to: BreakerStateName; readonly count: number }[] {
    return [...this.#counts.values()].map((one) => ({ ...one }))
  }

  /** Without gaps, the last one running on. */
  history(from: number): StateSegment[] {
    return this.#changes
      .map(({ state, at, reason }, i) => ({ state, from: Math.max(at, from), to: this.#changes[i + 1]?.at ?? null, reason }))
      .filter(({ to }) => to === null || to > from)
  }
}
