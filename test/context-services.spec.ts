import { serve } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { once } from 'node:events'
import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { contextHeaders, currentContext, fastifyContext, honoContext, type IncomingOptions, nodeContext } from '../src/context/index.ts'
import { incoming } from '../src/context/incoming.ts'
import { resilientFetch } from '../src/fetch/index.ts'
import { pipeline } from '../src/index.ts'
import { constant, retry } from '../src/retry/index.ts'
import { manualClock } from '../src/testing/index.ts'
import { parseTrace, traceHeaders } from '../src/trace/index.ts'
import { timeout } from '../src/timeout/index.ts'
import { upstream } from './support/upstream.ts'

type Answer = (body: string) => Promise<unknown>

interface Options {
  readonly trustPriority?: boolean
  readonly echo?: boolean
  readonly maxTimeoutMs?: number
  readonly trace?: typeof parseTrace
}

const frameworks: Record<string, (options: Options, answer: Answer) => Promise<Server>> = {
  async 'node:http'(options, answer) {
    const enter = nodeContext(options)
    return createServer((request, response) => enter(request, response, () => {
      void (async () => {
        let body = ''
        for await (const chunk of request) body += String(chunk)
        response.end(JSON.stringify(await answer(body)))
      })()
    })).listen(0, '127.0.0.1')
  },
  async Express(options, answer) {
    const app = express()
    app.use(nodeContext(options))
    app.use(express.text({ type: '*/*' }))
    app.all('/{*path}', (request, response) => void answer(typeof request.body === 'string' ? request.body : '').then((said) => response.json(said)))
    return app.listen(0, '127.0.0.1')
  },
  async Fastify(options, answer) {
    const app = fastify()
    app.register(fastifyContext(options))
    app.addContentTypeParser('text/plain', { parseAs: 'string' }, (_request, body, done) => done(null, body))
    app.all('*', async (request, reply) => reply.type('application/json').send(JSON.stringify(await answer((request.body ?? '') as string))))
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server
  },
  async Hono(options, answer) {
    const app = new Hono()
    app.use(honoContext(options))
    app.all('*', async (c) => c.json((await answer(await c.req.text())) as object))
    return serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server
  },
}

