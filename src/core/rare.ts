import type { Branch } from './branch.ts'
import type { Guard } from './policy.ts'
import { type Child, type Followed, Scope } from './scope.ts'
import type { Alarm } from './timers.ts'
import type { Held, Trail } from './attempt.ts'
import type { Wait } from './wait.ts'

/** What few attempts need. */
class Rare implements Followed {
  followers: Followed['followers'] = undefined
  before: Child | undefined = undefined
  after: Child | undefined = undefined
  trail: Trail | undefined = undefined
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
 * An attempt's fields that few attempts need live in a record of their own, made with the first of them: 80 bytes less for every other
 * attempt, of some 250.
 */
export abstract class WithRare extends Scope {
  rare: Rare | undefined

  get more(): Rare {
    return (this.rare ??= new Rare())
  }

  /** The children of its parent that were adopted before and after it. */
  get before(): Child | undefined {
    return this.rare?.before
  }
  set before(child: Child | undefined) {
    if (child !== undefined || this.rare !== undefined) this.more.before = child
  }
  get after(): Child | undefined {
    return this.rare?.after
  }
  set after(child: Child | undefined) {
    if (child !== undefined || this.rare !== undefined) this.more.after = child
  }

  get trail(): Trail | undefined {
    return this.rare?.trail
  }
  set trail(trail: Trail | undefined) {
    if (trail !== undefined) this.more.trail = trail
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
