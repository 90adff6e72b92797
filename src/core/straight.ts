import type { Attempt } from './attempt.ts'
import { AttemptRecord } from './attempt-record.ts'
import type { CallOptions } from './call-options.ts'
import { broke, entered, goOn } from './inwards.ts'
import { Refused, refusedResult } from './outcome.ts'
import { deliver } from './outwards.ts'
import type { Plan } from './plan.ts'
import { Refusal, type Unadmitted } from './policy.ts'
import type { Stage } from './stage.ts'
import { taken } from './strand.ts'
import type { Outcome } from './verdict.ts'
import { anchored, first, over, raced } from './straight-out.ts'
import { follow } from './work.ts'

// Most calls run the function once and succeed, and nobody looks at more of them than that. They go straight: their attempts, one per stage, are
// their only records. Whoever needs the call itself (a hook that reads `attempt.call`, a queue, a repeat, a timer that comes first) asks an
// attempt for it: it is made at that moment (`recordOf`), and from there on the call goes the general way. So this file decides
// nothing; it is the general way with all that is left out which such a call does not need.

export function straight(plan: Plan, fn: (attempt: Attempt) => unknown, options: CallOptions | undefined, trying: boolean): Promise<unknown> {
  plan.callBegan()
  const { outermost, inner: stage } = plan
  if (plan.nodes[outermost] !== stage) return throughAll(plan, fn, options, trying)
  const attempt = straightAttempt(undefined, stage, fn, options)
  attempt.at = outermost
  if (trying) attempt.trying = true
  if (stage.timed || plan.stamping) attempt.now()
  let answer: Unadmitted | undefined
  try {
    answer = stage.admit(attempt)
  } catch (error) {
    broke(attempt, error)
    return attempt.strand.promise()
  }
  if (answer !== undefined || attempt.thread !== undefined || attempt.rare !== undefined) return aside(attempt, answer)
  if (attempt.limiter !== undefined) stage.arm(attempt)
  attempt.launched()
  return run(plan, attempt, fn)
}

/** The same through several stages, each with an attempt of its own within that of the one around it. One loop for both costs those that have one stage 4 %. */
function throughAll(plan: Plan, fn: (attempt: Attempt) => unknown, options: CallOptions | undefined, trying: boolean): Promise<unknown> {
  let outer: AttemptRecord | undefined
  for (let k = plan.outermost; ; k++) {
    const stage = plan.nodes[k]!
    if (stage.kind !== 'stage') continue
    const attempt = straightAttempt(outer, stage, fn, options)
    attempt.at = k
    if (trying) attempt.trying = true
    if (stage.timed || plan.stamping) stamp(attempt, outer)
    let answer: Unadmitted | undefined
    try {
      answer = stage.admit(attempt)
    } catch (error) {
      broke(attempt, error)
      return attempt.strand.promise()
    }
    if (answer !== undefined || attempt.thread !== undefined || attempt.rare !== undefined) return aside(attempt, answer)
    stage.arm(attempt)
    attempt.adopted = true
    if (outer !== undefined) {
      outer.adopt(attempt)
      // Should it be asked for the call once this one has gone, its caller has a promise already.
      outer.waits = taken
    }
    if (stage.innermost) {
      for (let one: AttemptRecord | undefined = attempt; one !== undefined; one = one.scope as AttemptRecord | undefined) one.started = true
      return run(plan, attempt, fn)
    }
    outer = attempt
  }
}

function run(plan: Plan, attempt: AttemptRecord, fn: (attempt: Attempt) => unknown): Promise<unknown> {
  attempt.open = 1
  let work: Promise<unknown>
  try {
    work = Promise.resolve(fn(attempt))
  } catch (error) {
    work = Promise.reject(error as Error)
  }
  if (attempt.thread !== undefined) {
    follow(attempt, work)
    return attempt.strand.promise()
  }
  if (attempt.deadline === Infinity) return first(attempt, work)
  return plan.plain ? raced(attempt, work) : anchored(attempt, work)
}

/** All this is one turn, in which the clock is read once. */
function stamp(attempt: AttemptRecord, outer: AttemptRecord | undefined): void {
  if (outer === undefined) attempt.now()
  else attempt.startedAt = outer.now()
}

/** Not all guards have admitted at once, or somebody has looked at the call. */
function aside(attempt: AttemptRecord, answer: Unadmitted | undefined): Promise<unknown> {
  const { plan } = attempt
  if (answer instanceof Refusal && attempt.thread === undefined && plan.plain && !plan.stamping) return refused(attempt, answer)
  if (entered(attempt, answer)) goOn(attempt)
  return attempt.strand.promise()
}

function refused(attempt: AttemptRecord, refusal: Refusal): Promise<unknown> {
  const { plan, trying } = attempt
  attempt.stage!.unwind(attempt)
  if (attempt.thread !== undefined) {
    deliver(attempt.strand, new Refused(refusal, plan, 0) as unknown as Outcome<never>)
    return attempt.strand.promise()
  }
  over(attempt, plan)
  if (trying) return Promise.resolve(refusedResult(new Refused(refusal, plan, 0)))
  try {
    return Promise.reject(refusal.toError(plan.name, 0, plan.stacks, plan.quoted))
  } catch (error) {
    // The reason is a user's code.
    return Promise.reject(error as Error)
  }
}

/** A function of its own: see `attemptOf`. */
function straightAttempt(outer: AttemptRecord | undefined, stage: Stage, fn: (attempt: Attempt) => unknown, options: CallOptions | undefined): AttemptRecord {
  return new AttemptRecord(undefined, outer, stage, fn, options)
}
