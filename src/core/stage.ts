import { abortWork, type AttemptRecord } from './attempt-record.ts'
import { DeadlinePassedError, stackless, TimeoutError } from './errors.ts'
import { beginLoop, endLoop } from './events.ts'
import { guarded, quieted } from './hooks.ts'
import { show } from './options.ts'
import { failed, SettledRecord } from './outcome.ts'
import { conclude } from './outwards.ts'
import { keepsNothing } from './own.ts'
import type { Plan } from './plan.ts'
import { type Guard, Unadmitted, unguarded } from './policy.ts'
import { NOTHING, Post, prove } from './post.ts'
import type { Ending } from './scope.ts'
import type { EndedBy, Settled, Verdict } from './verdict.ts'

/** Whose timer comes later than this was paused itself (a blocked event loop, a laptop asleep): that says nothing about the dependency. */
export const lateAfterMs = (spanMs: number): number => Math.max(50, spanMs * 0.1)

/**
 * A run of neighbouring guards. The only place that admits, settles and releases, and so the only one that has to know
 * what "once" means: each permit is settled once and released once, whatever ends the attempt first.
 */
export class Stage {
  readonly kind = 'stage'
  /** Guards that read `startedAt` when they settle. */
  readonly timed: boolean
  /** Its span is that of one attempt; those of timeouts further out last. */
  readonly innermostTimeout: Guard | undefined
  /** Outer to inner. */
  private readonly posts: readonly Post[]
  /** Inner to outer, those that want to be told. */
  private readonly settling: readonly Post[]
  private readonly releasing: readonly Post[]
  /** None of its guards keeps what it is told: then one record does for all attempts, 80 bytes less for each. */
  private readonly brief: boolean
  private spare: SettledRecord | undefined = undefined
  /**
   * What each guard admitted with last. Most have one permit for all attempts: then all attempts share this list, and what is known to
   * be a permit need not be looked at. Never written to: one that differs is in a copy (80 bytes less for every other attempt).
   */
  private usual: readonly unknown[]

  constructor(
    readonly guards: readonly Guard[],
    /** Whether it surrounds the user's function. */
    readonly innermost: boolean,
    readonly plan: Plan,
  ) {
    this.timed = guards.some((guard) => guard.timed === true)
    this.innermostTimeout = guards.filter(({ timeoutMs }) => timeoutMs !== undefined).at(-1)
    this.posts = guards.map((guard, i) => new Post(guard, i))
    this.usual = guards.map(() => NOTHING)
    const inwards = this.posts.toReversed()
    this.settling = inwards.filter(({ settle }) => settle !== undefined)
    this.releasing = inwards.filter(({ release }) => release !== undefined)
    this.brief = this.settling.every(({ guard }) => keepsNothing(guard))
  }

  /**
   * Asks the guards that have not been asked, outer to inner. `undefined` when all have admitted; else what the first of them
   * said that did not, whose index is `attempt.admitted`. When one throws, nothing stays admitted.
   */
  admit(attempt: AttemptRecord): Unadmitted | undefined {
    const { posts, plan } = this
    if (plan.timers.watched > 0) plan.timers.reap()
    // What is told of it by `reap` may have ended it.
    if (posts.length === 0 || attempt.settled) return undefined
    beginLoop()
    try {
      let shared = attempt.permits ?? this.usual
      let own: unknown[] | undefined
      for (let i = attempt.admitted; i < posts.length; i++) {
        const post = posts[i]!
        const bound = attempt.deadline
        const answer = post.admit.call(post.guard, attempt)
        if (attempt.deadline !== bound) this.bounded(attempt, post.guard, bound)
        if (answer !== shared[i]) {
          if (answer instanceof Unadmitted) return answer
          if (shared[i] === NOTHING) prove(post.guard, answer)
          if (own === undefined) shared = own = [...shared]
          own[i] = answer
        }
        // This admit has ended the attempt: the guards before it have been told.
        if (attempt.settled) return this.giveBack(post.guard, answer, attempt)
        attempt.permits = shared
        attempt.admitted = i + 1
      }
      if (own !== undefined) this.usual = own
      return undefined
    } catch (error) {
      this.unwind(attempt)
      throw error
    } finally {
      endLoop()
    }
  }

  /** The permit of a guard that let it wait is the stage's from here on. */
  keep(attempt: AttemptRecord, permit: object): void {
    const permits = [...(attempt.permits ?? this.usual)]
    permits[attempt.admitted++] = permit
    attempt.permits = permits
  }

