import { getEventListeners } from 'node:events'
import { Readable } from 'node:stream'
import { runInNewContext } from 'node:vm'
import { describe, expect, it, vi } from 'vitest'
import { breaker } from '../src/breaker/index.ts'
import { BreakerOpenError, DeadlinePassedError, TimeoutError } from '../src/core/errors.ts'
import { pipeline } from '../src/core/pipeline.ts'
import { fallback } from '../src/fallback/index.ts'
import { type FetchInit, type FetchInput, type FetchOptions, type FetchPolicies, resilientFetch, type ResilientFetch, standard, toResponse } from '../src/fetch/index.ts'
import { constant, retry } from '../src/retry/index.ts'
import { manualClock } from '../src/testing/index.ts'
import { timeout } from '../src/timeout/index.ts'
import { deadPort, type Received, tcpUpstream, upstream, upstreamAt } from './support/upstream.ts'

const again = (maxAttempts = 3, backoffMs = 1): ReturnType<typeof retry> => retry({ maxAttempts, backoff: constant(backoffMs), budget: false })
const retrying = (options?: FetchOptions): ResilientFetch => resilientFetch('quotes', [again()], options)
const fails = (promise: Promise<unknown>): Promise<unknown> => promise.then((value) => expect.fail(`answered ${String(value)}`), (error: unknown) => error)
const methods = (requests: readonly Received[]): string[] => requests.map(({ method }) => method)
const streamOf = (text: string): ReadableStream => new Blob([text]).stream() as ReadableStream
const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe.each([
  ['fetch itself', fetch],
  ['a resilient fetch without policies', resilientFetch('quotes', [])],
  ['a resilient fetch', resilientFetch('quotes')],
])('%s', (_name, one) => {
  it('sends method, headers and body, and answers the response', async () => {
    const server = await upstream({ status: 201, body: 'made', headers: { 'x-a': 'b' } })
    const response = await one(`${server.url}/quotes?a=1`, { method: 'POST', body: 'up', headers: { 'x-b': 'c' } })
    expect([response.status, response.ok, response.url, response.headers.get('x-a'), await response.text()]).toEqual([201, true, `${server.url}/quotes?a=1`, 'b', 'made'])
    expect(server.requests).toMatchObject([{ method: 'POST', path: '/quotes?a=1', body: 'up', headers: { 'x-b': 'c', 'content-type': 'text/plain;charset=UTF-8' } }])
  })

  it('takes a URL, a Request, and a Request as options', async () => {
    const server = await upstream(200)
    await one(new URL(`${server.url}/a`))
    await one(new Request(`${server.url}/b`, { method: 'PUT', body: 'up', headers: { 'x-b': 'c' } }))
    await one(`${server.url}/c`, new Request('http://elsewhere.test/', { method: 'PUT', body: 'up', headers: { 'x-b': 'c' } }))
    await one(new Request(`${server.url}/d`, { method: 'PUT', body: 'up' }), { method: 'POST', body: 'down' })
    expect(server.requests).toMatchObject([
      { method: 'GET', path: '/a' },
      { method: 'PUT', path: '/b', body: 'up', headers: { 'x-b': 'c' } },
      { method: 'PUT', path: '/c', body: 'up', headers: { 'x-b': 'c' } },
      { method: 'POST', path: '/d', body: 'down' },
    ])
  })

  it('answers a failure as a response, its body included', async () => {
    const server = await upstream({ status: 404, body: 'gone' })
    const response = await one(server.url)
    expect([response.status, await response.text()]).toEqual([404, 'gone'])
  })

  it('follows redirects, or not, as told', async () => {
    const server = await upstream({ status: 302, headers: { location: '/there' } }, { body: 'here' })
    const followed = await one(`${server.url}/a`)
    expect([followed.status, followed.redirected, followed.url, await followed.text()]).toEqual([200, true, `${server.url}/there`, 'here'])
    const other = await upstream({ status: 302, headers: { location: '/there' } })
    const manual = await one(other.url, { redirect: 'manual' })
    expect([manual.status, manual.headers.get('location'), other.requests.length]).toEqual([302, '/there', 1])
  })

  it('is not called where the signal is aborted already', async () => {
    const server = await upstream(200)
    expect(await fails(one(server.url, { signal: AbortSignal.abort('enough') }))).toBe('enough')
    expect(await fails(one(new Request(server.url, { signal: AbortSignal.abort('enough') })))).toBe('enough')
    expect(server.requests).toEqual([])
  })

  it("rejects with the caller's own reason when aborted while it waits", async () => {
    const server = await upstream('hang')
    for (const make of [(signal: AbortSignal) => one(server.url, { signal }), (signal: AbortSignal) => one(new Request(server.url, { signal }))]) {
      const controller = new AbortController()
      const reason = new Error('enough')
      const answer = make(controller.signal)
      const asked = server.requests.length + 1
      void vi.waitFor(() => expect(server.requests.length).toBe(asked)).then(() => controller.abort(reason))
      expect(await fails(answer)).toBe(reason)
    }
    expect((await fails(one(server.url, { signal: AbortSignal.timeout(20) })) as Error).name).toBe('TimeoutError')
    const plain = new AbortController()
    setTimeout(() => plain.abort(), 20)
    expect((await fails(one(server.url, { signal: plain.signal })) as Error).name).toBe('AbortError')
    await vi.waitFor(() => expect(server.ended).toBeGreaterThanOrEqual(2))
  })

  it('takes no heed of the signal of a Request where the options take it away', async () => {
    const server = await upstream(200)
    expect((await one(new Request(server.url, { signal: AbortSignal.abort() }), { signal: null })).status).toBe(200)
  })

  it('stops the body when aborted while it is read', async () => {
    const server = await upstream('stall')
    const controller = new AbortController()
    const response = await one(server.url, { signal: controller.signal })
    const text = response.text()
    setTimeout(() => controller.abort(), 20)
    expect((await fails(text) as Error).name).toBe('AbortError')
    await vi.waitFor(() => expect(server.ended).toBeGreaterThanOrEqual(1))
  })

  it('answers when there is a head, and tells of a truncated body to who reads it', async () => {
    const server = await upstream('truncate')
    const response = await one(server.url)
    expect(response.status).toBe(200)
    expect(await fails(response.text())).toBeInstanceOf(TypeError)
    expect(server.requests.length).toBe(1)
  })

  it('hands a slow body on as it comes', async () => {
    const server = await upstream({ body: 'at last', bodyAfterMs: 30 })
    const response = await one(server.url)
    expect(await response.text()).toBe('at last')
  })

  it.each<[string, FetchInput, FetchInit?]>([
    ['no URL', 'nowhere'],
    ['credentials in the URL', 'http://me:secret@127.0.0.1:9/'],
    ['a misspelt method', 'http://127.0.0.1:9/', { method: 'G E T' }],
    ['a header that is none', 'http://127.0.0.1:9/', { headers: { 'a b': 'c' } }],
    ['a GET with a body', 'http://127.0.0.1:9/', { body: 'up' }],
    ['a stream without duplex', 'http://127.0.0.1:9/', { method: 'PUT', body: streamOf('up') }],
  ])('rejects %s with a TypeError', async (_what, input, init) => {
    expect(await fails(one(input, init))).toBeInstanceOf(TypeError)
  })
})

