import type { Attempt } from '../core/attempt.ts'
import type { AttemptRecord } from '../core/attempt-record.ts'
import { guarded } from '../core/hooks.ts'
import { fromElsewhere, noteMistake } from './blame.ts'
import type { FetchSettings } from './options.ts'
import { type Asked, isRequest } from './request.ts'
import { watched } from './watched.ts'

/** The function of one call: sends its request once per attempt, under the attempt's own signal, and watches the body of the answer. */
export function sender(asked: Asked, settings: FetchSettings): (attempt: Attempt) => Promise<Response> {
  const { input, once, cloned } = asked
  let sent = false
  return (attempt) => {
    // Only a layer that forks whatever it is told comes here.
    if (once && sent) throw new TypeError('Cannot send this body again: a stream is sent once')
    sent = true
    // Not called as a method: a browser's fetch wants to be called on nothing.
    const { fetch = globalThis.fetch } = settings
    const { signal } = attempt
    const failed = (error: unknown): never => {
      if (!signal.aborted) blame(error, asked)
      throw error
    }
    let answer: Promise<Response>
    try {
      answer = fetch(cloned ? (input as Request).clone() : input, initOf(asked, attempt, signal, settings))
    } catch (error) {
      return failed(error)
    }
    // A double of a test may answer at once.
    return Promise.resolve(answer).then((response) => watched(response, attempt, signal, asked, settings), failed)
  }
}

function blame(error: unknown, asked: Asked): void {
  noteMistake(error, asked)
  if (fromElsewhere(error, asked)) asked.reached = true
}

function initOf(asked: Asked, attempt: Attempt, signal: AbortSignal, settings: FetchSettings): RequestInit {
  const init = asked.init === undefined ? { signal } : { ...asked.init, signal }
  if (!settings.notes) return init
  return Object.assign(init, { headers: withNotes(asked, attempt, settings) })
}

/** What the server is told of the attempt, at the time that it is sent: its number, how long its caller will wait for the head, and whatever is injected. */
function withNotes({ input, init }: Asked, attempt: Attempt, { attemptHeader, timeoutHeader, inject }: FetchSettings): Headers {
  const { plan } = attempt as AttemptRecord
  const headers = new Headers(init?.headers ?? (isRequest(input) ? input.headers : undefined))
  if (attemptHeader !== undefined) headers.set(attemptHeader, String(attempt.number))
  if (timeoutHeader !== undefined && attempt.deadline < Infinity) headers.set(timeoutHeader, String(Math.max(0, Math.floor(attempt.deadline - plan.clock.now()))))
  for (const one of inject) guarded(plan.report, () => one(headers, attempt))
  return headers
}
