import type { Attempt } from '../core/attempt.ts'
import type { AttemptRecord } from '../core/attempt-record.ts'
import { Body } from './body.ts'
import { Bound } from './bound.ts'
import { headSucceeded } from './classify.ts'
import { frontOf, show } from './front.ts'
import type { FetchSettings } from './options.ts'
import type { Asked } from './request.ts'

const eventStream = /^\s*text\/event-stream\b/i

/**
 * Makes the call last to the end of the body: whoever reads it, by whatever way, is bounded, and the guards of the attempt learn how it
 * ended. A response without a body, or with one that is no web stream (node-fetch's), is over with its head.
 */
export function watched(response: Response, one: Attempt, signal: AbortSignal, asked: Asked, settings: FetchSettings): Response {
  const attempt = one as AttemptRecord
  const { body, headers } = response as { body?: Partial<ReadableStream> | null; headers?: Partial<Headers> }
  // What was aborted meanwhile is dropped by the pipeline.
  if (body == null || typeof body.getReader !== 'function' || body.locked === true || signal.aborted) return response
  // A double of a test that is only a little like a response, or frozen.
  if (typeof headers?.get !== 'function' || !Object.isExtensible(response)) return response
  const length = headers.get('content-length')
  if (length === '0') return response
  const endless = length === null && eventStream.test(headers.get('content-type') ?? '')
  // The answer of a resilient fetch further in has a front already.
  const inner = frontOf(response)
  const bound = new Bound(inner?.branch.body ?? new Body(), attempt, asked, settings, endless)
  const front = inner ?? show(response, bound.body)
  // A failure is known at the head: its guards learn it there, and wait for nothing.
  if (!endless && settings.hold === 'body' && headSucceeded(front, attempt, settings.classify)) bound.hold(attempt, signal)
  else bound.free()
  return response
}