describe('resilient fetch › retries', () => {
  it.each([503, 429, 500, 408, 'reset', 'close'] as const)('after %s', async (reply) => {
    const server = await upstream(reply, reply, { body: 'ok' })
    const response = await retrying()(server.url)
    expect([response.status, await response.text(), server.requests.length]).toEqual([200, 'ok', 3])
  })

  it('after an attempt that hung', async () => {
    const server = await upstream('hang', { body: 'ok' })
    const response = await resilientFetch('quotes', [again(), timeout(300)])(server.url)
    expect([await response.text(), server.requests.length]).toEqual(['ok', 2])
    await vi.waitFor(() => expect(server.ended).toBeGreaterThanOrEqual(1))
  })

  it('after a server that closes each connection at once, or talks nonsense', async () => {
    for (const talk of ['', 'SSH-2.0-OpenSSH_9.9\r\n']) {
      const server = await tcpUpstream((socket, number) => {
        if (number < 3) socket.end(talk)
        else socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'))
      })
      expect(await (await retrying()(server.url)).text()).toBe('ok')
      expect(server.connections).toBe(3)
    }
  })

  it('and answers the last failure as a response when they are spent', async () => {
    const server = await upstream(503, 503, { status: 500, body: 'a bug' })
    const response = await retrying()(server.url)
    expect([response.status, await response.text(), server.requests.length]).toEqual([500, 'a bug', 3])
  })

  it('and rejects with the last error untouched when they are spent', async () => {
    const server = await upstream('reset')
    const error = await fails(retrying()(server.url)) as Error
    expect(error).toBeInstanceOf(TypeError)
    expect(error.cause).toMatchObject({ code: 'ECONNRESET' })
    expect(server.requests.length).toBe(3)
  })

  it.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'get', 'put'])('%s', async (method) => {
    const server = await upstream(503, 200)
    expect((await retrying()(server.url, { method })).status).toBe(200)
    expect(methods(server.requests)).toEqual([method.toUpperCase(), method.toUpperCase()])
  })

  it.each([404, 200, 301, 400] as const)('not %i', async (status) => {
    const server = await upstream(status)
    await retrying()(server.url, { redirect: 'manual' })
    expect(server.requests.length).toBe(1)
  })

  it("not what the caller's own mistake is, and the breaker does not learn of it either", async () => {
    const send = vi.fn(fetch)
    const one = resilientFetch('quotes', [again(), breaker({ consecutive: 1 })], { fetch: send })
    for (const [input, init] of [['nowhere'], ['nonsense://127.0.0.1:9/'], ['http://127.0.0.1:9/', { method: 'G E T' }], ['http://127.0.0.1:9/', { body: 'up' }]] as [string, FetchInit?][]) {
      expect(await fails(one(input, init))).toBeInstanceOf(TypeError)
    }
    const spent = new Request('http://127.0.0.1:9/', { method: 'PUT', body: 'up' })
    await spent.text()
    expect(await fails(one(spent))).toBeInstanceOf(TypeError)
    expect(send).toHaveBeenCalledTimes(5)
  })

  it('nor what it is in a sandbox with a TypeError of its own', async () => {
    const send = vi.fn(() => Promise.reject(runInNewContext('new TypeError("Request with GET/HEAD method cannot have body.")') as Error))
    await fails(retrying({ fetch: send })('http://quotes.test/', { body: 'up' }))
    expect(send).toHaveBeenCalledTimes(1)
  })

  it('nor an error of a network that has no code, but where nothing could be sent by it', async () => {
    const send = vi.fn(() => Promise.reject(new TypeError('fetch failed', { cause: new Error('unknown scheme') })))
    await fails(retrying({ fetch: send })('ftp://quotes.test/'))
    expect(send).toHaveBeenCalledTimes(1)
    await fails(retrying({ fetch: send })('http://quotes.test/'))
    expect(send).toHaveBeenCalledTimes(4)
  })

  it("but every network error, also a browser's that has no cause", async () => {
    const send = vi.fn(() => Promise.reject(new TypeError('Failed to fetch')))
    await fails(retrying({ fetch: send })('/relative', { method: 'PUT', body: 'up', signal: new AbortController().signal }))
    expect(send).toHaveBeenCalledTimes(3)
  })

  it.each<[string, () => NonNullable<RequestInit['body']>, string | RegExp]>([
    ['a string', () => 'up', 'up'],
    ['URLSearchParams', () => new URLSearchParams({ a: '1' }), 'a=1'],
    ['a Blob', () => new Blob(['up']), 'up'],
    ['an ArrayBuffer', () => new TextEncoder().encode('up').buffer, 'up'],
    ['a view', () => Buffer.from('up'), 'up'],
    ['a form', () => {
      const form = new FormData()
      form.set('a', new Blob(['up']), 'file')
      return form
    }, /filename="file"[^]*up/],
  ])('%s as a body is sent again, whole', async (_kind, body, expected) => {
    const server = await upstream(503, 'reset', 200)
    await retrying()(server.url, { method: 'PUT', body: body() })
    expect(server.requests.map((request) => request.body)).toEqual(Array.from({ length: 3 }, () => expect.stringMatching(expected) as unknown))
  })
})

