import { askClassify, askStep } from './ask.ts'
import type { AttemptRecord } from './attempt-record.ts'
import { defer } from './deferred.ts'
import { succeeded } from './outcome.ts'
import { deliver, outwards } from './outwards.ts'
import { Place } from './place.ts'
import type { Plan } from './plan.ts'
import { taken } from './strand.ts'
import { ended, overtaken, told } from './work.ts'

// How a call that goes straight (see `straight.ts`) comes out: with the promise of its answer, by who can end it.

/** Nothing can end the call before its work does. */
export function first(attempt: AttemptRecord, work: Promise<unknown>): Promise<unknown> {
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
export function raced(attempt: AttemptRecord, work: Promise<unknown>): Promise<unknown> {
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
export function anchored(attempt: AttemptRecord, work: Promise<unknown>): Promise<unknown> {
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

export function over(attempt: AttemptRecord, plan: Plan): true {
  attempt.over = true
  plan.callEnded()
  return true
}
