import type { Bound } from './bound.ts'
import type { Branch } from './branch.ts'

interface Broken {
  readonly reason: unknown
  /** Who broke it off; `undefined`: it failed. */
  readonly by: Bound | undefined
}

/** The body of one response: what all who read it, its clones, and all who bound it have in common. */
export class Body {
  /** fetch's own stream, and one for each clone. */
  branches: readonly Branch[] = []
  /** The innermost first. */
  #bounds: Bound | undefined = undefined
  broken: Broken | undefined = undefined
  over = false
  begun = false
  /** How many wait for a part of it. */
  #reads = 0
  /** Read from since it was asked last. */
  #alive = false

  add(bound: Bound): void {
    let last = this.#bounds
    while (last?.outer !== undefined) last = last.outer
    if (last === undefined) this.#bounds = bound
    else last.outer = bound
  }

  get hasCaller(): boolean {
    for (let bound = this.#bounds; bound !== undefined; bound = bound.outer) if (bound.hasCaller) return true
    return false
  }

  get awaited(): boolean {
    return this.#reads > 0
  }

  used(): boolean {
    const used = this.awaited || this.#alive
    this.#alive = false
    return used
  }

  /** Somebody waits for a part of it. */
  expect(): void {
    if (this.broken !== undefined) throw this.broken.reason
    this.begun = this.#alive = true
    this.#reads++
    for (let bound = this.#bounds; bound !== undefined; bound = bound.outer) bound.expect()
  }

  /** A part came, and the next one is waited for already. */
  came(): void {
    for (let bound = this.#bounds; bound !== undefined; bound = bound.outer) bound.came()
  }

  /** Nothing more is waited for, by this one. */
  rest(): void {
    if (--this.#reads > 0) return this.came()
    for (let bound = this.#bounds; bound !== undefined; bound = bound.outer) bound.rest()
  }

  /** It failed, or is broken off; the first one says why. Answers what a reader is told. */
  broke(reason: unknown, by?: Bound): unknown {
    if (this.broken !== undefined) return this.broken.reason
    if (this.over) return reason
    this.broken = { reason, by }
    this.#finish()
    if (this.branches.length === 1) this.#breakOff(reason)
    else void this.#breakOffLater(reason)
    return reason
  }

  #breakOff(reason: unknown): void {
    for (const branch of this.branches) branch.breakOff(reason)
  }

  /** Clones hear of an aborted request some turns late; undici throws what a cancelled clone says before that at nobody. */
  async #breakOffLater(reason: unknown): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await Promise.resolve()
    this.#breakOff(reason)
  }

  /** All of it has come. */
  end(): void {
    if (!this.over) this.#finish()
  }

  /** Nobody will read this one to its end. */
  leave(branch: Branch): void {
    this.branches = this.branches.filter((one) => one !== branch)
    if (this.branches.length === 0) this.end()
  }

  #finish(): void {
    this.over = true
    const { broken } = this
    // Those further in than who broke it off hear that it was given up: that is not the server's fault.
    let givenUp = broken?.by !== undefined
    for (let bound = this.#bounds; bound !== undefined; bound = bound.outer) {
      if (bound === broken?.by) givenUp = false
      bound.finish(broken, givenUp)
    }
  }
}