describe('resilient fetch › never does twice what must not be', () => {
  it.each(['POST', 'PATCH', 'post'])('sends a %s once, whatever comes of it', async (method) => {
    for (const reply of [503, 'reset', 'hang', { status: 503, headers: { 'retry-after': '0' } }] as const) {
      const server = await upstream(reply)
      await resilientFetch('quotes', [again(), timeout(300)])(server.url, { method, body: 'seat 7' }).catch(() => {})
      expect(server.requests.length).toBe(1)
    }
  })

  it('repeats a POST that never left: the connection was refused', async () => {
    const port = await deadPort()
    const one = resilientFetch('bookings', [again(3, 20)])
    let server: ReturnType<typeof upstreamAt> | undefined
    one.pipeline.on('retry.scheduled', () => (server ??= upstreamAt(port, { body: 'booked' })))
    const response = await one(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'seat 7' })
    expect(await response.text()).toBe('booked')
    expect((await server)!.requests).toMatchObject([{ method: 'POST', body: 'seat 7' }])
  })

  it('sends a POST once that was redirected to where the connection is refused', async () => {
    const port = await deadPort()
    const server = await upstream({ status: 303, headers: { location: `http://127.0.0.1:${port}/` } })
    const error = await fails(retrying()(server.url, { method: 'POST', body: 'seat 7' })) as Error
    expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' })
    expect(server.requests.length).toBe(1)
  })

  it('repeats a POST that has an Idempotency-Key, always with the same one', async () => {
    const server = await upstream(503, 'reset', 200)
    for (const headers of [{ 'Idempotency-Key': '7' }, [['idempotency-key', '7']] as [string, string][], new Headers({ 'idempotency-key': '7' })]) {
      server.requests.length = 0
      expect((await retrying()(server.url, { method: 'POST', body: 'seat 7', headers })).status).toBe(200)
      expect(server.requests.map((request) => request.headers['idempotency-key'])).toEqual(['7', '7', '7'])
    }
  })

  it('makes the key itself where told to: one per call', async () => {
    const server = await upstream(503, 200, 503, 200, 200, 200, 200)
    const one = retrying({ idempotencyKey: true })
    const init = Object.freeze({ method: 'POST', body: 'seat 7', headers: Object.freeze({ 'x-a': 'b' }) })
    await one(server.url, init)
    await one(server.url, init)
    await one(server.url, { method: 'PUT', body: 'seat 7' })
    await one(server.url, { ...init, headers: { 'idempotency-key': 'mine' } })
    await one(new Request(server.url, { method: 'POST', headers: { 'x-a': 'b' } }))
    const keys = server.requests.map((request) => request.headers['idempotency-key'])
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/)
    expect(keys[1]).toBe(keys[0])
    expect(keys[2]).not.toBe(keys[0])
    expect(keys[3]).toBe(keys[2])
    expect(keys.slice(4, 6)).toEqual([undefined, 'mine'])
    expect(keys[6]).toMatch(/^[0-9a-f-]{36}$/)
    expect(server.requests.map((request) => request.headers['x-a'])).toEqual(['b', 'b', 'b', 'b', undefined, undefined, 'b'])
  })

  it('makes the key by a function of your own', async () => {
    const server = await upstream(503, 200)
    let made = 0
    await retrying({ idempotencyKey: () => `key ${++made}` })(server.url, { method: 'PATCH' })
    expect(server.requests.map((request) => request.headers['idempotency-key'])).toEqual(['key 1', 'key 1'])
    const wrong = retrying({ idempotencyKey: () => 7 as never })
    expect(await fails(wrong(server.url, { method: 'POST' }))).toEqual(new TypeError('what fetch.idempotencyKey returned must be a string that is not empty, got 7'))
  })

  it('unless told otherwise: for a method, or a call', async () => {
    const server = await upstream(503)
    await retrying({ retryMethods: ['post'] })(server.url, { method: 'POST' })
    expect(server.requests.splice(0).length).toBe(3)
    await retrying({ retryMethods: ['post'] })(server.url)
    expect(server.requests.splice(0).length).toBe(1)
    await retrying()(server.url, { method: 'POST', spillway: { idempotent: true } })
    expect(server.requests.splice(0).length).toBe(3)
    await retrying()(server.url, { spillway: { idempotent: false } })
    expect(server.requests.splice(0).length).toBe(1)
  })

  it.each<[string, () => FetchInit]>([
    ['a web stream', () => ({ body: streamOf('up'), duplex: 'half' })],
    ['a Node stream', () => ({ body: Readable.from(['up']) as never, duplex: 'half' })],
    ['an async iterable', () => ({ body: (async function* () { yield Buffer.from('up') })() as never, duplex: 'half' })],
  ])('sends %s once', async (_kind, init) => {
    for (const reply of [503, 'reset'] as const) {
      const server = await upstream(reply)
      await retrying()(server.url, { method: 'PUT', ...init(), spillway: { idempotent: true } }).catch(() => {})
      expect(server.requests.map(({ body }) => body)).toEqual(['up'])
    }
  })

  it('sends a stream once even where the connection was refused, and tells the whole error', async () => {
    const send = vi.fn(fetch)
    const port = await deadPort()
    const init: FetchInit = { method: 'PUT', body: streamOf('up'), duplex: 'half' }
    const error = await fails(resilientFetch('quotes', [again(), breaker({ consecutive: 1 })], { fetch: send })(`http://127.0.0.1:${port}`, init)) as Error
    expect(send).toHaveBeenCalledTimes(1)
    expect(error).toBeInstanceOf(TypeError)
    expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('sends a stream once even where a layer of your own insists', async () => {
    const server = await upstream(503, 200)
    const insist = { kind: 'layer' as const, name: 'insist', around: async (next: (one: unknown) => Promise<never>, one: { fork(): unknown }) => (await next(one), next(one.fork())) }
    const one = resilientFetch('quotes', [insist as never])
    expect(await fails(one(server.url, { method: 'PUT', body: streamOf('up'), duplex: 'half' }))).toEqual(new TypeError('Cannot send this body again: a stream is sent once'))
    expect(server.requests.length).toBe(1)
  })

  it('sends a Request with a body once, or as often as needed where it may be cloned', async () => {
    const server = await upstream(503, 'reset', 200)
    const request = (): Request => new Request(server.url, { method: 'PUT', body: 'up', headers: { 'x-a': 'b' } })
    expect((await retrying()(request())).status).toBe(503)
    expect(server.requests.splice(0).length).toBe(1)
    const answered = await upstream(503, 'reset', 200)
    expect((await retrying({ cloneRequests: true })(new Request(answered.url, request()))).status).toBe(200)
    expect(answered.requests).toMatchObject(Array.from({ length: 3 }, () => ({ method: 'PUT', body: 'up', headers: { 'x-a': 'b' } })))
  })

  it('repeats a Request without a body', async () => {
    const server = await upstream(503, 200, 503, 200)
    expect((await retrying()(new Request(server.url))).status).toBe(200)
    expect((await retrying()(new Request(server.url, { method: 'DELETE' }))).status).toBe(200)
  })
})

