import { askClassify } from './ask.ts'
import type { AttemptRecord } from './attempt.ts'
import { Result } from './outcome.ts'
import type { Scope } from './scope.ts'
import type { Stage } from './stage.ts'
import type { Strand } from './strand.ts'
import type { Outcome } from './verdict.ts'

/** Runs the user's function for an attempt that all guards have admitted. */
export function launch(strand: Strand, stage: Stage, attempt: AttemptRecord): void {
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
  strand.proceed(
    work,
    attempt,
    (value) => ended(strand, stage, attempt, true, value),
    (error) => ended(strand, stage, attempt, false, error),
  )
}

/** The function's promise is settled. */
function ended(strand: Strand, stage: Stage, attempt: AttemptRecord, ok: boolean, result: unknown): void {
  const { call } = strand
  if (attempt.answered) {
    // Late: nobody asks any more, but its slot comes back.
    if (ok) call.plan.discard(result)
    const over = (): void => {
      if (attempt.open > 0) attempt.workEnded()
    }
    if (attempt.held === undefined) over()
    else attempt.held.then(over, over)
    return
  }
  const outcome = askClassify(call.plan, attempt, ok, result)
  if (!outcome.ok) call.lastError = outcome.error
  if (attempt.held === undefined) {
    attempt.open--
    stage.settle(attempt, outcome.verdict, 'work', outcome.retryAfterMs)
  } else hold(strand, stage, attempt, attempt.held, outcome)
  strand.conclude(attempt.at - 1, attempt, outcome)
}

/** The answer goes up; the guards learn of it when what the function holds (`until`) has ended. */
function hold(strand: Strand, stage: Stage, attempt: AttemptRecord, held: Promise<unknown>, outcome: Outcome<unknown>): void {
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
    (error) => settle(askClassify(strand.call.plan, attempt, false, error)),
  )
}
