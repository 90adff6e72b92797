import { Flags } from './flags.ts'
import type { Strand } from './strand.ts'
import type { EndedBy, Settled, Verdict } from './verdict.ts'

/** Why a scope, and all work within it, was ended early. */
export interface Ending {
  readonly by: EndedBy
  /** What the guards of started work are told; those of work that had not started are told `unused`. */
  readonly verdict: Verdict
  /** The error of whoever waits, and the reason of the aborted signals. */
  readonly error: unknown
}

/** Attempts that a layer has at hand, whose signal somebody has read. */
export interface Followed {
  followers: Set<{ follow(ending: Ending): void }> | undefined
}

/** What can be ended from outside: an attempt, or the strand of a layer's `next`. */
export interface Child {
  before: Child | undefined
  after: Child | undefined
  end(ending: Ending): void
}

/**
 * A node of the tree of a call: the call itself, or an attempt with what its layers started within it. Cancellation goes
 * down this tree, and a scope is over when all work within it has ended.
 *
 * Each call makes two of them, the call and its attempt, so they are what a call costs. What few calls need is made when it is
 * needed. All fields are set in the one constructor of each record, which V8 can then inline where a record is made: called by
 * way of `super(…)` a chain of four took 30 ns and more. And no member is `#private`: a class with private methods puts a brand of its own into
 * every instance.
 */
export abstract class Scope extends Flags {
  abstract readonly strand: Strand
  /** What encloses it; `undefined` for the call. */
  abstract readonly parent: Scope | undefined
  /** The call or attempt whose answer comes from within. */
  get owner(): Scope {
    return this
  }

  /** On the pipeline's clock; Infinity when unbounded. */
  deadline!: number
  ended: Ending | undefined
  /** Work within that has not ended: own work, and children not yet released. */
  open!: number
  /** Children not yet released; a list, from the youngest on. */
  youngest: Child | undefined
  /** What few scopes need, made with the first of it. */
  abstract readonly rare: Followed | undefined
  abstract readonly more: Followed

  adopt(child: Child): void {
    this.open++
    const elder = this.youngest
    if (elder !== undefined) {
      child.before = elder
      elder.after = child
    }
    this.youngest = child
  }

  /** The child has been released. */
  leave(child: Child): void {
    const { before, after } = child
    if (before !== undefined) before.after = after
    if (after === undefined) this.youngest = before
    else after.before = before
    child.before = child.after = undefined
    this.workEnded()
  }

  workEnded(): void {
    if (--this.open === 0) this.onIdle()
  }

  /** Ends all that runs within, inner first. */
  endChildren(ending: Ending): void {
    // A list of its own: ending one may release another.
    const children: Child[] = []
    for (let child = this.youngest; child !== undefined; child = child.before) children.push(child)
    for (const child of children) child.end(ending)
    for (const one of this.rare?.followers ?? []) one.follow(ending)
  }

  /** Nothing within is open any more. */
  protected abstract onIdle(): void
  /** What an attempt within had held (`until`) is settled, and it was this scope's answer. */
  abstract heldSettled(settled: Settled): void
}
