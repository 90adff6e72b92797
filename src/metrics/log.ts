import type { LogEntry } from './snapshot.ts'

/** Entries of one kind that come within this time of one another are one entry, for as long as the other says. */
const TOGETHER_MS = 1_000
const LONGEST_MS = 10_000

interface Kept {
  readonly key: string
  readonly firstAt: number
  entry: LogEntry
}

/** The latest rare events of all pipelines, so many at most. */
export class Log {
  readonly #ring: Kept[] = []
  readonly #latest = new Map<string, Kept>()
  #next = 0

  constructor(readonly most: number) {}

  add(entry: Omit<LogEntry, 'id' | 'count'>): void {
    if (this.most === 0) return
    const { type, pipeline, policy, at } = entry
    const key = `${type}\n${pipeline}\n${policy}`
    const last = this.#latest.get(key)
    if (last !== undefined && at - last.entry.at <= TOGETHER_MS && at - last.firstAt <= LONGEST_MS) {
      last.entry = { ...entry, id: last.entry.id, count: last.entry.count + 1 }
      return
    }
    const place = this.#next % this.most
    const replaced = this.#ring[place]
    if (replaced !== undefined && this.#latest.get(replaced.key) === replaced) this.#latest.delete(replaced.key)
    const kept = { key, firstAt: at, entry: { ...entry, id: this.#next++, count: 1 } }
    this.#ring[place] = kept
    this.#latest.set(key, kept)
  }

  /** Oldest first. */
  read(): LogEntry[] {
    const oldest = this.#ring.length < this.most ? 0 : this.#next % this.most
    return [...this.#ring.slice(oldest), ...this.#ring.slice(0, oldest)].map(({ entry }) => ({ ...entry }))
  }
}
