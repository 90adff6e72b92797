import type { Attempt } from '../core/attempt.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import type { EventMap } from '../core/events.ts'
import { type Again, again, type Host, type Layer, type Theirs } from '../core/policy.ts'
import { letting } from '../core/own.ts'
import { endedByCaller, type Outcome } from '../core/verdict.ts'
import { checkedDelay } from './backoff.ts'
import { MedianLatency } from './latency.ts'
import { type RetryOptions, type RetrySettings, settle } from './options.ts'
import { refused, repeatable, worthRetrying } from './rules.ts'

/** What a call's path remembers between two tries. */
interface Memo {
  /** How many tries have ended. */
  readonly tries: number
  /** What the back-off answered last. */
  readonly previousMs: number
  /** The last outcome of real work. */
  readonly last: Outcome<Theirs>
}

export interface Retry extends Layer {
  readonly type: 'retry'
  /** Effective options, defaults included. */
  readonly options: RetrySettings
  /** Changes some options, checked with the others as a whole, for outcomes from now on. The budget keeps what was earned. */
  update(options: Omit<RetryOptions, 'name'>): void
}

/**
 * Tries again after a failure or an overload, within a budget, and never sleeps past the deadline. A refusal is not
 * retried: after a try has run, the last real outcome comes out instead. An outcome that comes out is untouched.
 *
 * Options and defaults: {@link RetryOptions}; `RangeError` or `TypeError` at build for one out of its range. Adds no promise
 * to a call that succeeds; allocates for retries only.
 */
export function retry(options?: RetryOptions): Retry {
  let settings = settle(options)
  const { name } = settings
  let clock: Clock = systemClock
  let random: () => number = Math.random
  let bound = false
  const median = new MedianLatency()

  function stopped(reason: EventMap['retry.stopped']['reason'], outcome: Outcome<Theirs>, { call }: Attempt): Outcome<Theirs> {
    if (call.wants('retry.stopped')) call.emit('retry.stopped', { policy: name, reason, verdict: outcome.verdict })
    return outcome
  }

  /** How long tries take that succeed, where a deadline asks for it. */
  function sample({ outerDeadline, startedAt }: Attempt): void {
    if (outerDeadline < Infinity && !Number.isNaN(startedAt) && median.due()) median.add(clock.now() - startedAt)
  }

  /** The step after a try that failed. */
  function next(outcome: Outcome<Theirs>, attempt: Attempt, memo: Memo | undefined): Outcome<Theirs> | Again {
    const { maxAttempts, backoff, budget, maxRetryAfterMs } = settings
    const { call, outerDeadline } = attempt
    const { verdict, retryAfterMs = 0 } = outcome
    const tries = (memo?.tries ?? 0) + 1
    if (tries >= maxAttempts) {
      if (call.wants('retry.exhausted')) call.emit('retry.exhausted', { policy: name, attempts: tries, verdict })
      return outcome
    }
    if (retryAfterMs > maxRetryAfterMs) return stopped('retryAfter', outcome, attempt)
    const previousMs = checkedDelay(backoff(tries, outcome, { random, previousMs: memo?.previousMs ?? 0 }))
    const delayMs = Math.max(previousMs, retryAfterMs)
    if (delayMs === Infinity) return stopped('backoff', outcome, attempt)
    const now = outerDeadline < Infinity || budget !== false ? clock.now() : NaN
    // A sleep that the deadline ends, or a try that most likely would not be done in time, helps nobody.
    if (outerDeadline < Infinity && now + delayMs + median.ms >= outerDeadline) return stopped('deadline', outcome, attempt)
    if (budget !== false && !budget.withdraw(now)) {
      if (call.wants('budget.exhausted')) call.emit('budget.exhausted', { policy: name, verdict })
      return outcome
    }
    if (call.wants('retry.scheduled')) call.emit('retry.scheduled', { policy: name, number: attempt.number, delayMs, verdict })
    return again(delayMs, { tries, previousMs, last: outcome } satisfies Memo, budget === false ? undefined : () => budget.refund())
  }

  function passes(attempt: Attempt): boolean {
    if (settings.when !== undefined) return false
    if (settings.budget !== false) settings.budget.deposit()
    sample(attempt)
    return true
  }

  const step: Retry = {
    kind: 'layer',
    type: 'retry',
    name,
    get options() {
      return settings
    },
    bind(host: Host) {
      if (settings.budget !== false) settings.budget.bind(host.clock)
      ;({ clock, random } = host)
      bound = true
    },
    after(outcome: Outcome<Theirs>, attempt: Attempt, previous: Again | undefined): Outcome<Theirs> | Again {
      const memo = previous?.memo as Memo | undefined
      if (endedByCaller(outcome)) return outcome
      if (refused(outcome)) {
        if (memo === undefined) return outcome
        return stopped('refused', memo.last, attempt)
      }
      if (memo === undefined && settings.budget !== false) settings.budget.deposit()
      if (outcome.verdict === 'success') {
        sample(attempt)
        if (settings.when === undefined) return outcome
      }
      if (!worthRetrying(outcome, attempt, settings.when)) return outcome
      return repeatable(outcome, attempt) ? next(outcome, attempt, memo) : stopped('notIdempotent', outcome, attempt)
    },
    update(change) {
      const changed = settle(change, settings)
      if (bound && changed.budget !== false) changed.budget.bind(clock)
      settings = changed
    },
  }
  return letting(step, passes)
}
