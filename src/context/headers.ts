import type { Attempt, Priority } from '../core/attempt.ts'
import type { AttemptRecord } from '../core/attempt-record.ts'
import { headerName, known } from '../core/options.ts'
import { isPriority } from './context.ts'

/** Whatever knows its headers by name: `Headers`, or those of a framework. */
export interface HeadersToRead {
  get(name: string): string | null | undefined
}

export interface HeadersToSet {
  set(name: string, value: string): unknown
}

export interface HeaderNames {
  /** Default `x-request-priority`. */
  readonly priorityHeader?: string | undefined
  /** Default `x-request-timeout-ms`. */
  readonly timeoutHeader?: string | undefined
}

export const nameKeys = ['priorityHeader', 'timeoutHeader'] as const

interface Names {
  readonly priorityHeader: string
  readonly timeoutHeader: string
}

export function namesOf({ priorityHeader = 'x-request-priority', timeoutHeader = 'x-request-timeout-ms' }: HeaderNames): Names {
  return { priorityHeader: headerName('context.priorityHeader', priorityHeader), timeoutHeader: headerName('context.timeoutHeader', timeoutHeader) }
}

/** What headers claim; nothing that makes no sense. */
export interface Claimed {
  readonly priority: Priority | undefined
  readonly subLevel: number | undefined
  readonly timeoutMs: number | undefined
}

/** `high`, `low;sub=17`: an item of RFC 8941 with a parameter. Nothing else is read: neither case nor further parameters. */
const said = /^[ \t]*([a-z]{3,8})(?:[ \t]*;[ \t]*sub=(\d{1,3}))?[ \t]*$/
/** Whole ms: a span, never a time of day. Ten digits are 115 days, and no ms since 1970. */
const span = /^[ \t]*(\d{1,10})[ \t]*$/

export function claimed(headers: HeadersToRead, { priorityHeader, timeoutHeader }: Names): Claimed {
  const [, priority = '', sub] = said.exec(headers.get(priorityHeader) ?? '') ?? []
  const [, ms] = span.exec(headers.get(timeoutHeader) ?? '') ?? []
  const subLevel = sub === undefined || Number(sub) > 127 ? undefined : Number(sub)
  return isPriority(priority)
    ? { priority, subLevel, timeoutMs: ms === undefined ? undefined : Number(ms) }
    : { priority: undefined, subLevel: undefined, timeoutMs: ms === undefined ? undefined : Number(ms) }
}

export function writePriority(priority: Priority, subLevel: number | undefined): string {
  return subLevel === undefined ? priority : `${priority};sub=${subLevel}`
}

/**
 * Tells the server of each attempt how important it is, and how many ms its caller will still wait for it. For `inject` of a resilient fetch, or
 * by hand: `contextHeaders()(headers, attempt)`.
 *
 * A span, never a time of day: no two clocks need agree, and what the network takes is the only error. It is what is left when the attempt
 * is sent, so it shrinks with every hop, retry and queue.
 *
 * @throws TypeError for a name that is none
 */
export function contextHeaders(options?: HeaderNames): (headers: HeadersToSet, attempt: Attempt) => void {
  const { priorityHeader, timeoutHeader } = namesOf(known('contextHeaders', options, nameKeys))
  return (headers, attempt) => {
    const { priority, deadline, call } = attempt as AttemptRecord
    headers.set(priorityHeader, writePriority(priority, call.subLevel))
    if (deadline < Infinity) headers.set(timeoutHeader, String(Math.max(0, Math.floor(deadline - call.plan.clock.now()))))
  }
}