describe('resilient fetch › Retry-After', () => {
  const busy = (headers: Record<string, string>): Response => new Response('busy', { status: 503, headers })

  it.each<[string, Record<string, string>, number]>([
    ['seconds', { 'retry-after': '7' }, 7_000],
    ['a date', { 'retry-after': 'Sun, 06 Nov 1994 08:49:37 GMT', date: 'Sun, 06 Nov 1994 08:49:30 GMT' }, 7_000],
  ])('in %s is waited for', async (_form, headers, ms) => {
    const clock = manualClock()
    const send = vi.fn(() => Promise.resolve(send.mock.calls.length === 1 ? busy(headers) : new Response('ok')))
    const answer = resilientFetch('quotes', [again()], { clock, fetch: send })('http://quotes.test/')
    await clock.advance(ms - 1)
    expect(send).toHaveBeenCalledTimes(1)
    await clock.advance(1)
    expect(send).toHaveBeenCalledTimes(2)
    expect(await (await answer).text()).toBe('ok')
  })

  it('that is too long is not waited for: the response comes out at once', async () => {
    const send = vi.fn(() => Promise.resolve(busy({ 'retry-after': '3600' })))
    const response = await resilientFetch('quotes', [again()], { clock: manualClock(), fetch: send })('http://quotes.test/')
    expect([response.status, await response.text(), send.mock.calls.length]).toEqual([503, 'busy', 1])
  })

  it('is the rest of a breaker that it opens', async () => {
    const clock = manualClock()
    const send = vi.fn(() => Promise.resolve(busy({ 'retry-after': '20' })))
    const one = resilientFetch('quotes', [breaker({ consecutive: 1, breakMs: 1_000 })], { clock, fetch: send, random: () => 0 })
    await one('http://quotes.test/')
    await clock.advance(19_999)
    expect(await fails(one('http://quotes.test/'))).toBeInstanceOf(BreakerOpenError)
    await clock.advance(1)
    expect((await one('http://quotes.test/')).status).toBe(503)
  })
})

