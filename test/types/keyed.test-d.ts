import { describe, expectTypeOf, it } from 'vitest'
import { fallback, keyed, pipeline, retry, retryBudget, retryFloor, timeout, type AnyEvent, type Attempt, type Keyed, type Observer, type Pipeline, type TryResult, type Undo } from 'spillway'

const quote = (): Promise<{ price: number }> => Promise.resolve({ price: 1 })

describe('keyed', () => {
  it('answers what its pipelines answer', () => {
    const plain = keyed((key) => pipeline(key, [timeout(5), retry()]))
    expectTypeOf(plain).toEqualTypeOf<Keyed>()
    expectTypeOf(plain.run('a', quote)).toEqualTypeOf<Promise<{ price: number }>>()
    const safe = keyed((key) => pipeline(key, [fallback(() => 'text')]), { max: 5, idleMs: 10, overflow: 'others' })
    expectTypeOf(safe).toEqualTypeOf<Keyed<string>>()
    expectTypeOf(safe.run('a', quote)).toEqualTypeOf<Promise<{ price: number } | string>>()
    expectTypeOf(safe.tryRun('a', () => 5)).toEqualTypeOf<Promise<TryResult<number | string>>>()
    expectTypeOf(safe.get('a')).toEqualTypeOf<Pipeline<string> | undefined>()
    expectTypeOf([...safe]).toEqualTypeOf<[key: string, pipeline: Pipeline<string>][]>()
  })

  it('takes a key, a function and the options of a call', () => {
    const one = keyed((key) => {
      expectTypeOf(key).toEqualTypeOf<string>()
      return pipeline(key, [])
    })
    void one.run('a', (a) => {
      expectTypeOf(a).toEqualTypeOf<Attempt>()
      return one.run('b', quote, a)
    })
    void one.run('a', quote, { priority: 'low', key: 'x' })
    // @ts-expect-error -- a number is no key
    void one.run(5, quote)
    // @ts-expect-error -- the function is missing
    void one.run('a')
    // @ts-expect-error -- a misspelt option
    void one.run('a', quote, { prio: 'low' })
    // @ts-expect-error -- read only
    one.size = 5
    expectTypeOf(one.close({ graceMs: 5 })).toEqualTypeOf<Promise<number>>()
    expectTypeOf(one).toExtend<AsyncDisposable>()
  })

  it('events say the key', () => {
    const one = keyed((key) => pipeline(key, []))
    expectTypeOf(one.on('breaker.opened', ({ key, breakMs, type }) => {
      expectTypeOf(key).toEqualTypeOf<string>()
      expectTypeOf(breakMs).toEqualTypeOf<number>()
      expectTypeOf(type).toEqualTypeOf<'breaker.opened'>()
    })).toEqualTypeOf<Undo>()
    one.on('*', (event) => {
      expectTypeOf(event.key).toEqualTypeOf<string>()
      if (event.type === 'retry.scheduled') expectTypeOf(event.delayMs).toEqualTypeOf<number>()
    })
    one.on('*', (event: AnyEvent) => event.pipeline)
    // @ts-expect-error -- there is no such event
    one.on('call.settld', () => {})
    const observer: Observer = { event: (event) => event.type }
    keyed((key) => pipeline(key, []), { observers: [observer, { callSettled: (call) => call.key, event: ({ key }) => key }] })
  })

  it('refuses what is no factory, or no option', () => {
    // @ts-expect-error -- a pipeline is no factory
    keyed(pipeline('x', []))
    // @ts-expect-error -- a factory returns a pipeline
    keyed(() => [timeout(5)])
    // @ts-expect-error -- at once
    keyed(async (key) => pipeline(key, []))
    // @ts-expect-error -- a misspelt option
    keyed((key) => pipeline(key, []), { maxx: 5 })
    // @ts-expect-error -- an observer has other hooks
    keyed((key) => pipeline(key, []), { observers: [{ callSettld() {} }] })
  })

  it('a floor belongs to budgets', () => {
    const floor = retryFloor({ minPerSecond: 5 })
    retryBudget({ floor, ratio: 0.2 })
    expectTypeOf(floor.balance()).toEqualTypeOf<number>()
    // @ts-expect-error -- a floor has no ratio
    retryFloor({ ratio: 0.1 })
    // @ts-expect-error -- a budget is no floor
    retryBudget({ floor: retryBudget() })
  })
})
