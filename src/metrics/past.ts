export const STEP_MS = 10_000
const steps = 90

/**
 * The last 15 minutes in steps of 10 s: how many calls there were, and how many of them went wrong. 720 bytes whatever happens, no timer:
 * time passes when it is asked or told.
 */
export class Past {
  readonly #calls = new Uint32Array(steps)
  readonly #bad = new Uint32Array(steps)
  /** The step that runs, counted from time 0. */
  #newest = -Infinity

  /** `at`: ms since any fixed point. One from before the newest step counts there. */
  count(at: number, calls: number, bad: number): void {
    this.#advance(at)
    const i = this.#newest % steps
    this.#calls[i]! += calls
    this.#bad[i]! += bad
  }

  /** Oldest first; the last step is the one that runs at `now`, and began `ageMs` ago. `pending` is what has not been counted yet. Pure. */
  read(now: number, pending: { readonly at: number; readonly calls: number; readonly bad: number } = { at: now, calls: 0, bad: 0 }): { readonly stepMs: number; readonly ageMs: number; readonly calls: number[]; readonly bad: number[] } {
    const last = Math.floor(now / STEP_MS)
    const at = (counts: Uint32Array, i: number): number => {
      const step = last - steps + 1 + i
      return step > this.#newest - steps && step <= this.#newest ? counts[((step % steps) + steps) % steps]! : 0
    }
    const calls = Array.from({ length: steps }, (_, i) => at(this.#calls, i))
    const bad = Array.from({ length: steps }, (_, i) => at(this.#bad, i))
    const i = Math.max(this.#newest, Math.floor(pending.at / STEP_MS)) - last + steps - 1
    if (i >= 0 && i < steps) {
      calls[i]! += pending.calls
      bad[i]! += pending.bad
    }
    return { stepMs: STEP_MS, ageMs: now - last * STEP_MS, calls, bad }
  }

  /** Empties the steps that have begun since. */
  #advance(at: number): void {
    const step = Math.floor(at / STEP_MS)
    if (step <= this.#newest) return
    for (let next = Math.max(this.#newest + 1, step - steps + 1); next <= step; next++) {
      this.#calls[next % steps] = 0
      this.#bad[next % steps] = 0
    }
    this.#newest = step
  }
}