describe('resilient fetch › dropped responses', () => {
  it('give their sockets back', async () => {
    const big = 'x'.repeat(300_000)
    const server = await upstream((request, response) => {
      response.writeHead(request.path === '/again' && server.requests.length % 2 === 1 ? 503 : 200).end(big)
    })
    const one = retrying()
    for (let i = 0; i < 50; i++) expect((await (await one(`${server.url}/again`)).text()).length).toBe(big.length)
    expect(server.requests.length).toBe(100)
    await vi.waitFor(() => expect(server.open).toBeLessThanOrEqual(2))
  })

  it('keep their connection where their body has arrived', async () => {
    const server = await upstream((_request, response) => {
      response.writeHead(server.requests.length % 2 === 1 ? 503 : 200).end('small')
    })
    const one = retrying()
    for (let i = 0; i < 50; i++) await (await one(server.url)).text()
    expect(server.requests.length).toBe(100)
    expect(server.connections).toBeLessThan(10)
  })

  it('are told to your own discard before their body is cancelled', async () => {
    const server = await upstream({ status: 503, body: 'why' }, 200)
    const texts: Promise<string>[] = []
    await retrying({ discard: (response) => texts.push(response.text()) })(server.url)
    expect(await Promise.all(texts)).toEqual(['why'])
  })

  it('are dropped also where your own discard throws', async () => {
    const server = await upstream('stall', 200)
    const onInternalError = vi.fn()
    const one = retrying({ onInternalError, classify: () => 'failure', discard: () => { throw new Error('mine') } })
    await one(server.url)
    expect(onInternalError).toHaveBeenCalledWith(new Error('mine'))
    await vi.waitFor(() => expect(server.ended).toBeGreaterThan(0))
  })

  it('come out without a body when nothing may follow them', async () => {
    const server = await upstream({ status: 302, headers: { location: '/there' } }, { status: 503, body: 'busy', headers: { 'retry-after': '0', 'x-a': 'b', 'content-length': '4', 'set-cookie': 'a=1' } })
    const one = resilientFetch('quotes', [again(), breaker({ consecutive: 1 })])
    const response = await one(server.url)
    expect([response.status, response.statusText, response.ok, response.url, response.redirected]).toEqual([503, 'Service Unavailable', false, `${server.url}/there`, true])
    expect([...response.headers.keys()]).toEqual(expect.not.arrayContaining(['content-length', 'content-encoding']))
    expect([response.headers.get('x-a'), response.headers.getSetCookie(), await response.text()]).toEqual(['b', ['a=1'], ''])
    expect(server.requests.length).toBe(2)
  })

  it('are destroyed where they are streams of Node, and left alone where they are nothing of the kind', async () => {
    const destroy = vi.fn()
    const answers = [{ status: 503, headers: new Headers(), body: { destroy } }, { status: 503, headers: new Headers(), body: null }, new Response('ok')]
    const response = await retrying({ fetch: () => Promise.resolve(answers.shift() as Response) })('http://quotes.test/')
    expect([await response.text(), destroy.mock.calls.length]).toEqual(['ok', 1])
  })

  it('come out as they are where nobody could make their like', async () => {
    const opaque = Response.error()
    const one = resilientFetch('quotes', [again(), breaker({ consecutive: 1 })], { fetch: () => Promise.resolve(opaque), classify: () => 'failure' })
    expect(await one('http://quotes.test/')).toBe(opaque)
  })

  it('are answered by a fallback in their place', async () => {
    const server = await upstream(503)
    const one = resilientFetch('quotes', [fallback(() => Response.json({ status: 'unknown' })), again(2)])
    expect(await (await one(server.url)).json()).toEqual({ status: 'unknown' })
  })
})

