import { frontOf } from './front.ts'

const discarded = new WeakSet<object>()

/** Cancels the body of a response that nobody will read, so that its socket comes back. */
export function discardResponse(value: unknown): void {
  if (typeof value !== 'object' || value === null || !('body' in value)) return
  discarded.add(value)
  const front = frontOf(value)
  if (front !== undefined) return front.discard()
  const body = value.body as { cancel?(): Promise<void>; destroy?(): void } | null | undefined
  // A body that somebody reads is locked, one that broke has its own error: both are told to whoever reads it.
  body?.cancel?.().catch(() => {})
  // node-fetch's is a stream of Node.
  body?.destroy?.()
}

/**
 * What the caller gets. A retry drops a response before its back-off; when the breaker then refuses the next attempt, that
 * response is the last real outcome after all, but its body is gone: a copy without one says what is still true of it.
 */
export function answerOf(response: Response): Response {
  // An opaque response (status 0) cannot be made by hand.
  if (!discarded.has(response) || response.status < 200) return response
  const headers = new Headers(response.headers)
  for (const name of ['content-length', 'content-encoding', 'transfer-encoding']) headers.delete(name)
  const { status, statusText, url, redirected } = response
  const copy = new Response(null, { status, statusText, headers })
  return Object.defineProperties(copy, { url: { value: url, configurable: true }, redirected: { value: redirected, configurable: true } })
}
