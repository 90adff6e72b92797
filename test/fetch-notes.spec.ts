import { describe, expect, it, vi } from 'vitest'
import { resilientFetch } from '../src/fetch/index.ts'
import { pipeline } from '../src/core/pipeline.ts'
import { constant, retry } from '../src/retry/index.ts'
import { manualClock } from '../src/testing/index.ts'
import { timeout } from '../src/timeout/index.ts'
import { upstream } from './support/upstream.ts'

describe('resilient fetch › what the server is told of an attempt', () => {
  it('nothing, unless you say so', async () => {
    const server = await upstream({ body: 'ok' })
    await (await resilientFetch('quotes')(server.url)).text()
    expect(Object.keys(server.requests[0]!.headers).filter((name) => name.startsWith('x-'))).toEqual([])
  })

  it('its number and how many ms are left to it, when it is sent', async () => {
    const clock = manualClock()
    const seen: unknown[] = []
    const send = vi.fn((_input: unknown, { headers }: { headers: Headers }) => {
      seen.push([headers.get('x-attempt'), headers.get('x-request-timeout-ms'), headers.get('x-a')])
      return Promise.resolve(new Response(null, { status: seen.length < 3 ? 503 : 200 }))
    })
    const one = resilientFetch('quotes', [timeout(1_000), retry({ budget: false, backoff: constant(200) }), timeout(700.5)], { clock, fetch: send, attemptHeader: true, timeoutHeader: true })
    const init = Object.freeze({ headers: Object.freeze({ 'x-a': 'b' }) })
    const answer = one('http://quotes.test/', init)
    await clock.advance(400)
    await answer
    expect(seen).toEqual([['1', '700', 'b'], ['2', '700', 'b'], ['3', '600', 'b']])
  })

  it('by the names that you like, also of a Request', async () => {
    const server = await upstream({ body: 'ok' })
    const one = resilientFetch('quotes', [], { attemptHeader: 'x-envoy-attempt-count', timeoutHeader: 'x-left' })
    await (await one(new Request(server.url, { headers: { 'x-a': 'b' } }), { spillway: { timeoutMs: 5_000 } })).text()
    const { 'x-envoy-attempt-count': number, 'x-left': left, 'x-a': own } = server.requests[0]!.headers
    expect([number, own]).toEqual(['1', 'b'])
    expect(Number(left)).toBeGreaterThan(4_000)
    await (await one(server.url)).text()
    expect(server.requests[1]!.headers).not.toHaveProperty('x-left')
  })

  it('what an outer pipeline on another clock has left, as a span', async () => {
    const [mine, theirs] = [manualClock(), manualClock()]
    await mine.advance(10_000)
    const seen: unknown[] = []
    const send = (_url: unknown, { headers }: { headers: Headers }): Promise<Response> => {
      seen.push(headers.get('x-request-timeout-ms'))
      return Promise.resolve(new Response(null))
    }
    const one = resilientFetch('quotes', [], { clock: mine, fetch: send, timeoutHeader: true })
    for (const clock of [theirs, mine, undefined]) {
      await pipeline('page', [timeout(300)], { clock }).run((attempt) => one('http://quotes.test/', { spillway: attempt }))
    }
    expect(seen.slice(0, 2)).toEqual(['300', '300'])
    // The process's own clock goes on meanwhile.
    expect(Number(seen[2])).toBeGreaterThan(200)
    expect(Number(seen[2])).toBeLessThanOrEqual(300)
  })
})