describe('resilient fetch › policies', () => {
  it('a breaker opens on 503s, and its refusal is a response for your own callers', async () => {
    const server = await upstream(503)
    const one = resilientFetch('quotes', [breaker({ minimumThroughput: 5, windowMs: 10_000 })])
    for (let i = 0; i < 5; i++) expect((await one(server.url)).status).toBe(503)
    const error = await fails(one(server.url))
    expect(error).toBeInstanceOf(BreakerOpenError)
    expect(toResponse(error)?.status).toBe(503)
    expect(server.requests.length).toBe(5)
  })

  it('a timeout ends the request, and says that its outcome is not known', async () => {
    const server = await upstream('hang')
    const error = await fails(resilientFetch('quotes', [timeout(300)])(server.url, { method: 'POST' }))
    expect(error).toBeInstanceOf(TimeoutError)
    expect(toResponse(error)?.status).toBe(504)
    await vi.waitFor(() => expect(server.ended).toBeGreaterThanOrEqual(1))
  })

  it('the standard ones are a total timeout, retries, a breaker, a bulkhead and a timeout per attempt', () => {
    const text = String(resilientFetch('quotes').pipeline)
    expect(text).toMatch(/30 s.*retry.*breaker.*bulkhead.*10 s/)
    expect(String(resilientFetch('quotes', standard({ totalMs: 5_000, attemptMs: 700, slots: 7 })).pipeline)).toMatch(/5 s.*700 ms/)
  })

  it('the standard ones are new ones for each fetch', async () => {
    const server = await upstream(503)
    const [one, other] = [resilientFetch('a', standard({ maxAttempts: 1, minimumThroughput: 1 })), resilientFetch('b', standard({ maxAttempts: 1, minimumThroughput: 1 }))]
    await one(server.url)
    expect(await fails(one(server.url))).toBeInstanceOf(BreakerOpenError)
    expect((await other(server.url)).status).toBe(503)
  })

  it('the standard ones warn of nothing and check their numbers', () => {
    const onWarning = vi.fn()
    resilientFetch('quotes', standard(), { onWarning })
    expect(onWarning).not.toHaveBeenCalled()
    expect(() => standard({ slots: -1 })).toThrow(new RangeError('standard.slots must be a whole number from 0 on, got -1'))
    expect(() => standard({ attemptMs: 0 })).toThrow(new RangeError('standard.attemptMs must be a number over 0, got 0'))
    expect(() => standard({ failureRatio: 2 })).toThrow(RangeError)
    expect(() => standard({ slot: 1 } as never)).toThrow('standard has no option "slot"; did you mean "slots"?')
  })
})

