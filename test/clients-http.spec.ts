import axios from 'axios'
import { got } from 'got'
import ky from 'ky'
import { breaker, bulkhead, constant, type Guard, type Pipeline, pipeline, retry, timeout, TimeoutError } from 'spillway'
import { resilientFetch } from 'spillway/fetch'
import { fetch as undiciFetch, request } from 'undici'
import { describe, expect, it, vi } from 'vitest'
import { classifyAxios, resilientAxios } from '../examples/clients/axios.ts'
import { classifyGot, resilientGot } from '../examples/clients/got.ts'
import { resilientKy } from '../examples/clients/ky.ts'
import { resilientRequest, undiciOptions } from '../examples/clients/undici.ts'
import { ended, expectRow, freeAfter, waitsLonger } from './support/facts.ts'
import { deadPort, upstream } from './support/upstream.ts'

interface Init {
  readonly method?: 'GET' | 'POST'
  readonly signal?: AbortSignal
}
type Send = (url: string, init?: Init) => Promise<{ status: number; body: string }>
type Policies = readonly (Guard | ReturnType<typeof retry>)[]

interface Client {
  /** As it comes, without a recipe and with its defaults. Resolves for any status. */
  readonly bare: Send
  /** By its recipe. */
  readonly recipe: (policies: Policies) => { send: Send; pipeline: Pipeline }
}

/** Errors by status are answers here. */
async function answered<T>(answer: Promise<T>, read: (answer: T) => { status: number; body: string } | Promise<{ status: number; body: string }>): ReturnType<Send> {
  try {
    return await read(await answer)
  } catch (error) {
    const { response } = error as { response?: T }
    if (response === undefined) throw error
    return read(response)
  }
}

const text = async (response: { status: number; text(): Promise<string> }) => ({ status: response.status, body: await response.text().catch(() => '') })

const clients: Record<string, Client> = {
  axios: {
    bare: (url, init) => answered(axios(url, init), ({ status, data }) => ({ status, body: data })),
    recipe(policies) {
      const calls = pipeline('quotes', policies, { classify: classifyAxios })
      const client = resilientAxios(calls, { responseType: 'text' })
      return { pipeline: calls, send: (url, init) => answered(client(url, init), ({ status, data }) => ({ status, body: data })) }
    },
  },
  got: {
    bare: (url, init) => answered(got(url, init), ({ statusCode: status, body }) => ({ status, body })),
    recipe(policies) {
      const calls = pipeline('quotes', policies, { classify: classifyGot })
      const get = resilientGot(calls)
      return { pipeline: calls, send: (url, init) => answered(get(url, init), ({ statusCode: status, body }) => ({ status, body })) }
    },
  },
  ky: {
    bare: (url, init) => answered(ky(url, init), text),
    recipe(policies) {
      const fetch = resilientFetch('quotes', policies)
      const client = resilientKy(fetch)
      return { pipeline: fetch.pipeline, send: (url, init) => answered(client(url, init), text) }
    },
  },
  undici: {
    bare: (url, init = {}) => answered(request(url, init), async ({ statusCode: status, body }) => ({ status, body: await body.text() })),
    recipe(policies) {
      const calls = pipeline('quotes', policies, undiciOptions)
      const send = resilientRequest(calls)
      return { pipeline: calls, send: (url, init = {}) => answered(send(url, init), async ({ statusCode: status, body }) => ({ status, body: await body.text() })) }
    },
  },
}

const busy = { status: 503, headers: { 'retry-after': '0' } }

