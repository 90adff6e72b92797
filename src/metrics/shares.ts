import { HISTORY_MS } from './states.ts'

const MOST = 900

/** Where a throttle's share changed over the last 15 minutes, at most once a second. Bounded. */
export class Shares {
  readonly #changes: { readonly at: number; allow: number }[] = []

  change(allow: number, at: number): void {
    const last = this.#changes.at(-1)
    if (last !== undefined && at - last.at < 1_000) last.allow = allow
    else if (last?.allow !== allow) this.#changes.push({ at, allow })
    let gone = Math.max(0, this.#changes.length - MOST)
    while (gone < this.#changes.length - 1 && this.#changes[gone + 1]!.at < at - HISTORY_MS) gone++
    if (gone > 0) this.#changes.splice(0, gone)
  }

  history(from: number): { readonly at: number; readonly allow: number }[] {
    return this.#changes.filter((_, i) => (this.#changes[i + 1]?.at ?? Infinity) > from).map(({ at, allow }) => ({ at: Math.max(at, from), allow }))
  }
}
