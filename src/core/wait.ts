import type { AttemptRecord } from './attempt-record.ts'
import { closedRefusal } from './call.ts'
import { DeadlinePassedError } from './errors.ts'
import { guarded } from './hooks.ts'
import { back, broke, enter, goOn, refused } from './inwards.ts'
import { type Guard, type LaterPlan, refuse, Refusal } from './policy.ts'
import type { Stage } from './stage.ts'
import type { Alarm, Ringable } from './timers.ts'

/**
 * An attempt's place in a guard's queue. It is over once: the guard wakes it, it waited too long, its caller has gone, or the
 * pipeline closes. What follows runs in a promise of the caller's own async context, never in the waker's stack.
 */
export class Wait implements Ringable {
  readonly #stage: Stage
  readonly #guard: Guard
  #over = false
  #alarm: Alarm | undefined = undefined

  constructor(
    readonly attempt: AttemptRecord,
    readonly later: LaterPlan,
  ) {
    this.#stage = attempt.stage!
    this.#guard = this.#stage.guards[attempt.admitted]!
  }

  begin(): void {
    const { attempt, later } = this
    const stage = this.#stage
    if (stage.plan.closing) return refused(attempt, closedRefusal(stage.plan))
    attempt.join()
    attempt.now()
    attempt.waiting = this
    stage.arm(attempt)
    attempt.strand.parkUntil(() => this.#refuse(() => closedRefusal(stage.plan)))
    try {
      later.start((answer) => this.#wake(answer))
    } catch (error) {
      this.#finish()
      throw error
    }
    if (this.#over || !(later.maxWaitMs < Infinity)) return
    this.#alarm = stage.plan.timers.set(this, attempt.now() + later.maxWaitMs, later.maxWaitMs, true)
  }

  #wake(answer: object): void {
    const { attempt } = this
    if (this.#over) return this.#giveBack(answer)
    this.#finish()
    if (answer instanceof Refusal) return this.#goOn(() => answer)
    // Handed over: from here on the permit is the stage's, whoever ends the attempt first.
    this.#stage.keep(attempt, answer)
    this.#goOn(undefined)
  }

  /** The caller has gone and the guard did not know it yet. */
  #giveBack(permit: object): void {
    if (!(permit instanceof Refusal)) this.#stage.giveBack(this.#guard, permit, this.attempt)
  }

  ring(): void {
    this.#refuse(() => this.later.expired())
  }

  #refuse(refusal: () => Refusal): void {
    if (this.#over) return
    this.leave()
    this.#goOn(refusal)
  }

  /** The caller has gone. */
  leave(): void {
    if (this.#over) return
    this.#finish()
    guarded(this.#stage.plan.report, () => this.later.cancel())
  }

  #finish(): void {
    this.#over = true
    this.attempt.waiting = undefined
    if (this.#alarm !== undefined) this.#stage.plan.timers.clear(this.#alarm)
  }

  #goOn(refusal: (() => Refusal) | undefined): void {
    this.attempt.strand.wakeWith(() => this.#resume(refusal))
  }

  #resume(refusal: (() => Refusal) | undefined): void {
    const { attempt } = this
    const stage = this.#stage
    if (attempt.ended !== undefined) return
    if (refusal !== undefined) {
      try {
        return refused(attempt, refusal())
      } catch (error) {
        return broke(attempt, error)
      }
    }
    // Time is read anew, because waiting is not slowness.
    attempt.startedAt = stage.plan.clock.now()
    if (attempt.startedAt >= attempt.deadline) {
      // Too late, though its timer has not come by yet.
      if (attempt.deadline < attempt.outerDeadline) return stage.expire(attempt, attempt.startedAt)
      // A branch does not wait for an outer timer: its call may be answered, and the timer cleared, before that comes by.
      if (attempt.strand.from > 0) return refused(attempt, refuse(stage.plan, DeadlinePassedError, () => 'the deadline passed in a queue'))
      // Whoever the deadline belongs to decides, in this very turn.
      back(attempt)
      attempt.strand.park()
      return
    }
    if (enter(attempt)) goOn(attempt)
  }
}