  /** A permit of an attempt that is over already. */
  giveBack(guard: Guard, permit: object, attempt: AttemptRecord): undefined {
    if (permit === unguarded) return
    const { clock, report } = this.plan
    guarded(report, () => guard.settle?.(permit, new SettledRecord('unused', 'caller', undefined, clock), attempt))
    guarded(report, () => guard.release?.(permit, attempt))
  }

  /** A guard may lower the deadline, never raise it. */
  private bounded(attempt: AttemptRecord, guard: Guard, bound: number): void {
    if (attempt.deadline >= bound) {
      attempt.deadline = bound
      return
    }
    if (attempt.limiter !== undefined) attempt.around = { deadline: bound, limiter: attempt.limiter }
    attempt.limiter = guard
  }

  /** Sets the timer of an attempt whose deadline one of its own guards has lowered. */
  arm(attempt: AttemptRecord): void {
    const { limiter } = attempt
    if (limiter === undefined || attempt.deadline >= attempt.outerDeadline || attempt.alarm?.due === attempt.deadline) return
    attempt.disarm()
    const spanMs = limiter.timeoutMs
    const span = spanMs ?? attempt.deadline - attempt.now()
    attempt.alarm = this.plan.timers.set(attempt, attempt.deadline, span, spanMs !== undefined)
  }

  /** Admitted here and refused further in: as if it had not been. */
  unwind(attempt: AttemptRecord, by: EndedBy = 'refusal'): void {
    attempt.known()
    attempt.disarm()
    if (attempt.admitted === 0) return this.forget(attempt)
    this.tellBriefly(attempt, 'unused', by, undefined)
    this.free(attempt)
  }

  /**
   * The verdict is known. Only the first one counts. Answers what observers were told, if any is there to be told; `straight`: those that can
   * be told of the whole call at once are told later.
   */
  settle(attempt: AttemptRecord, verdict: Verdict, endedBy: EndedBy, retryAfterMs: number | undefined, straight = false): SettledRecord | undefined {
    if (attempt.settled) return undefined
    attempt.known()
    if (attempt.alarm !== undefined) attempt.disarm()
    const awaited = attempt.rare === undefined ? undefined : attempt.awaitedBy
    let settled: SettledRecord | undefined
    if (this.plan.stamping || awaited !== undefined) this.tell(attempt, (settled = new SettledRecord(verdict, endedBy, retryAfterMs, this.plan.clock)))
    else this.tellBriefly(attempt, verdict, endedBy, retryAfterMs)
    if (this.plan.stamping) settled = this.observed(attempt, settled ?? new SettledRecord(verdict, endedBy, retryAfterMs, this.plan.clock), straight)
    if (attempt.open === 0) this.release(attempt)
    if (awaited !== undefined) awaited.heldSettled(settled!)
    return settled
  }

  /** Observers are told of an attempt that ran the function. */
  private observed(attempt: AttemptRecord, settled: SettledRecord, straight: boolean): SettledRecord {
    const { plan, innermost } = this
    if (!innermost || !attempt.started) return settled
    if (straight && plan.terse) settled.stamp()
    else plan.attemptSettled(attempt, settled)
    return settled
  }

  /** All work within has ended. */
  release(attempt: AttemptRecord): void {
    if (attempt.rare !== undefined && attempt.watch !== undefined) {
      this.plan.timers.clear(attempt.watch)
      attempt.watch = undefined
    }
    this.free(attempt)
    attempt.part()
  }

  /** Tells the guards, and nobody else. */
  private tellBriefly(attempt: AttemptRecord, verdict: Verdict, endedBy: EndedBy, retryAfterMs: number | undefined): void {
    if (this.settling.length === 0) return
    const settled = this.spare?.renew(verdict, endedBy, retryAfterMs) ?? new SettledRecord(verdict, endedBy, retryAfterMs, this.plan.clock)
    // Not while it is told: a guard may run code of its user's, and that another call.
    this.spare = undefined
    this.tell(attempt, settled)
    if (this.brief) this.spare = settled
  }

