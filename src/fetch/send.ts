import type { Attempt } from '../core/attempt.ts'
import { abortable, controllerOf } from './abort.ts'
import { noteMistake } from './mistake.ts'
import type { FetchSettings } from './options.ts'
import type { Asked } from './request.ts'
import { withoutProof } from './unproven.ts'

/** The function of one call: sends its request once per attempt, under the attempt's own signal. */
export function sender(asked: Asked, settings: FetchSettings): (attempt: Attempt) => Promise<Response> {
  const { input, init, once, cloned } = asked
  let sent = false
  return async (attempt) => {
    // Only a layer that forks whatever it is told comes here.
    if (once && sent) throw new TypeError('Cannot send this body again: a stream is sent once')
    sent = true
    // Not called as a method: a browser's fetch wants to be called on nothing.
    const { fetch = globalThis.fetch } = settings
    const controller = asked.signal === undefined ? undefined : controllerOf(attempt.signal)
    const { signal } = controller ?? attempt
    try {
      const response = await fetch(cloned ? (input as Request).clone() : input, { ...init, signal })
      return controller === undefined ? response : abortable(response, controller, input)
    } catch (error) {
      if (signal.aborted) throw error
      noteMistake(error, asked)
      throw withoutProof(error, asked)
    }
  }
}
