import type { Attempt } from '../core/attempt.ts'
import { FallbackFailedError } from '../core/errors.ts'
import { callable, show } from '../core/options.ts'
import { letting } from '../core/own.ts'
import type { Layer, Theirs } from '../core/policy.ts'
import type { Outcome } from '../core/verdict.ts'
import { type FallbackOptions, type FallbackSettings, settle } from './options.ts'
import { answers, orderMistakes } from './rules.ts'

export interface Fallback<A> extends Layer<A> {
  readonly type: 'fallback'
  /** Effective options, defaults included. */
  readonly options: FallbackSettings
  /** Changes options, checked as a whole, for outcomes from now on. */
  update(options: Omit<FallbackOptions, 'name'>): void
}

/**
 * Answers in the place of a call that failed: what `fn(outcome, attempt)` returns, or resolves to, is the caller's answer.
 * By default it answers failures and overload (a failure *value* too), every refusal and every timeout; never the caller's own
 * abort or deadline. Put it first in the list. Its answer has the verdict `ignored`: nothing outside learns from it.
 *
 * When `fn` throws or rejects, the call rejects with a `FallbackFailedError` with both errors. Options and defaults:
 * {@link FallbackOptions}; `TypeError` at build for anything else. Adds no promise unless `fn` returns one.
 */
export function fallback<A>(fn: (outcome: Outcome<unknown>, attempt: Attempt) => A | PromiseLike<A>, options?: FallbackOptions): Fallback<A> {
  callable('the function of a fallback', fn)
  let settings = settle(options)
  const { name } = settings

  const step: Fallback<A> = {
    kind: 'layer',
    type: 'fallback',
    name,
    get options() {
      return settings
    },
    warn: orderMistakes,
    after(outcome: Outcome<Theirs>, attempt: Attempt): Outcome<Theirs> | Outcome<A> | Promise<Outcome<A>> {
      if (outcome.verdict === 'success' && settings.when === undefined) return outcome
      if (!answers(outcome, attempt, settings.when)) return outcome
      const { call } = attempt
      if (call.wants('fallback.used')) call.emit('fallback.used', { policy: name, verdict: outcome.verdict })
      const answered = (value: A): Outcome<A> => ({ ok: true, value, verdict: 'ignored', answeredBy: 'fallback' })
      const failed = (cause: unknown): Outcome<never> => ({
        ok: false,
        error: new FallbackFailedError(`Cannot call ${show(call.pipeline)}: ${name} failed too`, {
          policy: name,
          pipeline: call.pipeline,
          attempts: call.attempts,
          cause,
          original: outcome.ok ? outcome.value : outcome.error,
        }),
        verdict: outcome.verdict,
        endedBy: outcome.endedBy,
        retryAfterMs: outcome.retryAfterMs,
      })
      try {
        const answer = fn(outcome, attempt.fork())
        return isThenable(answer) ? Promise.resolve(answer).then(answered, failed) : answered(answer)
      } catch (error) {
        return failed(error)
      }
    },
    update(change) {
      settings = settle(change, settings)
    },
  }
  return letting(step, () => settings.when === undefined)
}

function isThenable<A>(value: A | PromiseLike<A>): value is PromiseLike<A> {
  return (typeof value === 'object' || typeof value === 'function') && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
