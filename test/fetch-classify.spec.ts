import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { RejectedError, TimeoutError } from '../src/core/errors.ts'
import { sendableAgain } from '../src/fetch/request.ts'
import { classifierOf, classifyFetch } from '../src/fetch/classify.ts'
import { retryAfter } from '../src/fetch/retry-after.ts'
import { fromElsewhere } from '../src/fetch/blame.ts'
import type { Asked } from '../src/fetch/request.ts'

const attempt = {} as never
const ofStatus = (status: number, headers: Record<string, string> = {}): unknown => classifyFetch({ ok: true, value: new Response(null, { status, headers }) }, attempt)
const ofError = (error: unknown): unknown => classifyFetch({ ok: false, error }, attempt)
const broken = (code: string, more: object = {}): TypeError => new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code, ...more }) })

describe('fetch › what an outcome says about the server', () => {
  it.each([200, 204, 301, 304, 400, 401, 403, 404, 409, 410, 412, 418, 422])('%i is success', (status) => {
    expect(ofStatus(status)).toBe('success')
  })

  it.each([408, 500, 501, 502, 505, 520, 599])('%i is failure', (status) => {
    expect(ofStatus(status)).toBe('failure')
  })

  it.each([429, 503, 504])('%i is overload', (status) => {
    expect(ofStatus(status)).toBe('overload')
  })

  it('Retry-After counts for every failure', () => {
    for (const status of [429, 503, 504]) expect(ofStatus(status, { 'retry-after': '3' })).toEqual({ verdict: 'overload', retryAfterMs: 3_000 })
    for (const status of [408, 500]) expect(ofStatus(status, { 'retry-after': '3' })).toEqual({ verdict: 'failure', retryAfterMs: 3_000 })
  })

  it('Retry-After of a redirect or of any other success does not', () => {
    for (const status of [200, 202, 301, 404]) expect(ofStatus(status, { 'retry-after': '3' })).toBe('success')
  })

  it.each(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])('%s is overload', (code) => {
    expect(ofError(broken(code))).toBe('overload')
  })

  it.each(['ENOTFOUND', 'CERT_HAS_EXPIRED', 'EHOSTUNREACH'])('%s is failure', (code) => {
    expect(ofError(broken(code))).toBe('failure')
  })

  it('every other error is failure, own timeouts are overload, refusals of an inner pipeline are ignored', () => {
    for (const error of [new TypeError('Failed to fetch'), new Error('any'), 'text', undefined, null]) expect(ofError(error)).toBe('failure')
    expect(ofError(new TimeoutError('late'))).toBe('overload')
    expect(ofError(new RejectedError('full'))).toBe('ignored')
  })

  it('what is no response is success', () => {
    for (const value of [undefined, null, 'text', {}]) expect(classifyFetch({ ok: true, value }, attempt)).toBe('success')
  })

  it('your own classifier comes first, and may leave the rest to the default', () => {
    const classify = classifierOf((outcome) => (outcome.ok && outcome.value.status === 404 ? 'failure' : undefined))
    const of = (status: number): unknown => classify({ ok: true, value: new Response(null, { status, headers: { 'retry-after': '1' } }) }, attempt)
    expect(of(404)).toEqual({ verdict: 'failure', retryAfterMs: 1_000 })
    expect(of(429)).toEqual({ verdict: 'overload', retryAfterMs: 1_000 })
    expect(of(200)).toBe('success')
    expect(classify({ ok: false, error: broken('ECONNRESET') }, attempt)).toBe('overload')
  })

  it('your own classifier may set retryAfterMs itself', () => {
    const classify = classifierOf((outcome) => (outcome.ok ? { verdict: 'overload', retryAfterMs: (retryAfter(outcome.value.headers) ?? 0) * 2 } : 'ignored'))
    expect(classify({ ok: true, value: new Response(null, { headers: { 'retry-after': '1' } }) }, attempt)).toEqual({ verdict: 'overload', retryAfterMs: 2_000 })
    expect(classify({ ok: false, error: new Error('any') }, attempt)).toBe('ignored')
  })
})

describe('fetch › bodies', () => {
  it.each([undefined, null, '', 'text', 7, new URLSearchParams('a=1'), new FormData(), new Blob(['a']), new ArrayBuffer(1), new Uint8Array(1), new DataView(new ArrayBuffer(1)), Buffer.from('a')])('%o can be sent again', (body) => {
    expect(sendableAgain(body)).toBe(true)
  })

  it.each([new ReadableStream(), Readable.from(['a']), (async function* () {})(), (function* () {})()])('%o is sent once', (body) => {
    expect(sendableAgain(body)).toBe(false)
  })
})

describe('fetch › proof that a request never started', () => {
  const url = 'http://quotes.test:81/a'
  const proves = (error: unknown, input: Asked['input'] = url): boolean => !fromElsewhere(error, { input } as Asked)

  it('is a connection refused, or a name not found, of the server that was asked', () => {
    expect(proves(broken('ECONNREFUSED', { port: 81 }))).toBe(true)
    expect(proves(broken('ENOTFOUND', { hostname: 'quotes.test' }))).toBe(true)
    expect(proves(broken('ECONNREFUSED', { port: 443 }), 'https://quotes.test/')).toBe(true)
    expect(proves(broken('ECONNREFUSED', { port: 80 }), new URL('http://quotes.test/'))).toBe(true)
    expect(proves(broken('ECONNREFUSED', { port: 81 }), new Request(url))).toBe(true)
  })

  it('is not that of another, to which the first one redirected', () => {
    expect(proves(broken('ECONNREFUSED', { port: 82 }))).toBe(false)
    expect(proves(broken('ECONNREFUSED', { errors: [{ port: 81 }, { port: 82 }] }))).toBe(false)
    expect(proves(broken('EAI_AGAIN', { hostname: 'elsewhere.test' }))).toBe(false)
  })
})
