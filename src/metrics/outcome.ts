import { RejectedError, TimeoutError } from '../core/errors.ts'
import type { Outcome, Settled } from '../core/verdict.ts'
import { type CallOutcome, callOutcomes } from './snapshot.ts'

/** The place of each outcome in `callOutcomes`. */
export const ended = Object.freeze(Object.fromEntries(callOutcomes.map((outcome, i) => [outcome, i]))) as Readonly<Record<CallOutcome, number>>

const { success, failure, timeout, rejected, cancelled, fallback } = ended

/**
 * How a call ended for its caller. A value counts as what was learned of it: an answer of HTTP 500, or a body that broke off, is a
 * failure. Whoever was refused before anything was started was rejected, also by a deadline that passed in a queue.
 */
export function outcomeOf(outcome: Outcome<unknown>, { verdict, endedBy }: Settled): number {
  if (outcome.ok) {
    if (verdict === 'success') return success
    if (outcome.answeredBy === 'fallback') return fallback
    if (verdict === 'failure' || verdict === 'overload') return endedBy === 'timeout' ? timeout : failure
    return endedBy === 'caller' ? cancelled : success
  }
  // The error of a refusal is made when it is read: it is not.
  if (endedBy === 'refusal') return rejected
  if (endedBy === 'work') return failure
  if (outcome.error instanceof RejectedError) return rejected
  return endedBy === 'timeout' || outcome.error instanceof TimeoutError ? timeout : cancelled
}

/** The place of a verdict in `attemptVerdicts`. */
export function verdictOf({ verdict }: Settled): number {
  return verdict === 'success' ? 0 : verdict === 'failure' ? 1 : verdict === 'overload' ? 2 : 3
}