  private tell(attempt: AttemptRecord, settled: Settled): void {
    const { permits, admitted } = attempt
    if (permits === undefined) return
    beginLoop()
    const { settling } = this
    for (let i = 0; i < settling.length; i++) {
      const { guard, index, settle } = settling[i]!
      if (index >= admitted) continue
      const permit = permits[index] as object
      if (permit === unguarded) continue
      try {
        const said: unknown = settle!.call(guard, permit, settled, attempt)
        if (said !== undefined) quieted(said, this.plan.report)
      } catch (error) {
        this.plan.report(error)
      }
    }
    endLoop()
  }

  private free(attempt: AttemptRecord): void {
    const { permits, admitted } = attempt
    const { releasing } = this
    if (permits === undefined || releasing.length === 0) return this.forget(attempt)
    beginLoop()
    for (let i = 0; i < releasing.length; i++) {
      const { guard, index, release } = releasing[i]!
      if (index >= admitted) continue
      const permit = permits[index] as object
      if (permit === unguarded) continue
      try {
        const said: unknown = release!.call(guard, permit, attempt)
        if (said !== undefined) quieted(said, this.plan.report)
      } catch (error) {
        this.plan.report(error)
      }
    }
    this.forget(attempt)
    endLoop()
  }

  private forget(attempt: AttemptRecord): void {
    attempt.permits = undefined
    if (attempt.controller !== undefined) this.plan.live.delete(attempt)
  }

  /** The attempt's own deadline has passed: a timeout of this pipeline. */
  expire(attempt: AttemptRecord, now: number): void {
    const { alarm, call, limiter } = attempt
    if (alarm === undefined) return
    attempt.alarm = undefined
    const verdict: Verdict = now - alarm.due > lateAfterMs(alarm.spanMs) ? 'ignored' : 'overload'
    const details = { policy: limiter?.name, pipeline: this.plan.name, attempts: call.attempts, cause: call.lastError }
    const span = `${Math.round(alarm.spanMs)} ms`
    const error = stackless(
      () =>
        call.attempts > 0
          ? new TimeoutError(`${show(this.plan.name)} timed out after ${span}`, details)
          : new DeadlinePassedError(`Cannot call ${show(this.plan.name)}: the timeout of ${span} passed before anything was started`, details),
      this.plan.stacks,
    )
    call.more.lastError = error
    const { number, started, answered } = attempt
    attempt.end({ by: 'timeout', verdict, error })
    if (call.wants('timeout.expired')) call.emit('timeout.expired', { policy: limiter?.name ?? '', timeoutMs: alarm.spanMs, number, verdict })
    // What it only holds (`until`) was answered long ago: a further attempt may wait in a back-off meanwhile.
    if (!answered) conclude(attempt, attempt.at - 1, failed(error, started ? verdict : 'unused', 'timeout'))
  }

  /** A layer gives the attempt up. */
  cancel(attempt: AttemptRecord, ending: Ending): void {
    if (attempt.settled) return
    const wasAnswered = attempt.answered
    attempt.end(ending)
    if (!wasAnswered) conclude(attempt, attempt.at - 1, failed(ending.error, ending.verdict, ending.by))
  }

  /** Ends the attempt's own part, after its children: guards first, then the function's signal. */
  end(attempt: AttemptRecord, ending: Ending): void {
    if (attempt.waiting !== undefined) attempt.waiting.leave()
    if (!attempt.settled) {
      this.settle(attempt, attempt.started ? ending.verdict : 'unused', ending.by, undefined)
      if (attempt.open > 0 && this.innermost) this.lingers(attempt)
    }
    abortWork(attempt, ending.error)
  }

  /** The caller was answered and the work goes on: it keeps its permits until it ends, or is abandoned. */
  lingers(attempt: AttemptRecord): void {
    const { timers, clock, abandonAfterMs } = this.plan
    if (abandonAfterMs === Infinity || attempt.watch !== undefined) return
    attempt.watch = timers.watch(attempt, clock.now() + abandonAfterMs, abandonAfterMs)
  }

  abandon(attempt: AttemptRecord): void {
    attempt.watch = undefined
    if (attempt.open === 0) return
    if (!attempt.settled && this.inUse(attempt)) return this.lingers(attempt)
    // Whatever is still open counts as ended; should it really end, nobody asks any more.
    attempt.open = 0
    if (attempt.settled) this.release(attempt)
    else this.settle(attempt, 'ignored', 'work', undefined)
  }

  private inUse({ holding }: AttemptRecord): boolean {
    let used = false
    for (const held of holding ?? []) {
      guarded(this.plan.report, () => {
        if (held.inUse?.() === true) used = true
      })
    }
    return used
  }
}
