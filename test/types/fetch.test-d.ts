import { describe, expectTypeOf, it } from 'vitest'
import type { Classify } from '../../src/core/verdict.ts'
import type { Pipeline } from '../../src/core/pipeline.ts'
import { fallback } from '../../src/fallback/index.ts'
import { classifyFetch, type FetchClassify, type FetchOptions, perOrigin, type PerOriginFetch, resilientFetch, type ResilientFetch, retryAfter, standard, toResponse } from '../../src/fetch/index.ts'
import { retry } from '../../src/retry/index.ts'
import { timeout } from '../../src/timeout/index.ts'

describe('resilientFetch', () => {
  const one = resilientFetch('quotes')

  it('is a fetch', () => {
    expectTypeOf(one).toEqualTypeOf<ResilientFetch>()
    expectTypeOf(one).toExtend<typeof fetch>()
    const standIn: typeof globalThis.fetch = one
    expectTypeOf(standIn).returns.toEqualTypeOf<Promise<Response>>()
    expectTypeOf<Parameters<ResilientFetch>[0]>().toEqualTypeOf<Parameters<typeof fetch>[0]>()
    expectTypeOf<NonNullable<Parameters<typeof fetch>[1]>>().toExtend<NonNullable<Parameters<ResilientFetch>[1]>>()
  })

  it('answers a Response', () => {
    expectTypeOf(one('http://quotes.test/')).toEqualTypeOf<Promise<Response>>()
    expectTypeOf(one(new URL('http://quotes.test/'), { method: 'PUT', body: 'up', signal: null })).toEqualTypeOf<Promise<Response>>()
    expectTypeOf(one(new Request('http://quotes.test/'))).toEqualTypeOf<Promise<Response>>()
  })

  it('takes the options of a call', () => {
    void one('http://quotes.test/', { spillway: { priority: 'high', timeoutMs: 1, deadline: new Date(), key: 'a', operation: 'b', meta: 7, idempotent: true } })
    // @ts-expect-error -- no such priority
    void one('http://quotes.test/', { spillway: { priority: 'highest' } })
    // @ts-expect-error -- no such option of a call
    void one('http://quotes.test/', { spillway: { priorty: 'high' } })
    // @ts-expect-error -- no such option of fetch
    void one('http://quotes.test/', { methd: 'PUT' })
    // @ts-expect-error -- what fetch itself does not take
    void one(7)
  })

  it('is no mere fetch: fetch has neither a pipeline nor options of spillway', () => {
    expectTypeOf<typeof fetch>().not.toExtend<ResilientFetch>()
    expectTypeOf(one.pipeline).toEqualTypeOf<Pipeline>()
    // @ts-expect-error -- fixed
    one.pipeline = resilientFetch('other').pipeline
  })

  it('takes policies whose layers answer a Response, if anything', () => {
    resilientFetch('quotes', [fallback(() => new Response()), timeout(1), retry()])
    resilientFetch('quotes', standard())
    // @ts-expect-error -- then it would be no fetch
    resilientFetch('quotes', [fallback(() => 'nothing')])
    // @ts-expect-error -- no policy
    resilientFetch('quotes', [7])
  })

  it('takes any fetch', () => {
    resilientFetch('quotes', [], { fetch })
    resilientFetch('quotes', [], { fetch: one })
    resilientFetch('quotes', [], { fetch: (url: string) => Promise.resolve(new Response(url)) })
    // @ts-expect-error -- it must answer a Response
    resilientFetch('quotes', [], { fetch: () => Promise.resolve('text') })
  })

  it('takes a classifier of responses', () => {
    expectTypeOf(classifyFetch).toExtend<FetchClassify>()
    expectTypeOf<Classify>().toExtend<FetchClassify>()
    expectTypeOf<FetchOptions['idempotencyKey']>().toEqualTypeOf<true | (() => string) | undefined>()
    resilientFetch('quotes', [], { classify: (outcome) => (outcome.ok && outcome.value.headers.has('x-stale') ? 'failure' : undefined) })
    // @ts-expect-error -- no verdict
    resilientFetch('quotes', [], { classify: () => 'fine' })
  })
})

describe('perOrigin', () => {
  it('is a fetch, whose policies a function makes', () => {
    const one = perOrigin('hooks', (origin) => {
      expectTypeOf(origin).toEqualTypeOf<string>()
      return [fallback(() => new Response()), timeout(1)]
    }, { max: 5, hold: 'headers' })
    expectTypeOf(one).toEqualTypeOf<PerOriginFetch>()
    expectTypeOf(one).toExtend<typeof fetch>()
    expectTypeOf(one.pipelines.get('http://quotes.test')).toEqualTypeOf<Pipeline | undefined>()
    expectTypeOf(perOrigin).toBeCallableWith()
    // @ts-expect-error -- no two origins may share a breaker
    perOrigin('hooks', [timeout(1)])
    // @ts-expect-error -- then it would be no fetch
    perOrigin('hooks', () => [fallback(() => 'nothing')])
  })

  it('takes what bounds a body, and what the server is told', () => {
    resilientFetch('quotes', [], { bodyIdleMs: 5, hold: 'body', unreadMs: Infinity, attemptHeader: true, timeoutHeader: 'x-left' })
    // @ts-expect-error -- one of two words
    resilientFetch('quotes', [], { hold: 'head' })
    // @ts-expect-error -- leave it away instead
    resilientFetch('quotes', [], { attemptHeader: false })
  })
})

describe('helpers', () => {
  it('of spillway/fetch', () => {
    expectTypeOf(retryAfter(new Headers())).toEqualTypeOf<number | undefined>()
    expectTypeOf(toResponse(new Error('any'))).toEqualTypeOf<Response | undefined>()
  })
})
