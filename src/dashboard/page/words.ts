import type { Condition, OutcomeName, State } from '../wire.ts'

// How numbers and states are written. Spans are rounded so that they do not flicker.

export const conditionWords: Readonly<Record<Condition, string>> = {
  open: 'Open',
  isolated: 'Isolated',
  halfOpen: 'Half-open',
  failing: 'Failing',
  throttled: 'Throttled',
  shedding: 'Shedding',
  full: 'Full',
  degraded: 'Degraded',
  healthy: 'Healthy',
  idle: 'Idle',
}

export const stateWords: Readonly<Record<State, string>> = { closed: 'closed', open: 'open', halfOpen: 'half-open', isolated: 'isolated' }

export const outcomeWords: Readonly<Record<OutcomeName, string>> = {
  success: 'Success',
  fallback: 'Fallback',
  failure: 'Failure',
  timeout: 'Timeout',
  rejected: 'Refused',
  cancelled: 'Cancelled',
}

export const none = '–'

export function rate(perSecond: number): string {
  if (perSecond === 0) return '0'
  if (perSecond < 10) return perSecond.toFixed(1)
  return whole(perSecond)
}

export function whole(count: number): string {
  return Math.round(count).toLocaleString('en')
}

/** Never "100 %" of what is not all, nor "0 %" of what is not none. */
export function percent(part: number | null): string {
  if (part === null) return none
  const rounded = Math.round(part * 1000) / 10
  if (part > 0 && part < 1 && (rounded >= 100 || rounded === 0)) return rounded >= 100 ? '99.9 %' : '<0.1 %'
  return `${rounded >= 10 && rounded < 99 ? Math.round(rounded) : rounded} %`
}

export function times(factor: number | null): string {
  return factor === null ? none : `×${factor.toFixed(2)}`
}

/** A latency. */
export function latency(ms: number | null): string {
  if (ms === null) return none
  if (ms < 1) return '<1 ms'
  if (ms < 1_000) return `${Math.round(ms)} ms`
  return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`
}

/** A span: `8 s`, `4 min`, `2 h`. */
export function span(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1_000))
  if (s < 60) return `${s} s`
  const minutes = Math.floor(s / 60)
  if (minutes < 60) return s % 60 === 0 || minutes >= 10 ? `${minutes} min` : `${minutes} min ${s % 60} s`
  const hours = Math.floor(minutes / 60)
  return minutes % 60 === 0 || hours >= 10 ? `${hours} h` : `${hours} h ${minutes % 60} min`
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
export const timeOfDay = (at: number): string => clock.format(at)
export const count = (n: number, one: string, many = `${one}s`): string => `${whole(n)} ${n === 1 ? one : many}`
