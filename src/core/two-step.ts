import type { Attempt } from './attempt.ts'
import { AttemptRecord } from './attempt-record.ts'
import { CallRecord } from './call.ts'
import { type CallOptions, callOptions, deadlineOf } from './call-options.ts'
import { checkClock, type Clock, systemClock } from './clock.ts'
import { inheriting } from './inherit.ts'
import { oneOf } from './options.ts'
import { SettledRecord } from './outcome.ts'
import { Plan } from './plan.ts'
import type { Settled, Verdict } from './verdict.ts'
import { verdicts } from './verdict.ts'

/**
 * An attempt of one's own, for guards without a pipeline (a stream, a callback API):
 * `const permit = breaker.admit(a)`, then `breaker.settle(permit, settled('success', a), a)`. Nobody arms its deadline.
 * Use the clock that the guard's pipelines have, if it stands in any.
 */
export function attempt(call?: CallOptions & { readonly clock?: Clock | undefined }): Attempt {
  const { clock, ...said } = call ?? {}
  if (clock !== undefined) checkClock('attempt.clock', clock)
  const plan = planOf(clock ?? systemClock)
  const options = inheriting(callOptions(said, plan.clock), plan.clock)!
  const record = new CallRecord(plan, () => undefined, options, false)
  if (options.deadline !== undefined || options.timeoutMs !== undefined) record.deadline = deadlineOf(options, plan.clock.now())
  return new AttemptRecord(record, record)
}

/** One for all attempts of a clock: there is nothing in it that they could not share. */
const plans = new WeakMap<Clock, Plan>()

function planOf(clock: Clock): Plan {
  let plan = plans.get(clock)
  if (plan === undefined) plans.set(clock, (plan = new Plan('attempt', [], { clock })))
  return plan
}

/** What to tell a guard of such an attempt. `endedBy` defaults to `'work'`. */
export function settled(verdict: Verdict, of: Attempt, more: { readonly endedBy?: Settled['endedBy'] | undefined; readonly retryAfterMs?: number | undefined } = {}): Settled {
  oneOf('verdict', verdict, verdicts)
  if (!(of instanceof AttemptRecord)) throw new TypeError('settled(verdict, attempt) takes an attempt made by attempt() or by a pipeline')
  return new SettledRecord(verdict, more.endedBy ?? 'work', more.retryAfterMs, of.call.plan.clock)
}
