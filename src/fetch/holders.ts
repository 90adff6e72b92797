import type { AttemptRecord, Held } from '../core/attempt.ts'

interface Holder {
  readonly signal: AbortSignal
  readonly ended: () => void
  readonly broke: (reason: unknown) => void
}

/** The attempts whose guards wait for the end of a body (`attempt.until`): one, or one more for each resilient fetch around it. */
export class Holders {
  #all: Holder[] = []

  get some(): boolean {
    return this.#all.length > 0
  }

  add(attempt: AttemptRecord, held: Held): void {
    const { signal } = attempt
    attempt.until(new Promise<void>((ended, broke) => this.#all.push({ signal, ended, broke })), held)
  }

  /** There is no more to wait for. `broken`: it failed, which tells something to those that have not been ended themselves. */
  letGo(broken?: { readonly reason: unknown }): void {
    const all = this.#all
    if (all.length === 0) return
    this.#all = []
    for (const { signal, ended, broke } of all) {
      if (broken === undefined || signal.aborted) ended()
      else broke(broken.reason)
    }
  }
}
