import { askClassify, askStep } from './ask.ts'
import { type Attempt, AttemptRecord } from './attempt.ts'
import type { CallOptions } from './call-options.ts'
import { defer } from './deferred.ts'
import { broke, entered, goOn } from './inwards.ts'
import { Refused, refusedResult, succeeded } from './outcome.ts'
import { deliver, outwards } from './outwards.ts'
import { Place } from './place.ts'
import type { Plan } from './plan.ts'
import { Refusal, type Unadmitted } from './policy.ts'
import type { Stage } from './stage.ts'
import { taken } from './strand.ts'
import type { Outcome } from './verdict.ts'
import { ended, follow, overtaken, told } from './work.ts'

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

/** The same through several stages, each with an attempt of its own within that of the one around it. */
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

/** Nothing can end the call before its work does. */
function first(attempt: AttemptRecord, work: Promise<unknown>): Promise<unknown> {
  attempt.waits = taken
  return work.then(
    (value) => (succeeds(attempt, value) ? answerOf(attempt, value) : attempt.strand.exit(true)),
    (error) => {
      if (toTheEnd(attempt, false, error)) return fails(attempt, error)
      return attempt.strand.exit(true)
    },
  )
}

/** A timeout can. */
function raced(attempt: AttemptRecord, work: Promise<unknown>): Promise<unknown> {
  const deferred = (attempt.waits = defer())
  work.then(
    (value) => {
      if (!succeeds(attempt, value)) return
      attempt.waits = taken
      deferred.resolve(answerOf(attempt, value))
    },
    (error) => {
      if (!toTheEnd(attempt, false, error)) return
      attempt.waits = taken
      if (attempt.trying) deferred.resolve(errorOf(error))
      else deferred.reject(error)
    },
  )
  return deferred.promise
}

/** A timeout can, and then steps outside are asked: see `anchor`. The place to wake in is made with the call's record. */
function anchored(attempt: AttemptRecord, work: Promise<unknown>): Promise<unknown> {
  const { promise, resolve, reject } = (attempt.waits = defer())
  work.then(resolve, reject)
  return promise.then(
    (value) => (reached(attempt, work, true, value) ? answerOf(attempt, value) : attempt.strand.exit(true)),
    (error) => {
      if (reached(attempt, work, false, error)) return fails(attempt, error)
      return attempt.strand.exit(true)
    },
  )
}

function reached(attempt: AttemptRecord, work: Promise<unknown>, ok: boolean, result: unknown): boolean {
  const { waits } = attempt
  attempt.waits = taken
  if (waits instanceof Place) {
    if (waits.pending !== undefined) {
      overtaken(waits, attempt, work, ok, result)
      return false
    }
    waits.strand.place = undefined
  }
  return ok ? succeeds(attempt, result) : toTheEnd(attempt, ok, result)
}

const answerOf = (attempt: AttemptRecord, value: unknown): unknown => (attempt.trying ? { ok: true, value, attempts: 1 } : value)
const errorOf = (error: unknown): unknown => ({ ok: false, error, attempts: 1 })

function fails(attempt: AttemptRecord, error: unknown): unknown {
  if (attempt.trying) return errorOf(error)
  throw error
}

/** As {@link toTheEnd}, for a value. */
function succeeds(attempt: AttemptRecord, value: unknown): boolean {
  const stage = attempt.stage!
  const { plan } = stage
  // An outcome at which nobody looks is not made: 88 bytes, 15 of 150 ns.
  if (!plan.unseen || attempt.thread !== undefined || attempt.rare !== undefined) return toTheEnd(attempt, true, value)
  attempt.open = 0
  const settled = stage.settle(attempt, 'success', 'work', undefined, true)
  let one = attempt
  let k = attempt.at - 1
  for (; k >= 0 && one.thread === undefined; k--) {
    const node = plan.nodes[k]!
    if (node.kind === 'stage') node.settle((one = one.scope as AttemptRecord), 'success', 'work', undefined)
    else if (!node.passes!(one)) break
  }
  if (one.thread !== undefined || k >= 0) {
    if (settled?.told === false) plan.attemptSettled(attempt, settled)
    outwards(one.strand, k, one, succeeded(value, 'success'))
    return false
  }
  one.over = true
  if (plan.stamping) plan.succeeded(attempt, settled, value)
  plan.callEnded()
  return true
}

/** The work has ended. Whether that was the end of the call as well, with the same result; if not, it goes the general way. */
function toTheEnd(attempt: AttemptRecord, ok: boolean, result: unknown): boolean {
  const stage = attempt.stage!
  const { plan } = stage
  if (attempt.thread !== undefined || attempt.held !== undefined || plan.stamping || !(ok || plan.plain)) {
    ended(attempt, ok, result)
    return false
  }
  const outcome = askClassify(plan, attempt, ok, result)
  if (attempt.thread !== undefined || attempt.held !== undefined || plan.stamping || outcome.ok !== ok || (!ok && (outcome as { error: unknown }).error !== result)) {
    told(attempt, outcome)
    return false
  }
  attempt.open = 0
  stage.settle(attempt, outcome.verdict, 'work', outcome.retryAfterMs)
  let one = attempt
  for (let k = attempt.at - 1; k >= 0; k--) {
    const node = plan.nodes[k]!
    if (one.thread !== undefined) outwards(one.strand, k, one, outcome)
    else if (node.kind === 'stage') {
      node.settle((one = one.scope as AttemptRecord), outcome.verdict, 'work', outcome.retryAfterMs)
      continue
    } else {
      const said = askStep(node, k, outcome, one)
      if (said === outcome) continue
      outwards(one.strand, k, one, outcome, said)
    }
    return false
  }
  if (one.thread === undefined && !plan.stamping) return over(one, plan)
  deliver(one.strand, outcome)
  return false
}

function over(attempt: AttemptRecord, plan: Plan): true {
  attempt.over = true
  plan.callEnded()
  return true
}

/** A function of its own: see `attemptOf`. */
function straightAttempt(outer: AttemptRecord | undefined, stage: Stage, fn: (attempt: Attempt) => unknown, options: CallOptions | undefined): AttemptRecord {
  return new AttemptRecord(undefined, outer, stage, fn, options)
}
