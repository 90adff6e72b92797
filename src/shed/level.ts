/** A level that was left is told only when it has not been reached again for so long. */
const CALM_MS = 1_000

/** How far up calls are refused, as it is told: a rise at once, a fall when it has lasted. Levels count from the most important priority. */
export class Level {
  #reachedAt = -Infinity

  /** @param told the level that was told last */
  constructor(public told: number) {}

  /** Whether to tell. */
  note(level: number, now: number): boolean {
    if (level <= this.told) this.#reachedAt = now
    if (level === this.told || (level > this.told && now - this.#reachedAt < CALM_MS)) return false
    this.told = level
    this.#reachedAt = now
    return true
  }
}
