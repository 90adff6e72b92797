import type { Attempt, AttemptRecord } from '../core/attempt.ts'
import { fromElsewhere, noteMistake } from './blame.ts'
import type { FetchSettings } from './options.ts'
import { type Asked, isRequest } from './request.ts'
import { watched } from './watched.ts'

/** The function of one call: sends its request once per attempt, under the attempt's own signal, and watches the body of the answer. */
export function sender(asked: Asked, settings: FetchSettings): (attempt: Attempt) => Promise<Response> {
  const { input, init, once, cloned } = asked
  let sent = false
  return async (attempt) => {
    // Only a layer that forks whatever it is told comes here.
    if (once && sent) throw new TypeError('Cannot send this body again: a stream is sent once')
    sent = true
    // Not called as a method: a browser's fetch wants to be called on nothing.
    const { fetch = globalThis.fetch } = settings
    const { signal } = attempt
    try {
      const response = await fetch(cloned ? (input as Request).clone() : input, { ...init, ...withNotes(asked, attempt, settings), signal })
      return watched(response, attempt, asked, settings)
    } catch (error) {
      if (signal.aborted) throw error
      noteMistake(error, asked)
      if (fromElsewhere(error, asked)) asked.reached = true
      throw error
    }
  }
}

/** What the server is told of the attempt, at the time that it is sent: its number, and how long its caller will wait for the head. */
function withNotes({ input, init }: Asked, attempt: Attempt, { attemptHeader, timeoutHeader }: FetchSettings): { headers: Headers } | undefined {
  if (attemptHeader === undefined && timeoutHeader === undefined) return undefined
  const headers = new Headers(init.headers ?? (isRequest(input) ? input.headers : undefined))
  if (attemptHeader !== undefined) headers.set(attemptHeader, String(attempt.number))
  if (timeoutHeader !== undefined && attempt.deadline < Infinity) {
    const leftMs = attempt.deadline - (attempt as AttemptRecord).call.plan.clock.now()
    headers.set(timeoutHeader, String(Math.max(0, Math.floor(leftMs))))
  }
  return { headers }
}
