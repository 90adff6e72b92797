import { describe, expect, it } from 'vitest'
import {
  BreakerOpenError, BulkheadFullError, DeadlinePassedError, FallbackFailedError, PipelineClosedError, RateLimitedError, RejectedError, ShedError, SpillwayError, ThrottledError, TimeoutError,
} from '../src/core/errors.ts'
import { toResponse } from '../src/fetch/to-response.ts'

const message = 'Cannot call "payments": breaker open'

describe('toResponse', () => {
  it.each([
    [503, RejectedError], [503, BreakerOpenError], [503, BulkheadFullError], [503, ShedError], [503, PipelineClosedError],
    [429, RateLimitedError], [429, ThrottledError],
    [504, DeadlinePassedError], [504, TimeoutError],
    [500, SpillwayError],
  ])('answers %i for a %o', (status, kind) => {
    expect(toResponse(new kind(message))?.status).toBe(status)
  })

  it('answers 500 for a fallback that failed', () => {
    expect(toResponse(new FallbackFailedError(message, { original: 1 }))?.status).toBe(500)
  })

  it('the reason of an AbortSignal.timeout() is a 504 too: a deadline has passed', async () => {
    const reason = new DOMException('The operation was aborted due to timeout', 'TimeoutError')
    expect(toResponse(reason)?.status).toBe(504)
    expect(await toResponse(reason)?.json()).toEqual({ title: 'Gateway Timeout', code: 'TIMEOUT' })
    expect(toResponse(new DOMException('gone', 'AbortError'))).toBeUndefined()
  })

  it('leaves every other error to your own handler', () => {
    for (const error of [new Error('mine'), new TypeError('fetch failed'), 'text', undefined, null]) expect(toResponse(error)).toBeUndefined()
  })

  it('says when to come again, in whole seconds and never too early', () => {
    const header = (retryAfterMs: number | undefined): string | null | undefined => toResponse(new BreakerOpenError(message, { retryAfterMs }))?.headers.get('retry-after')
    expect(header(3_200)).toBe('4')
    expect(header(3_000)).toBe('3')
    expect(header(1)).toBe('1')
    expect(header(0)).toBe('0')
    expect(header(undefined)).toBeNull()
    expect(header(Infinity)).toBeNull()
  })

  it('tells the code and a title, and nothing of what is inside', async () => {
    const response = toResponse(new BreakerOpenError(message, { pipeline: 'payments', policy: 'breaker', cause: new Error('secret') }))!
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(response.statusText).toBe('Service Unavailable')
    expect(await response.json()).toEqual({ title: 'Service Unavailable', code: 'BREAKER_OPEN' })
  })
})