async function service(start: (typeof frameworks)[string], options: Options, answer: Answer): Promise<string> {
  const server = await start(options, answer)
  if (!server.listening) await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/a`
}

describe.each(Object.entries(frameworks))('%s › the context of a request', (_name, start) => {
  it.each(['GET', 'POST'])('goes on into outgoing calls: %s', async (method) => {
    const down = await upstream({ body: 'ok' })
    const quotes = resilientFetch('quotes', [timeout(60_000)], { inject: contextHeaders() })
    const url = await service(start, { trustPriority: true }, async (body) => {
      await sleep(5)
      await (await quotes(`${down.url}/b`)).text()
      return { body, ...currentContext() }
    })
    const said = await (await fetch(url, { method, ...(method === 'POST' ? { body: 'hello' } : {}), headers: { 'x-request-priority': 'high;sub=17', 'x-request-timeout-ms': '30000', 'content-type': 'text/plain' } })).json() as Record<string, unknown>
    expect(said).toMatchObject({ body: method === 'POST' ? 'hello' : '', priority: 'high', subLevel: 17 })
    const { headers } = down.requests[0]!
    expect(headers['x-request-priority']).toBe('high;sub=17')
    expect(Number(headers['x-request-timeout-ms'])).toBeGreaterThan(20_000)
    // Some ms were spent.
    expect(Number(headers['x-request-timeout-ms'])).toBeLessThanOrEqual(29_996)
  })

  it('believes nobody who claims to be critical, unless told to', async () => {
    const url = await service(start, { echo: true, maxTimeoutMs: 100 }, async () => ({ ...currentContext() }))
    const response = await fetch(url, { headers: { 'x-request-priority': 'critical;sub=0', 'x-request-timeout-ms': '99999999' } })
    expect([response.headers.get('x-request-priority'), response.headers.get('x-request-timeout-ms')]).toEqual(['normal', '100'])
    const { leftMs, ...others } = (await response.json()) as { leftMs: number }
    expect(others).toEqual({})
    expect(leftMs).toBeLessThanOrEqual(100)
  })

  it('is one of its own for each request', async () => {
    const url = await service(start, { trustPriority: true }, async () => {
      await sleep(5)
      return { priority: await pipeline('a', []).run(({ priority }) => priority) }
    })
    const levels = ['critical', 'high', 'normal', 'low', undefined, 'high']
    const said = await Promise.all(levels.map(async (level) => (await (await fetch(url, { headers: level === undefined ? {} : { 'x-request-priority': level } })).json()) as unknown))
    expect(said).toEqual(levels.map((priority = 'normal') => ({ priority })))
  })

  it('answers a request whatever its headers say', async () => {
    const url = await service(start, { trustPriority: true, trace: parseTrace }, async () => ({ ...currentContext() }))
    for (const [priority, ms] of [['urgent', '-1'], ['high, low', '1e9'], ['HIGH', '0x10'], ['high;sub=999', '1732728000000'], ['__proto__', 'NaN'], [';', ''], ['a'.repeat(5_000), '9'.repeat(5_000)], ['high;sub=-1', '1.5']] as const) {
      const response = await fetch(url, { headers: { 'x-request-priority': priority, 'x-request-timeout-ms': ms, traceparent: '00-zz' } })
      expect([response.status, await response.json()]).toEqual([200, priority.startsWith('high;sub=9') ? { priority: 'high', leftMs: null } : { leftMs: null }])
    }
    // Twice the same header.
    const twice = httpRequest(url, { headers: { 'x-request-priority': ['high', 'low'], 'x-request-timeout-ms': ['1', '2'] } }).end()
    const [response] = (await once(twice, 'response')) as [{ statusCode: number; resume(): void }]
    expect(response.statusCode).toBe(200)
    response.resume()
  })

  it('carries the trace, with a span of its own for each attempt', async () => {
    const down = await upstream(503, { body: 'ok' })
    const quotes = resilientFetch('quotes', [retry({ backoff: constant(0), budget: false })], { inject: [contextHeaders(), traceHeaders()] })
    const heard: unknown[] = []
    quotes.pipeline.on('attempt.settled', (event) => heard.push(event.trace))
    const url = await service(start, { trace: parseTrace }, async () => {
      await (await quotes(down.url)).text()
      return { logged: currentContext()!.trace!.traceId }
    })
    const id = '0af7651916cd43dd8448eb211c80319c'
    expect(await (await fetch(url, { headers: { traceparent: `00-${id}-b7ad6b7169203331-01`, tracestate: 'a=1,b=2', baggage: 'user=7' } })).json()).toEqual({ logged: id })
    const sent = down.requests.map(({ headers }) => headers)
    expect(sent.map((headers) => [headers['tracestate'], headers['baggage']])).toEqual([['a=1,b=2', 'user=7'], ['a=1,b=2', 'user=7']])
    const spans = sent.map((headers) => /^00-0af7651916cd43dd8448eb211c80319c-([\da-f]{16})-01$/.exec(headers['traceparent'] as string)![1])
    expect(new Set([...spans, 'b7ad6b7169203331']).size).toBe(3)
    await vi.waitFor(() => expect(heard).toEqual([id, id]))
  })
})

describe('a request that arrives', () => {
  const headers = (said: Record<string, string>): { get(name: string): string | undefined } => ({ get: (name) => said[name] })
  const inside = (options: IncomingOptions<string>, said: Record<string, string> = {}, request = 'r') => incoming(options)(headers(said), request).run(currentContext)!

  it('loses its time from its arrival on', async () => {
    const clock = manualClock()
    const one = incoming({ clock })(headers({ 'x-request-timeout-ms': '500' }), 'r')
    await clock.advance(200)
    expect(one.run(currentContext)).toMatchObject({ leftMs: 300 })
  })

  it('has the longest time, and the time of those who claim none, as you say', () => {
    const clock = manualClock()
    expect(inside({ clock, maxTimeoutMs: 100 }, { 'x-request-timeout-ms': '500' }).leftMs).toBe(100)
    expect(inside({ clock, maxTimeoutMs: 100 }).leftMs).toBe(Infinity)
    expect(inside({ clock, timeoutMs: 700 }).leftMs).toBe(700)
    expect(inside({ clock, timeoutMs: 700 }, { 'x-request-timeout-ms': '900' }).leftMs).toBe(900)
    expect(inside({ clock }, { 'x-request-timeout-ms': '0' }).leftMs).toBe(0)
    // A time of day is no span.
    expect(inside({ clock }, { 'x-request-timeout-ms': String(Date.now()) }).leftMs).toBe(Infinity)
  })

  it('is believed by whom you say, and has the priority and task that you say', () => {
    const options: IncomingOptions<string> = { trustPriority: (request) => request === 'friend', priority: (request) => (request === 'bot' ? 'low' : undefined), task: (request) => request }
    expect(inside(options, { 'x-request-priority': 'critical;sub=3' }, 'friend')).toMatchObject({ priority: 'critical', subLevel: 3 })
    expect(inside(options, { 'x-request-priority': 'critical;sub=3' }, 'stranger')).toMatchObject({ priority: undefined, subLevel: expect.any(Number) as number })
    expect(inside(options, {}, 'bot').priority).toBe('low')
    expect(inside({ priority: 'high' }).priority).toBe('high')
  })

  it('goes on when a function of yours throws or answers nonsense', () => {
    const onInternalError = vi.fn()
    const broken = (): never => { throw new Error('mine') }
    expect(inside({ trustPriority: broken, priority: broken, task: broken, trace: broken, onInternalError }, { 'x-request-priority': 'high' })).toEqual({ priority: undefined, subLevel: undefined, leftMs: Infinity, trace: undefined })
    expect(onInternalError).toHaveBeenCalledTimes(4)
    expect(inside({ priority: () => 'urgent' as never, task: () => '' , trustPriority: (() => 'yes') as never, onInternalError }, { 'x-request-priority': 'high' })).toMatchObject({ priority: undefined, subLevel: undefined })
  })

  it('throws nothing, whatever its headers say', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), fc.string(), (a, b, c) => {
      const { priority, leftMs } = inside({ trustPriority: true, trace: parseTrace }, { 'x-request-priority': a, 'x-request-timeout-ms': b, traceparent: c, b3: a, baggage: b, tracestate: c })
      expect(priority === undefined || ['critical', 'high', 'normal', 'low'].includes(priority)).toBe(true)
      expect(leftMs).toBeGreaterThanOrEqual(0)
    }))
  })

  it('has the headers that you say', () => {
    expect(inside({ trustPriority: true, priorityHeader: 'x-p', timeoutHeader: 'x-t', clock: manualClock() }, { 'x-p': 'low', 'x-t': '5' })).toMatchObject({ priority: 'low', leftMs: 5 })
  })

  it('options are checked when the handler is made', () => {
    for (const make of [nodeContext, fastifyContext, honoContext] as ((options: IncomingOptions) => unknown)[]) {
      expect(() => make({ trustPriority: 1 as never })).toThrow('context.trustPriority must be true, false or a function, got 1')
      expect(() => make({ priority: 'urgent' as never })).toThrow('context.priority must be a priority or a function, got "urgent"')
      expect(() => make({ maxTimeoutMs: -1 })).toThrow(RangeError)
      expect(() => make({ task: 'user' as never })).toThrow(TypeError)
      expect(() => make({ timeoutHeader: 'a b' })).toThrow('context.timeoutHeader must be the name of a header, got "a b"')
      expect(() => make({ trustPriorty: true } as never)).toThrow('"trustPriorty"')
    }
    expect(() => contextHeaders({ priorityHeader: '' })).toThrow(TypeError)
  })
})

describe('contextHeaders', () => {
  it('says what is left to each attempt when it is sent, and nothing of time where nothing bounds it', async () => {
    const clock = manualClock()
    const seen: unknown[] = []
    const send = (_url: unknown, { headers }: { headers: Headers }): Promise<Response> => {
      seen.push([headers.get('x-request-priority'), headers.get('x-request-timeout-ms')])
      return Promise.resolve(new Response(null, { status: seen.length < 3 ? 503 : 200 }))
    }
    const one = resilientFetch('quotes', [retry({ budget: false, backoff: constant(200) })], { clock, fetch: send, inject: contextHeaders() })
    const answer = one('http://quotes.test/', { spillway: { timeoutMs: 1_000.5, priority: 'low', subLevel: 3 } })
    await clock.advance(400)
    await answer
    await one('http://quotes.test/')
    expect(seen).toEqual([['low;sub=3', '1000'], ['low;sub=3', '800'], ['low;sub=3', '600'], ['normal', null]])
  })

  it('a function that throws costs no request', async () => {
    const onInternalError = vi.fn()
    const server = await upstream({ body: 'ok' })
    const one = resilientFetch('quotes', [], { inject: [() => { throw new Error('mine') }, contextHeaders()], onInternalError })
    expect(await (await one(server.url)).text()).toBe('ok')
    expect(server.requests[0]!.headers['x-request-priority']).toBe('normal')
    expect(onInternalError).toHaveBeenCalledWith(new Error('mine'))
    expect(() => resilientFetch('a', [], { inject: [1 as never] })).toThrow('fetch.inject must be a function, got 1')
  })
})
