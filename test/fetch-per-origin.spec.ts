import { describe, expect, it, vi } from 'vitest'
import { breaker } from '../src/breaker/index.ts'
import { manualClock } from '../src/testing/index.ts'
import { perOrigin, type PerOriginOptions } from '../src/fetch/index.ts'
import { upstream } from './support/upstream.ts'

const fails = (promise: Promise<unknown>): Promise<unknown> => promise.then((value) => expect.fail(`answered ${String(value)}`), (error: unknown) => error)
const down = (origin: string): PerOriginOptions['fetch'] => (url: string) => Promise.resolve(new Response(null, { status: url.startsWith(origin) ? 503 : 200 }))
const strict = () => [breaker({ consecutive: 1 })]

describe('perOrigin', () => {
  it('keeps origins apart: one bad server closes no other', async () => {
    const bad = await upstream(503)
    const good = await upstream({ body: 'ok' })
    const one = perOrigin('crawl', strict)
    expect((await one(`${bad.url}/a`)).status).toBe(503)
    expect(await fails(one(`${bad.url}/b`))).toMatchObject({ code: 'BREAKER_OPEN', pipeline: `crawl ${bad.url}` })
    expect(await (await one(new URL(good.url))).text()).toBe('ok')
    expect(await (await one(new Request(good.url))).text()).toBe('ok')
    expect([...one.pipelines.keys()]).toEqual([bad.url, good.url])
  })

  it('has the standard policies where you say none, new ones for each', async () => {
    const one = perOrigin()
    const server = await upstream({ body: 'ok' })
    await (await one(server.url)).text()
    expect(String(one.pipelines.get(server.url))).toMatch(/30 s.*retry.*breaker.*bulkhead.*10 s/)
    expect(one.pipelines.get(server.url)!.name).toBe(`fetch ${server.url}`)
  })

  it('keeps at most max of them, and serves the others together', async () => {
    const policies = vi.fn(strict)
    const one = perOrigin('crawl', policies, { max: 1, idleMs: 1_000, clock: manualClock(), fetch: down('http://b.test') })
    await one('http://a.test/')
    await one('http://b.test/')
    expect(await fails(one('http://c.test/'))).toMatchObject({ code: 'BREAKER_OPEN', pipeline: 'crawl *' })
    expect((await one('http://a.test/')).status).toBe(200)
    expect(policies.mock.calls).toEqual([['http://a.test'], ['*']])
  })

  it('gives the place of one that has been at rest to another', async () => {
    const clock = manualClock()
    const one = perOrigin('crawl', strict, { max: 1, idleMs: 1_000, clock, fetch: down('none') })
    await one('http://a.test/')
    await clock.advance(1_000)
    await one('https://b.test:8443/x')
    expect([...one.pipelines.keys()]).toEqual(['https://b.test:8443'])
  })

  it('a body that is read keeps its origin', async () => {
    const clock = manualClock()
    const one = perOrigin('crawl', strict, { max: 1, idleMs: 0, clock, fetch: () => Promise.resolve(new Response(new ReadableStream({ pull: () => new Promise(() => {}) }))) })
    void (await one('http://a.test/')).text()
    await clock.advance(1_000)
    await one('http://b.test/')
    expect([...one.pipelines.keys()]).toEqual(['http://a.test'])
  })

  it('puts what has no origin together', async () => {
    const one = perOrigin()
    expect(await (await one('data:text/plain,hello')).text()).toBe('hello')
    expect(await fails(one('http://'))).toBeInstanceOf(TypeError)
    expect([...one.pipelines.keys()]).toEqual(['null'])
  })

  it('takes the options of a call, and lets one be closed', async () => {
    const one = perOrigin('crawl', () => [], { fetch: down('none') })
    await one('http://a.test/', { method: 'PUT', spillway: { priority: 'high' } })
    expect(await fails(one('http://a.test/', { spillway: { priority: 'hihg' as never } }))).toBeInstanceOf(RangeError)
    expect(await one.pipelines.close()).toBe(0)
    expect(await fails(one('http://a.test/'))).toMatchObject({ code: 'PIPELINE_CLOSED' })
  })

  it('checks its options at build; policies that throw reject their call', async () => {
    expect(() => perOrigin('')).toThrow('name of perOrigin must be a string that is not empty, got ""')
    expect(() => perOrigin('a', [] as never)).toThrow('policies of perOrigin must be a function, got an array')
    expect(() => perOrigin('a', undefined, { max: -1 })).toThrow('perOrigin.max must be a whole number from 0 on, got -1')
    expect(() => perOrigin('a', undefined, { idleMs: NaN })).toThrow('perOrigin.idleMs must be a number from 0 on, got NaN')
    expect(() => perOrigin('a', undefined, { maxx: 1 } as never)).toThrow('has no option "maxx"')
    const one = perOrigin('a', () => { throw new Error('mine') })
    expect(await fails(one('http://a.test/'))).toEqual(new Error('mine'))
  })
})
