import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Attempt, pipeline } from '../src/index.ts'
import { resilientFetch } from '../src/fetch/index.ts'
import { constant, retry } from '../src/retry/index.ts'
import { seededRandom } from '../src/testing/index.ts'
import { newTrace, parseTrace, spanOf, type TraceContext, traceHeaders, type TraceHeadersOptions } from '../src/trace/index.ts'
import { upstream } from './support/upstream.ts'

const id = '0af7651916cd43dd8448eb211c80319c'
const parent = 'b7ad6b7169203331'
const parse = (said: Record<string, string>): TraceContext | undefined => parseTrace(new Headers(said))
const none = { tracestate: undefined }

/** The headers of one attempt of a call with this trace. */
async function sent(trace: TraceContext | undefined, options?: TraceHeadersOptions): Promise<Record<string, string>> {
  const headers = new Headers()
  await pipeline('quotes', []).run((attempt) => traceHeaders(options)(headers, attempt), { trace })
  return Object.fromEntries(headers)
}

describe('parseTrace › W3C', () => {
  it('reads traceparent, tracestate and baggage', () => {
    expect(parse({ traceparent: `00-${id}-${parent}-01`, tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE', baggage: 'user=7;p=1' }))
      .toEqual({ traceId: id, spanId: parent, sampled: true, format: 'w3c', tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE', baggage: 'user=7;p=1' })
    expect(parse({ traceparent: `00-${id}-${parent}-00` })).toEqual({ traceId: id, spanId: parent, sampled: false, format: 'w3c', ...none })
    // Only the last bit says that it is recorded; a later version may say more.
    expect(parse({ traceparent: `00-${id}-${parent}-02` })!.sampled).toBe(false)
    expect(parse({ traceparent: `cc-${id}-${parent}-03-what-the-future-brings` })!.sampled).toBe(true)
  })

  it.each([
    `ff-${id}-${parent}-01`, `00-${id}-${parent}-01-more`, `00-${id.toUpperCase()}-${parent}-01`, `00-${'0'.repeat(32)}-${parent}-01`, `00-${id}-${'0'.repeat(16)}-01`,
    `00-${id}-${parent}`, `00-${id}-${parent}-1`, `00-${id.slice(1)}-${parent}-01`, `0-${id}-${parent}-01`, `00-${id}-${parent}-0g`, `cc-${id}-${parent}-01.x`, '', 'nonsense',
  ])('%s counts as not said', (traceparent) => {
    expect(parse({ traceparent, tracestate: 'a=1' })).toBeUndefined()
  })

  it('carries nothing along that is too long or does not belong in a header', () => {
    const get = (name: string): string | undefined => ({ traceparent: `00-${id}-${parent}-01`, tracestate: 'a=\u0000', baggage: 'b=' + 'x'.repeat(9_000) })[name]
    expect(parseTrace({ get })).toEqual({ traceId: id, spanId: parent, sampled: true, format: 'w3c', ...none })
  })
})

describe('parseTrace › B3', () => {
  const b3 = { traceId: id, spanId: parent, format: 'b3' }
  it.each<[string, object]>([
    [`${id}-${parent}-1`, { ...b3, sampled: true }],
    [`${id}-${parent}-0-05e3ac9a4f6e3b90`, { ...b3, sampled: false }],
    [`${id}-${parent}-d`, { ...b3, sampled: true, debug: true }],
    [`${id}-${parent}`, { ...b3, sampled: undefined }],
    [`${id.slice(16).toUpperCase()}-${parent}-1`, { ...b3, traceId: id.slice(16).padStart(32, '0'), sampled: true }],
  ])('reads %s', (said, expected) => {
    expect(parse({ b3: said })).toEqual(expected)
  })

  it('a decision without a trace is kept: in a new one', () => {
    expect(parse({ b3: '0' })).toMatchObject({ sampled: false, format: 'b3', traceId: expect.stringMatching(/^[\da-f]{32}$/) as string })
    expect(parse({ b3: 'd' })).toMatchObject({ sampled: true, debug: true })
    expect(parse({ 'x-b3-sampled': '0' })).toMatchObject({ sampled: false, format: 'b3multi' })
  })

  it('reads several headers, also with old words', () => {
    const ids = { 'x-b3-traceid': id, 'x-b3-spanid': parent, 'x-b3-parentspanid': '05e3ac9a4f6e3b90' }
    const multi = { traceId: id, spanId: parent, format: 'b3multi' }
    expect(parse({ ...ids, 'x-b3-sampled': '1' })).toEqual({ ...multi, sampled: true })
    expect(parse({ ...ids, 'x-b3-sampled': 'False' })).toEqual({ ...multi, sampled: false })
    expect(parse({ ...ids, 'x-b3-sampled': '0', 'x-b3-flags': '1' })).toEqual({ ...multi, sampled: true, debug: true })
    expect(parse(ids)).toEqual({ ...multi, sampled: undefined })
    expect(parse({ ...ids, 'x-b3-spanid': 'short' })).toBeUndefined()
    expect(parse({ ...ids, 'x-b3-traceid': '0'.repeat(32) })).toBeUndefined()
  })

  it.each(['2', `${id}-short-1`, id, `${'0'.repeat(32)}-${parent}-1`, `${id}-${parent}-x`, `${id}-${parent}-1-${parent}-more`, '__proto__'])('%s counts as not said', (said) => {
    expect(parse({ b3: said })).toBeUndefined()
  })

  it('W3C comes first, then the single header, then the several', () => {
    const all = { traceparent: `00-${id}-${parent}-01`, b3: `${'b'.repeat(32)}-${parent}-1`, 'x-b3-traceid': 'c'.repeat(32), 'x-b3-spanid': parent }
    expect(parse(all)!.traceId).toBe(id)
    expect(parse({ ...all, traceparent: 'nonsense' })!.traceId).toBe('b'.repeat(32))
    expect(parse({ ...all, traceparent: '', b3: 'nonsense' })!.traceId).toBe('c'.repeat(32))
  })
})

describe('traceHeaders', () => {
  it('writes what came, with a span of its own', async () => {
    const w3c = parse({ traceparent: `00-${id}-${parent}-01`, tracestate: 'a=1', baggage: 'user=7' })
    const { traceparent, ...others } = await sent(w3c)
    expect([traceparent, others]).toEqual([expect.stringMatching(new RegExp(`^00-${id}-(?!${parent})[\\da-f]{16}-01$`)), { tracestate: 'a=1', baggage: 'user=7' }])
    expect(Object.keys(await sent(w3c, { baggage: false }))).toEqual(['traceparent', 'tracestate'])
    const single = await sent(parse({ b3: `${id}-${parent}-d` }))
    expect(single['b3']).toMatch(new RegExp(`^${id}-[\\da-f]{16}-d-${parent}$`))
    expect(single['traceparent']).toBe(`00-${id}-${single['b3']!.slice(33, 49)}-01`)
    expect((await sent(parse({ b3: `${id}-${parent}` })))['b3']).toMatch(new RegExp(`^${id}-[\\da-f]{16}$`))
    const multi = await sent(parse({ 'x-b3-traceid': id, 'x-b3-spanid': parent, 'x-b3-sampled': '0' }), { formats: ['b3multi'] })
    expect(multi).toEqual({ 'x-b3-traceid': id, 'x-b3-spanid': expect.stringMatching(/^[\da-f]{16}$/) as string, 'x-b3-parentspanid': parent, 'x-b3-sampled': '0' })
    expect((await sent(parse({ b3: `${id}-${parent}-d` }), { formats: ['b3multi'] }))['x-b3-flags']).toBe('1')
  })

  it('is read back as it was meant', () => {
    fc.assert(fc.property(fc.constantFrom('w3c' as const, 'b3' as const, 'b3multi' as const), fc.boolean(), fc.nat(), (format, sampled, seed) => {
      const headers = new Headers()
      const random = seededRandom(seed)
      const trace = newTrace({ sampled, random })
      traceHeaders({ formats: [format], random })(headers, { call: { trace } } as unknown as Attempt)
      expect(parseTrace(headers)).toMatchObject({ traceId: trace.traceId, sampled, format })
    }))
  })

  it('begins a trace only where told to, one for all attempts of a call, and events say it', async () => {
    const server = await upstream(503, { body: 'ok' }, { body: 'ok' })
    const silent = resilientFetch('quotes', [])
    await silent(server.url)
    expect(server.requests[0]!.headers).not.toHaveProperty('traceparent')
    expect(await sent(undefined)).toEqual({})
    const other = await upstream(503, { body: 'ok' })
    const one = resilientFetch('quotes', [retry({ backoff: constant(0), budget: false })], { inject: traceHeaders({ start: 'sampled' }), hold: 'headers' })
    const heard: unknown[] = []
    one.pipeline.on('*', (event) => heard.push((event as { trace?: string }).trace))
    await (await one(other.url)).text()
    const [first, second] = other.requests.map(({ headers }) => (headers['traceparent'] as string).split('-'))
    expect(first![1]).toBe(second![1])
    expect([first![3], first![2] === second![2]]).toEqual(['01', false])
    expect(new Set(heard)).toEqual(new Set([first![1]]))
    expect((await sent(undefined, { start: 'unsampled' }))['traceparent']).toMatch(/-00$/)
    expect((await sent(undefined, { start: () => true }))['traceparent']).toMatch(/-01$/)
  })

  it('says what an attempt was sent as', async () => {
    const headers = new Headers()
    await pipeline('quotes', []).run((attempt) => {
      expect(spanOf(attempt)).toBeUndefined()
      traceHeaders()(headers, attempt)
      expect(headers.get('traceparent')).toBe(`00-${id}-${spanOf(attempt)!.spanId}-00`)
    }, { trace: { traceId: id } })
  })

  it('sends no id that is none', async () => {
    expect(await sent({ traceId: 'evil\r\nx: y' } as TraceContext)).toEqual({})
  })

  it('ids are hexadecimal and never nothing but zeros', () => {
    expect(newTrace({ random: () => 0 })).toMatchObject({ traceId: `${'0'.repeat(31)}1`, spanId: `${'0'.repeat(15)}1` })
    fc.assert(fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (chance) => {
      const { traceId, spanId } = newTrace({ random: () => chance })
      expect([traceId, spanId]).toEqual([expect.stringMatching(/^(?!0+$)[\da-f]{32}$/), expect.stringMatching(/^(?!0+$)[\da-f]{16}$/)])
    }))
  })

  it('refuses options that make no sense', () => {
    expect(() => traceHeaders({ formats: ['zipkin' as never] })).toThrow(RangeError)
    expect(() => traceHeaders({ start: true as never })).toThrow('traceHeaders.start')
    expect(() => traceHeaders({ baggage: 1 as never })).toThrow(TypeError)
    expect(() => traceHeaders({ random: 7 as never })).toThrow(TypeError)
    expect(() => traceHeaders({ format: 'b3' } as never)).toThrow('"format"')
  })
})