describe('resilient fetch › options', () => {
  it('uses whatever fetch it is given, called on nothing', async () => {
    const seen: unknown[] = []
    const send = function (this: unknown, ...args: unknown[]): Promise<Response> {
      seen.push(this, ...args)
      return Promise.resolve(new Response('mine'))
    }
    expect(await (await resilientFetch('quotes', [], { fetch: send })('/a', { method: 'PUT', spillway: { key: 'a' } })).text()).toBe('mine')
    expect(seen).toEqual([undefined, '/a', { method: 'PUT', signal: expect.any(AbortSignal) as unknown }])
  })

  it('looks the global fetch up at each call', async () => {
    const one = resilientFetch('quotes', [])
    vi.stubGlobal('fetch', () => Promise.resolve(new Response('stubbed')))
    try {
      expect(await (await one('http://quotes.test/')).text()).toBe('stubbed')
    } finally {
      vi.unstubAllGlobals()
    }
  })

  it('nests: a resilient fetch is a fetch', async () => {
    const server = await upstream(503, 200)
    const outer = resilientFetch('outer', [timeout(500)], { fetch: retrying() })
    expect((await outer(server.url)).status).toBe(200)
  })

  it('passes what is said of a call on: priority, deadline, key, operation', async () => {
    const server = await upstream('hang')
    const seen: unknown[] = []
    const one = resilientFetch('quotes', [], { classify: (_outcome, { call, priority }) => void seen.push([priority, call.key, call.operation, call.meta]) })
    const other = await upstream(200)
    await one(other.url, { spillway: { priority: 'critical', key: 'a', operation: 'read', meta: 7 } })
    expect(seen).toEqual([['critical', 'a', 'read', 7]])
    expect(await fails(one(server.url, { spillway: { timeoutMs: 300 } }))).toBeInstanceOf(TimeoutError)
    expect(await fails(one(server.url, { spillway: { deadline: new Date(Date.now() - 1) } }))).toBeInstanceOf(DeadlinePassedError)
    expect(server.requests.length).toBe(1)
  })

  it('is bounded by the attempt of an outer pipeline', async () => {
    const server = await upstream('hang')
    const one = retrying()
    const outer = pipeline('page', [timeout(150)])
    expect(await fails(outer.run((attempt) => one(server.url, { spillway: attempt }), { priority: 'low' }))).toMatchObject({ pipeline: 'page' })
    await vi.waitFor(() => expect(server.ended).toBeGreaterThanOrEqual(1))
    expect(server.requests.length).toBe(1)
  })

  it('rejects a call with an option that makes no sense', async () => {
    const send = vi.fn(fetch)
    const one = resilientFetch('quotes', [], { fetch: send })
    expect(await fails(one('http://quotes.test/', { spillway: { priorty: 'high' } as never }))).toBeInstanceOf(TypeError)
    expect(await fails(one('http://quotes.test/', { spillway: { deadline: Date.now() } }))).toBeInstanceOf(RangeError)
    expect(send).not.toHaveBeenCalled()
  })

  it.each<[object, string]>([
    [{ fetch: 7 }, 'fetch.fetch must be a function, got 7'],
    [{ classify: 7 }, 'fetch.classify must be a function, got 7'],
    [{ discard: 7 }, 'fetch.discard must be a function, got 7'],
    [{ retryMethods: 'POST' }, 'fetch.retryMethods must be an array of strings, got "POST"'],
    [{ retryMethods: [7] }, 'fetch.retryMethods must be an array of strings, got an array'],
    [{ idempotencyKey: 'a' }, 'fetch.idempotencyKey must be true or a function, got "a"'],
    [{ bodyIdleMs: '5' }, 'fetch.bodyIdleMs must be a number over 0, got "5"'],
    [{ hold: true }, "fetch.hold must be one of 'body', 'headers', got true"],
    [{ unreadMs: '5' }, 'fetch.unreadMs must be a number from 0 on, got "5"'],
    [{ attemptHeader: false }, 'fetch.attemptHeader must be the name of a header, got false'],
    [{ timeoutHeader: '' }, 'fetch.timeoutHeader must be the name of a header, got ""'],
    [{ cloneRequests: 1 }, 'fetch.cloneRequests must be true or false, got 1'],
    [{ idempotencykeys: true }, 'fetch has no option "idempotencykeys"; did you mean "idempotencyKey"?'],
    [{ clock: 7 }, 'pipeline.clock must be an object with now() and after(ms, fn), got 7'],
  ])('refuses %j at build', (options, message) => {
    expect(() => resilientFetch('quotes', [], options)).toThrow(new TypeError(message))
  })

  it('accepts every option of a pipeline', async () => {
    const settled = vi.fn()
    const options: FetchOptions = { clock: manualClock(), random: () => 0, observers: [{ callSettled: settled }], onWarning: () => {}, onInternalError: () => {}, abandonAfterMs: 1, stacks: true }
    const policies: FetchPolicies = [again()]
    await resilientFetch('quotes', policies, { ...options, fetch: () => Promise.resolve(new Response()) })('http://quotes.test/')
    expect(settled).toHaveBeenCalledTimes(1)
  })

  it('closes', async () => {
    const server = await upstream(200)
    const one = resilientFetch('quotes')
    await one(server.url)
    expect(await one.pipeline.close()).toBe(0)
    expect(await fails(one(server.url))).toMatchObject({ code: 'PIPELINE_CLOSED' })
  })

  it('stops a body that nobody holds but its reader, also of a Request', async () => {
    const server = await upstream('stall')
    const one = resilientFetch('quotes')
    for (const make of [(signal: AbortSignal) => one(server.url, { signal }), (signal: AbortSignal) => one(new Request(server.url, { signal }))]) {
      const controller = new AbortController()
      const reading = [await make(controller.signal).then((response) => ({ text: fails(response.text()) }))]
      for (let i = 0; i < 3; i++) {
        globalThis.gc?.()
        await later(1)
      }
      controller.abort()
      expect((await reading[0]!.text as Error).name).toBe('AbortError')
    }
  })

  it('keeps nothing of a caller whose signal lives on', { timeout: 5_000 }, async () => {
    const server = await upstream({ body: 'ok' })
    const one = resilientFetch('quotes')
    const { signal } = new AbortController()
    for (let i = 0; i < 20; i++) await (await one(server.url, { signal })).text()
    await vi.waitFor(async () => {
      globalThis.gc?.()
      await later(1)
      expect(getEventListeners(signal, 'abort').length).toBeLessThan(5)
    })
  })
})
