import type { Attempt, AttemptRecord } from '../core/attempt.ts'
import type { FetchSettings } from './options.ts'
import { type Asked, isRequest } from './request.ts'

/** What the server is told of the attempt, at the time that it is sent: its number, and how long its caller will wait for the head. */
export function withNotes({ input, init }: Asked, attempt: Attempt, { attemptHeader, timeoutHeader }: FetchSettings): { headers: Headers } | undefined {
  if (attemptHeader === undefined && timeoutHeader === undefined) return undefined
  const headers = new Headers(init.headers ?? (isRequest(input) ? input.headers : undefined))
  if (attemptHeader !== undefined) headers.set(attemptHeader, String(attempt.number))
  if (timeoutHeader !== undefined && attempt.deadline < Infinity) {
    const leftMs = attempt.deadline - (attempt as AttemptRecord).call.plan.clock.now()
    headers.set(timeoutHeader, String(Math.max(0, Math.floor(leftMs))))
  }
  return { headers }
}