describe.each(Object.entries(clients))('%s', (name, { bare, recipe }) => {
  it('answers', async () => {
    const server = await upstream({ body: '42' })
    const { send } = recipe([retry(), breaker(), bulkhead({ slots: 1 }), timeout(1_000)])
    expect(await send(server.url)).toEqual({ status: 200, body: '42' })
    expect(await send(server.url)).toEqual({ status: 200, body: '42' })
    expect(server.connections).toBeLessThanOrEqual(2)
  })

  it('is sent again by the pipeline alone when the server has too much to do, and not before Retry-After', async () => {
    const server = await upstream(busy, { ...busy, headers: { 'retry-after': '0.2' } }, { body: '42' })
    const { send, pipeline } = recipe([retry({ maxAttempts: 3, backoff: constant(1) })])
    const verdicts: unknown[] = []
    const delays: number[] = []
    pipeline.on('attempt.settled', ({ verdict }) => verdicts.push(verdict))
    pipeline.on('retry.scheduled', ({ delayMs }) => delays.push(delayMs))
    expect(await send(server.url)).toEqual({ status: 200, body: '42' })
    expect(server.requests).toHaveLength(3)
    expect(verdicts).toEqual(['overload', 'overload', 'success'])
    expect(delays.map((ms) => ms >= 200)).toEqual([false, true])
    await vi.waitFor(() => expect(pipeline.inFlight).toBe(0))
  })

  it('answers the last failure as it always does', async () => {
    const server = await upstream({ ...busy, body: 'busy' })
    const { send } = recipe([retry({ maxAttempts: 2, backoff: constant(1) })])
    expect((await send(server.url)).status).toBe(503)
    expect(server.requests).toHaveLength(2)
  })

  it('takes a 404 for an answer of a healthy server', async () => {
    const server = await upstream(404)
    const { send } = recipe([retry({ backoff: constant(1) }), breaker({ consecutive: 1 })])
    expect((await send(server.url)).status).toBe(404)
    expect((await send(server.url)).status).toBe(404)
    expect(server.requests).toHaveLength(2)
  })

  it('sends a POST again only where it never left', async () => {
    const server = await upstream(busy)
    const { send, pipeline } = recipe([retry({ maxAttempts: 2, backoff: constant(1) })])
    expect((await send(server.url, { method: 'POST' })).status).toBe(503)
    expect(server.requests).toHaveLength(1)

    let retries = 0
    pipeline.on('retry.scheduled', () => retries++)
    await expect(send(`http://127.0.0.1:${await deadPort()}`, { method: 'POST' })).rejects.toThrow(Error)
    expect(retries).toBe(1)
  })

  it('is answered in time by a server that hangs, and its slot and connection come back', async () => {
    const server = await upstream('hang', { body: '42' })
    const { send, pipeline } = recipe([bulkhead({ slots: 1 }), timeout(100)])
    const began = performance.now()
    await expect(send(server.url)).rejects.toThrow(TimeoutError)
    expect(performance.now() - began).toBeLessThan(1_000)
    // undici replaces a connection that it had to break off.
    await vi.waitFor(() => expect({ inFlight: pipeline.inFlight, ended: server.ended }).toEqual({ inFlight: 0, ended: 1 }))
    expect(await send(server.url)).toEqual({ status: 200, body: '42' })
  })

  it('is given up with its connection when its caller leaves', async () => {
    const server = await upstream('hang')
    const { send, pipeline } = recipe([retry(), breaker({ consecutive: 1 }), bulkhead({ slots: 1 }), timeout(10_000)])
    const caller = new AbortController()
    const call = send(server.url, { signal: caller.signal })
    await vi.waitFor(() => expect(server.requests).toHaveLength(1))
    caller.abort(new Error('left'))
    await expect(call).rejects.toThrow(Error)
    await vi.waitFor(() => expect({ inFlight: pipeline.inFlight, ended: server.ended }).toEqual({ inFlight: 0, ended: 1 }))
    expect(server.requests).toHaveLength(1)
  })

  it('does alone what the table says', async () => {
    const failing = await upstream({ ...busy, headers: { 'retry-after': '0.001' } })
    await bare(failing.url)

    const hanging = await upstream('hang')
    const caller = new AbortController()
    const call = bare(hanging.url, { signal: caller.signal })
    const waits = await waitsLonger(call, 300)
    caller.abort(new Error('left'))
    const error: unknown = await call.catch((rejection: unknown) => rejection)
    const closed = await vi.waitFor(() => expect(hanging.ended).toBe(1)).then(() => 'closed', () => 'kept')

    const { send, pipeline } = recipe([bulkhead({ slots: 1 }), timeout(50)])
    await send(hanging.url).catch(() => {})
    const backAfterMs = await freeAfter(pipeline)
    expectRow(name, String(failing.requests.length), ended(error, caller.signal), closed, waits ? 'waits' : 'ends', backAfterMs < 250 ? 'with the timeout' : 'later')
  })
})

describe('undici', () => {
  it('its fetch goes into resilientFetch', async () => {
    const server = await upstream(busy, { body: '42' })
    const quotes = resilientFetch('quotes', [retry({ backoff: constant(1) })], { fetch: undiciFetch as never })
    expect(await (await quotes(server.url)).text()).toBe('42')
  })
})
