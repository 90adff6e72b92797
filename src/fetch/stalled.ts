import { stackless, TimeoutError } from '../core/errors.ts'
import { show } from '../core/options.ts'
import type { Alarm } from '../core/timers.ts'
import type { BodyBounds } from './body-watch.ts'
import { sayNothing } from './mistake.ts'

/**
 * Breaks a body off whose next part has not come in time, and tells that as an event. `late`: the timer came late itself, a pause of our own
 * that says nothing about the server.
 */
export function tellStalled({ plan, id, number, deadline }: BodyBounds, { due, spanMs }: Alarm, late: boolean, breakOff: (reason: unknown) => void): void {
  const timeoutMs = Math.max(0, Math.round(spanMs))
  const what = due >= deadline ? 'did not send all of its body in time' : `sent nothing more of its body for ${timeoutMs} ms`
  const error = stackless(() => new TimeoutError(`${show(plan.name)} ${what}`, { policy: 'body', pipeline: plan.name, attempts: number }), plan.stacks)
  if (late) sayNothing(error)
  breakOff(error)
  if (plan.wants('timeout.expired')) plan.emit('timeout.expired', { call: id, at: plan.clock.now(), policy: 'body', timeoutMs, number, verdict: late ? 'ignored' : 'overload' })
}
