import type { Attempt } from '../core/attempt.ts'
import { FallbackFailedError, RejectedError, TimeoutError } from '../core/errors.ts'
import { wrongType } from '../core/options.ts'
import type { Policy } from '../core/policy.ts'
import { endedByCaller, type Outcome } from '../core/verdict.ts'
import type { FallbackOptions } from './options.ts'

/** Whether the fallback answers this outcome. Throws what `when` throws. */
export function answers(outcome: Outcome<unknown>, attempt: Attempt, when: FallbackOptions['when']): boolean {
  if (when !== undefined) {
    const answer: unknown = when(outcome, attempt)
    return typeof answer === 'boolean' ? answer : wrongType('what fallback.when returned', 'true or false', answer)
  }
  if (endedByCaller(outcome)) return false
  if (outcome.verdict === 'failure' || outcome.verdict === 'overload') return true
  if (outcome.ok) return false
  // A refusal's error is made when somebody reads it, so it is asked last.
  return outcome.endedBy === 'refusal' || [RejectedError, TimeoutError, FallbackFailedError].some((kind) => outcome.error instanceof kind)
}

const mistakes: Readonly<Record<string, string>> = {
  retry: 'what it answers is never tried again',
  breaker: 'the breaker does not see the failures that it answers, and what the breaker refuses is not answered',
}

/** A fallback belongs outside of what makes it needed. */
export function orderMistakes(list: readonly Policy[], index: number): string[] {
  const { name } = list[index]!
  return list.slice(0, index).flatMap((outer) => {
    const mistake = mistakes[outer.type ?? '']
    return mistake === undefined ? [] : [`fallback "${name}" stands inside ${outer.type} "${outer.name}": ${mistake}; put it before`]
  })
}
