import type { Branch } from './branch.ts'
import type { Guard } from './policy.ts'
import { Scope } from './scope.ts'
import type { Alarm } from './timers.ts'
import type { Held } from './attempt.ts'
import type { Wait } from './wait.ts'

/** What few attempts need. */
class Rare {
  branch: Branch | undefined = undefined
  waiting: Wait | undefined = undefined
  held: Promise<unknown> | undefined = undefined
  holding: Held[] | undefined = undefined
  controller: AbortController | undefined = undefined
  around: Bound | undefined = undefined
  watch: Alarm | undefined = undefined
  awaitedBy: Scope | undefined = undefined
}

/** A deadline, and whose it is. */
export interface Bound {
  readonly deadline: number
  readonly limiter: Guard
}

/**
 * An attempt's fields that few attempts need live in a record of their own, made with the first of them: 56 bytes less for every other
 * attempt, of some 200.
 */
export abstract class WithRare extends Scope {
  rare: Rare | undefined

  get more(): Rare {
    return (this.rare ??= new Rare())
  }

  /** What a surround's `next` runs for it. */
  get branch(): Branch | undefined {
    return this.rare?.branch
  }
  set branch(branch: Branch) {
    this.more.branch = branch
  }

  /** Its place in a guard's queue. */
  get waiting(): Wait | undefined {
    return this.rare?.waiting
  }
  set waiting(waiting: Wait | undefined) {
    this.more.waiting = waiting
  }

  /** What it holds beyond its answer (`until`), and whom to ask and tell of that. */
  get held(): Promise<unknown> | undefined {
    return this.rare?.held
  }
  set held(held: Promise<unknown>) {
    this.more.held = held
  }
  get holding(): Held[] | undefined {
    return this.rare?.holding
  }
  set holding(holding: Held[]) {
    this.more.holding = holding
  }

  get controller(): AbortController | undefined {
    return this.rare?.controller
  }
  set controller(controller: AbortController) {
    this.more.controller = controller
  }

  /** The deadline before its limiter lowered it, and whose it was, where it was a guard's of this stage too. */
  get around(): Bound | undefined {
    return this.rare?.around
  }
  set around(around: Bound) {
    this.more.around = around
  }

  /** Rings when it counts as abandoned. */
  get watch(): Alarm | undefined {
    return this.rare?.watch
  }
  set watch(watch: Alarm | undefined) {
    this.more.watch = watch
  }

  /** The scope whose settlement waits for what this attempt holds. */
  get awaitedBy(): Scope | undefined {
    return this.rare?.awaitedBy
  }
  set awaitedBy(scope: Scope) {
    this.more.awaitedBy = scope
  }
}
