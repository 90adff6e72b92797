import { askClassify, askStep } from './ask.ts'
import { type Attempt, AttemptRecord } from './attempt.ts'
import { refusedResult } from './call.ts'
import type { CallOptions } from './call-options.ts'
import { defer } from './deferred.ts'
import { broke, entered } from './inwards.ts'
import { Refused, succeeded } from './outcome.ts'
import { deliver, outwards } from './outwards.ts'
import { Place } from './place.ts'
import type { LayerNode, Plan } from './plan.ts'
import { Refusal, type Unadmitted } from './policy.ts'
import type { Stage } from './stage.ts'
import { taken } from './strand.ts'
import type { Outcome } from './verdict.ts'
import { ended, follow, launch, overtaken, told } from './work.ts'

// Most calls run the function once, within one stage and perhaps some steps, and nobody looks at more of them than that. They go
// straight: their attempt is their only record. Whoever needs the call itself (a hook that reads `attempt.call`, a queue, a repeat, a timer that
// comes first) asks the attempt for it: it is made at that moment (`recordOf`), and from there on the call goes the general way.
// So this file decides nothing; it is the general way with all that is left out which such a call does not need.

/** Whether its caller has no end of its own for it. */
export function endless(options: CallOptions | undefined): boolean {
  return options === undefined || (options.signal === undefined && options.deadline === undefined && options.timeoutMs === undefined)
}

export function straight(plan: Plan, fn: (attempt: Attempt) => unknown, options: CallOptions | undefined, trying: boolean): Promise<unknown> {
  const stage = plan.inner
  const attempt = straightAttempt(stage, fn, options)
  attempt.at = plan.nodes.length - 1
  if (trying) attempt.trying = true
  plan.callBegan()
  if (stage.timed || plan.stamping) attempt.now()
  let answer: Unadmitted | undefined
  try {
    answer = stage.admit(attempt)
  } catch (error) {
    broke(attempt, error)
    return attempt.strand.promise()
  }
  if (answer !== undefined || attempt.thread !== undefined || attempt.rare !== undefined) return aside(attempt, answer)
  stage.arm(attempt)
  attempt.launched()
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

/** Not all guards have admitted at once, or somebody has looked at the call. */
function aside(attempt: AttemptRecord, answer: Unadmitted | undefined): Promise<unknown> {
  const { plan } = attempt
  if (answer instanceof Refusal && attempt.thread === undefined && plan.plain && !plan.stamping) return refused(attempt, answer)
  if (entered(attempt, answer)) launch(attempt)
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
      if (!toTheEnd(attempt, false, error)) return attempt.strand.exit(true)
      if (attempt.trying) return errorOf(error)
      throw error
    },
  )
}

/** A timeout can. */
function raced(attempt: AttemptRecord, work: Promise<unknown>): Promise<unknown> {
  const deferred = (attempt.waits = defer())
  work.then(
    (value) => {
      if (succeeds(attempt, value)) deferred.resolve(answerOf(attempt, value))
    },
    (error) => {
      if (!toTheEnd(attempt, false, error)) return
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
      if (!reached(attempt, work, false, error)) return attempt.strand.exit(true)
      if (attempt.trying) return errorOf(error)
      throw error
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

/** As {@link toTheEnd}, for a value. */
function succeeds(attempt: AttemptRecord, value: unknown): boolean {
  const stage = attempt.stage!
  // An outcome at which nobody looks is not made: 88 bytes, 15 of 150 ns.
  const { plan } = stage
  if (!plan.unseen || attempt.thread !== undefined || attempt.rare !== undefined) return toTheEnd(attempt, true, value)
  const settled = stage.close(attempt, 'success', undefined)
  let k = attempt.at - 1
  while (k >= 0 && passes(plan, plan.nodes[k] as LayerNode, attempt)) k--
  if (k >= 0 || attempt.thread !== undefined) {
    if (settled !== undefined) plan.attemptSettled(attempt, settled)
    outwards(attempt.strand, k, attempt, succeeded(value, 'success'))
    return false
  }
  attempt.over = true
  if (settled !== undefined) plan.succeeded(attempt, settled, value)
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
  if (attempt.thread !== undefined || outcome.ok !== ok || (!ok && (outcome as { error: unknown }).error !== result)) {
    told(attempt, outcome)
    return false
  }
  stage.close(attempt, outcome.verdict, outcome.retryAfterMs)
  for (let k = attempt.at - 1; k >= 0; k--) {
    const said = askStep(plan.nodes[k] as LayerNode, k, outcome, attempt)
    if (said === outcome) continue
    outwards(attempt.strand, k, attempt, outcome, said)
    return false
  }
  if (attempt.thread === undefined) return over(attempt, plan)
  deliver(attempt.strand, outcome)
  return false
}

/** A step that throws is asked again, and then the general way does what has to be done. */
function passes({ report }: Plan, { layer, passes: hook }: LayerNode, attempt: AttemptRecord): boolean {
  try {
    return hook!.call(layer, attempt)
  } catch (error) {
    report(error)
    return false
  }
}

function over(attempt: AttemptRecord, plan: Plan): true {
  attempt.over = true
  plan.callEnded()
  return true
}

/** A function of its own: see `attemptOf`. */
function straightAttempt(stage: Stage, fn: (attempt: Attempt) => unknown, options: CallOptions | undefined): AttemptRecord {
  return new AttemptRecord(undefined, undefined, stage, fn, options)
}
