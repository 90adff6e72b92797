import type { PolicyEvents } from '../core/events.ts'
import type { BreakerState, Circuit } from './circuit.ts'

/** Tells of the state that a circuit has entered. A payload is made only for who listens. */
export function announce(events: PolicyEvents, policy: string, circuit: Circuit, from: BreakerState, at: number): void {
  const base = { policy, from, at }
  switch (circuit.state) {
    case 'open':
      if (!events.wants('breaker.opened')) return
      return events.emit('breaker.opened', { ...base, reason: circuit.rest!.reason, breakMs: circuit.rest!.left(at), opensInARow: circuit.opensInARow })
    case 'halfOpen':
      if (events.wants('breaker.halfOpened')) events.emit('breaker.halfOpened', base)
      return
    case 'closed':
      if (events.wants('breaker.closed')) events.emit('breaker.closed', { ...base, openedForMs: circuit.awayMs(at) })
      return
    case 'isolated':
      if (events.wants('breaker.isolated')) events.emit('breaker.isolated', base)
  }
}
