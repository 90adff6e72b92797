import type { Attempt } from '../core/attempt.ts'
import { wrongType } from '../core/options.ts'
import { neverStarted, type Outcome } from '../core/verdict.ts'
import type { RetryOptions } from './options.ts'

/** Nothing was started: by a guard's refusal, or a deadline that passed in a queue. (Its error is made lazily: do not touch it.) */
export function refused(outcome: Outcome<unknown>): boolean {
  return !outcome.ok && outcome.verdict === 'unused'
}

/** Whether the outcome is one to try again after. Throws what `when` throws. */
export function worthRetrying(outcome: Outcome<unknown>, attempt: Attempt, when: RetryOptions['when']): boolean {
  const { verdict } = outcome
  return when === undefined ? verdict === 'failure' || verdict === 'overload' : asked(when(outcome, attempt))
}

/** What must not happen twice is repeated only where it provably did not happen; a value proves that it did. */
export function repeatable(outcome: Outcome<unknown>, attempt: Attempt): boolean {
  const { call } = attempt
  return call.repeatable && (call.idempotent || (!outcome.ok && neverStarted(outcome.error)))
}

function asked(answer: unknown): boolean {
  return typeof answer === 'boolean' ? answer : wrongType('what retry.when returned', 'true or false', answer)
}
