import { channel, tracingChannel } from 'node:diagnostics_channel'
import type { Call, Priority } from '../../core/attempt.ts'
import type { AnyEvent } from '../../core/events.ts'
import type { Observer } from '../../core/observer.ts'
import type { Refusal } from '../../core/policy.ts'

/** What `tracingChannel('spillway.call')` carries from `start` to `asyncEnd`, beside the `result` or `error` that Node adds. */
export interface CallMessage {
  readonly pipeline: string
  readonly operation: string | undefined
  readonly key: string | undefined
  readonly id: string
}

const calls = tracingChannel<unknown, CallMessage>('spillway.call')
const breakers = channel('spillway:breaker:state')
const retries = channel('spillway:retry')
const rejections = channel('spillway:reject')

const states: Readonly<Record<string, string>> = { 'breaker.opened': 'open', 'breaker.halfOpened': 'halfOpen', 'breaker.closed': 'closed', 'breaker.isolated': 'isolated' }

/** `TracingChannel.hasSubscribers` came with Node 20.13, and other runtimes lack it. */
function heard(): boolean {
  const { hasSubscribers } = calls as { hasSubscribers?: boolean }
  return hasSubscribers ?? [calls.start, calls.end, calls.asyncStart, calls.asyncEnd, calls.error].some((one) => one.hasSubscribers)
}

class Diagnostics implements Observer {
  readonly events = ['retry.scheduled', 'breaker.opened', 'breaker.halfOpened', 'breaker.closed', 'breaker.isolated'] as const

  aroundCall(call: Call, begin: () => unknown): unknown {
    if (!heard()) return begin()
    const { pipeline, operation, key, id } = call
    return calls.tracePromise(() => begin() as Promise<unknown>, { pipeline, operation, key, id })
  }

  refused({ pipeline, id }: Call, refusal: Refusal, priority: Priority): void {
    if (!rejections.hasSubscribers) return
    const { policy, retryAfterMs } = refusal
    rejections.publish({ pipeline, call: id, policy, priority, retryAfterMs, reason: refusal.reason() })
  }

  event(event: AnyEvent): void {
    if (event.type === 'retry.scheduled') {
      if (retries.hasSubscribers) retries.publish(event)
    } else if (breakers.hasSubscribers) breakers.publish({ ...event, state: states[event.type] })
  }
}

const one = new Diagnostics()

/**
 * An observer that tells Node's diagnostics channels, for agents that listen there: `tracingChannel('spillway.call')` around each call
 * (the context of its `start` store is that of the function), `spillway:breaker:state`, `spillway:retry` and `spillway:reject`. Nothing is made
 * for a channel that nobody listens to; a call then costs two closures.
 */
export function diagnostics(): Observer {
  return one
}
