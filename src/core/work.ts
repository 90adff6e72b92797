import { askClassify } from './ask.ts'
import type { AttemptRecord } from './attempt-record.ts'
import { Result } from './outcome.ts'
import { conclude } from './outwards.ts'
import { Place, WOKEN } from './place.ts'
import type { Scope } from './scope.ts'
import type { Outcome } from './verdict.ts'

/** Runs the user's function for an attempt that all guards have admitted. */
export function launch(attempt: AttemptRecord): void {
  const { strand } = attempt
  const { call } = strand
  attempt.number = ++call.attempts
  for (let scope: Scope | undefined = attempt; scope?.started === false; scope = scope.parent) scope.started = true
  attempt.open++
  let work: Promise<unknown>
  try {
    const { fn } = call
    work = Promise.resolve(fn(attempt))
  } catch (error) {
    work = Promise.reject(error as Error)
  }
  follow(attempt, work)
}

/** Goes on with the call when the work ends. */
export function follow(attempt: AttemptRecord, work: Promise<unknown>): void {
  const { strand } = attempt
  if (strand.early(attempt)) {
    if (strand.outside(attempt)) return anchor(attempt, work)
    work.then(
      (value) => ended(attempt, true, value),
      (error) => ended(attempt, false, error),
    )
    return
  }
  const first = strand.unfollowed
  strand.follow(
    work.then(
      (value) => {
        ended(attempt, true, value)
        return strand.exit(first)
      },
      (error) => {
        ended(attempt, false, error)
        return strand.exit(first)
      },
    ),
    first,
  )
}

/**
 * The work can be overtaken, and code of the call stands outside: the work itself wakes the parked strand, with the
 * resolving functions of the place as its only callbacks. Who overtakes it wakes the same place with {@link WOKEN}.
 */
function anchor(attempt: AttemptRecord, work: Promise<unknown>): void {
  const { strand } = attempt
  const place = (strand.place = new Place(strand))
  work.then(place.resolve, place.reject)
  const first = strand.unfollowed
  strand.follow(
    place.promise.then(
      (value) => {
        if (place.pending === undefined) {
          strand.place = undefined
          ended(attempt, true, value)
        } else overtaken(place, attempt, work, true, value)
        return strand.exit(first)
      },
      (error) => {
        if (place.pending === undefined) {
          strand.place = undefined
          ended(attempt, false, error)
        } else overtaken(place, attempt, work, false, error)
        return strand.exit(first)
      },
    ),
    first,
  )
}

export function overtaken(place: Place, attempt: AttemptRecord, work: Promise<unknown>, ok: boolean, result: unknown): void {
  place.resume()
  // Between its end and this turn; or it has yet to end, and its slots come back then.
  if (result !== WOKEN) ended(attempt, ok, result)
  else {
    work.then(
      (value) => ended(attempt, true, value),
      (error) => ended(attempt, false, error),
    )
  }
}

/** The function's promise is settled. */
export function ended(attempt: AttemptRecord, ok: boolean, result: unknown): void {
  const { plan } = attempt
  if (attempt.answered) {
    // Late: nobody asks any more, but its slot comes back.
    if (ok) plan.discard(result)
    const over = (): void => {
      if (attempt.open > 0) attempt.workEnded()
    }
    if (attempt.held === undefined) over()
    else attempt.held.then(over, over)
    return
  }
  told(attempt, askClassify(plan, attempt, ok, result))
}

/** What the outcome of the work is, is known. */
export function told(attempt: AttemptRecord, outcome: Outcome<unknown>): void {
  const { plan, call } = attempt.strand
  if (!outcome.ok) call.more.lastError = outcome.error
  if (attempt.held === undefined) {
    attempt.open--
    plan.justSettled = attempt.stage!.settle(attempt, outcome.verdict, 'work', outcome.retryAfterMs)
  } else hold(attempt, attempt.held, outcome)
  conclude(attempt, attempt.at - 1, outcome)
  plan.justSettled = undefined
}

/** The answer goes up; the guards learn of it when what the function holds (`until`) has ended. */
function hold(attempt: AttemptRecord, held: Promise<unknown>, outcome: Outcome<unknown>): void {
  const stage = attempt.stage!
  if (outcome instanceof Result) outcome.holder = attempt
  attempt.answered = true
  stage.lingers(attempt)
  const settle = (said: Outcome<unknown>): void => {
    if (attempt.open === 0) return
    attempt.open--
    if (attempt.settled) stage.release(attempt)
    else stage.settle(attempt, said.verdict, 'work', said.retryAfterMs)
  }
  held.then(
    () => settle(outcome),
    (error) => settle(askClassify(attempt.strand.plan, attempt, false, error)),
  )
}
