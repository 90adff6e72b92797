import { nameDuration } from '../core/duration.ts'
import type { AnyEvent, EventType } from '../core/events.ts'
import type { Severity } from './snapshot.ts'

/** Events of policies that this library may have in a later room: told by name, because their payloads are not known here. */
const others = ['hedge.launched', 'hedge.won', 'cache.hit', 'cache.missed', 'cache.coalesced', 'cache.stale', 'endpoint.ejected', 'endpoint.returned'] as readonly string[] as readonly EventType[]

/**
 * The events that a recorder hears. Not `call.refused`, `timeout.expired`, `fallback.used`, `retry.exhausted`: those happen to call after
 * call in an outage, and are counted without an object.
 */
export const heard: readonly EventType[] = ['refusal.observed', 'retry.scheduled', 'budget.exhausted', 'breaker.opened', 'breaker.halfOpened', 'breaker.closed', 'breaker.isolated', 'throttle.changed', 'shed.changed', 'limit.changed', 'park.changed', 'policy.warned', ...others]

/** Only counted: they come one by one. */
const counted: ReadonlySet<string> = new Set(['refusal.observed', 'retry.scheduled', 'hedge.launched', 'hedge.won', 'cache.hit', 'cache.missed', 'cache.coalesced', 'cache.stale'])

const LONGEST = 300

/** What the log says of an event; `undefined`: nothing. Severities as Polly grades them. */
export function worded(event: AnyEvent): { readonly severity: Severity; readonly text: string } | undefined {
  if (counted.has(event.type)) return undefined
  const [severity, text] = words(event)
  return { severity, text: cut(text) }
}

/** A text that fits a line of the log. */
export function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text
}

function words(event: AnyEvent): [Severity, string] {
  switch (event.type) {
    case 'breaker.opened':
      return ['error', `opened: ${event.reason}; ${event.breakMs === Infinity ? 'stays open until it is closed by hand' : `rests ${nameDuration(event.breakMs)}`}${event.opensInARow > 1 ? `, ${event.opensInARow} times in a row` : ''}`]
    case 'breaker.halfOpened':
      return ['warning', 'half-open: a probe is out']
    case 'breaker.closed':
      return ['information', `closed after ${nameDuration(event.openedForMs)}`]
    case 'breaker.isolated':
      return ['warning', 'isolated by hand']
    case 'budget.exhausted':
      return ['warning', 'no retry: its budget is used up']
    case 'park.changed':
      return event.state === 'parking' ? ['warning', `lets wait: ${event.queued} do`] : ['information', event.state === 'releasing' ? `lets go those who wait: ${event.queued}` : `nobody waits any more: ${event.released} were let go`]
    case 'policy.warned':
      return ['warning', event.message]
    case 'throttle.changed':
      return [event.allow < event.from ? 'warning' : 'information', event.allow === 1 ? 'lets all pass again' : `lets ${percent(event.allow)} pass, before ${percent(event.from)}`]
    case 'shed.changed':
      return event.level === 'none' ? ['information', 'sheds nothing any more'] : ['warning', `sheds ${event.level} and less, at a pressure of ${percent(event.pressure)}${event.share < 1 ? ` and a share of ${percent(event.share)}` : ''}`]
    case 'limit.changed':
      return ['information', `limit ${Math.round(event.limit)}, before ${Math.round(event.from)}`]
    default:
      return ['information', facts(event)]
  }
}

const percent = (part: number): string => `${Math.round(100 * part)} %`

const base: ReadonlySet<string> = new Set(['type', 'pipeline', 'policy', 'call', 'at', 'key'])

/** Such as `limit 12, from 20, inFlight 12`. */
function facts(event: object): string {
  const said = Object.entries(event).filter(([name, value]) => !base.has(name) && (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean'))
  return said.map(([name, value]) => `${name} ${typeof value === 'number' ? Math.round(value * 1_000) / 1_000 : value}`).join(', ') || 'changed'
}
