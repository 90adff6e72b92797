import type { Attempt } from '../core/attempt.ts'
import { fromElsewhere } from './elsewhere.ts'
import { noteMistake } from './mistake.ts'
import { withNotes } from './notes.ts'
import type { FetchSettings } from './options.ts'
import type { Asked } from './request.ts'
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
