import { describe, expectTypeOf, it } from 'vitest'
import { fallback, type Layer, type Outcome, pipeline, retry } from 'spillway'

interface Quote {
  readonly price: number
}
declare const quote: () => Promise<Quote>

describe('fallback', () => {
  it('adds what it answers to what the function answers', () => {
    const quotes = pipeline('quotes', [fallback(() => ({ status: 'unknown' as const }))])
    expectTypeOf(quotes.run(quote)).toEqualTypeOf<Promise<Quote | { status: 'unknown' }>>()
    expectTypeOf(quotes.wrap((_id: string) => quote())).returns.toEqualTypeOf<Promise<Quote | { status: 'unknown' }>>()
    // @ts-expect-error -- the caller has to look which of them it got
    void quotes.run(quote).then((answer) => answer.price)
  })

  it('adds what its promise resolves to', () => {
    const quotes = pipeline('quotes', [fallback(async () => null)])
    expectTypeOf(quotes.run(quote)).toEqualTypeOf<Promise<Quote | null>>()
  })

  it('two of them add both', () => {
    const quotes = pipeline('quotes', [fallback(() => 'static' as const), fallback(async () => 1 as const), retry()])
    expectTypeOf(quotes.run(quote)).toEqualTypeOf<Promise<Quote | 'static' | 1>>()
  })

  it('one that never answers adds nothing', () => {
    const rethrows = fallback(() => { throw new Error('no') })
    expectTypeOf(pipeline('quotes', [rethrows, retry()]).run(quote)).toEqualTypeOf<Promise<Quote>>()
  })

  it('is a layer that says what it adds', () => {
    expectTypeOf(fallback(() => 'x' as const)).toExtend<Layer<'x'>>()
    expectTypeOf(fallback(() => 'x' as const)).not.toExtend<Layer<'y'>>()
    expectTypeOf(retry()).toExtend<Layer>()
  })

  it('takes a function of the outcome', () => {
    fallback((outcome) => {
      expectTypeOf(outcome).toEqualTypeOf<Outcome<unknown>>()
    })
    // @ts-expect-error -- a plain value is no fallback
    fallback('plain')
    // @ts-expect-error -- `when` decides at once
    fallback(() => 0, { when: async () => true })
    // @ts-expect-error -- there is no such option
    fallback(() => 0, { whn: () => true })
  })
})
