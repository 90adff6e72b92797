import { DeadlinePassedError, RateLimitedError, RejectedError, SpillwayError, ThrottledError, TimeoutError } from '../core/errors.ts'

const titles = { 429: 'Too Many Requests', 500: 'Internal Server Error', 503: 'Service Unavailable', 504: 'Gateway Timeout' }

/**
 * The response that a server should give when a call of its own ended in this error, so that *its* callers learn to wait:
 *
 * | error | status |
 * |---|---|
 * | `TimeoutError`, `DeadlinePassedError`; the reason of an `AbortSignal.timeout()` | 504 |
 * | `RateLimitedError`, `ThrottledError` | 429 |
 * | any other `RejectedError` | 503 |
 * | any other `SpillwayError`, a `FallbackFailedError` say | 500 |
 * | anything else | `undefined`: not spillway's, your own handler goes on |
 *
 * `Retry-After` is in whole seconds, rounded up, where the error knows it. The body is `application/problem+json` (RFC 9457)
 * with a `title` and the error's `code`: no message, no name of a pipeline or policy, nothing of your inside.
 */
export function toResponse(error: unknown): Response | undefined {
  if (isTimeoutSignal(error)) return answer(504, 'TIMEOUT')
  if (!(error instanceof SpillwayError)) return undefined
  return answer(statusOf(error), error.code, error instanceof RejectedError ? error.retryAfterMs : undefined)
}

function answer(status: keyof typeof titles, code: string, retryAfterMs?: number): Response {
  const headers = new Headers({ 'content-type': 'application/problem+json' })
  if (retryAfterMs !== undefined && Number.isFinite(retryAfterMs)) headers.set('retry-after', String(Math.ceil(Math.max(0, retryAfterMs) / 1000)))
  return new Response(JSON.stringify({ title: titles[status], code }), { status, statusText: titles[status], headers })
}

/** What `AbortSignal.timeout()` aborts with. */
function isTimeoutSignal(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError'
}

function statusOf(error: SpillwayError): keyof typeof titles {
  if (error instanceof TimeoutError || error instanceof DeadlinePassedError) return 504
  if (error instanceof RateLimitedError || error instanceof ThrottledError) return 429
  return error instanceof RejectedError ? 503 : 500
}
