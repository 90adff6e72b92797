import type { Attempt, AttemptRecord } from '../core/attempt.ts'
import { type BodyBounds, BodyWatch } from './body-watch.ts'
import { headSucceeded } from './classify.ts'
import { frontOf, show } from './front.ts'
import type { FetchSettings } from './options.ts'
import type { Asked } from './request.ts'

const never = (): number => Infinity

/**
 * Makes the call last to the end of the body: whoever reads it, by whatever way, is bounded, and the guards of the attempt learn how it
 * ended. A response without a body, or with one that is no web stream (node-fetch's), is over with its head.
 */
export function watched(response: Response, one: Attempt, asked: Asked, settings: FetchSettings): Response {
  const attempt = one as AttemptRecord
  const body = response.body as Partial<ReadableStream> | null | undefined
  // What was aborted meanwhile is dropped by the pipeline.
  if (body == null || typeof body.getReader !== 'function' || body.locked === true || attempt.signal.aborted) return response
  // A double of a test that is only a little like a response, or frozen.
  if (typeof (response.headers as Partial<Headers> | undefined)?.get !== 'function' || !Object.isExtensible(response)) return response
  if (response.headers.get('content-length') === '0') return response
  const inner = frontOf(response)
  // The answer of a resilient fetch further in has a watch already.
  const endless = /^\s*text\/event-stream\b/i.test(response.headers.get('content-type') ?? '')
  const front = inner ?? show(response, new BodyWatch(boundsOf(attempt, asked, settings, endless)))
  const { watch } = front.branch
  // A failure is known at the head: its guards learn it there, and wait for nothing.
  if (!endless && settings.hold === 'body' && headSucceeded(front, attempt, settings.classify)) watch.hold(attempt)
  else if (inner === undefined) watch.free()
  return response
}

function boundsOf({ call: { plan, id }, number, outerDeadline }: AttemptRecord, { input, signal }: Asked, { bodyIdleMs, unreadMs }: FetchSettings, endless: boolean): BodyBounds {
  const { host } = plan
  return {
    plan,
    id,
    number,
    idleMs: endless ? never : () => bodyIdleMs ?? host.timeoutMs,
    unreadMs,
    deadline: endless ? Infinity : outerDeadline,
    caller: signal,
    input,
  }
}
