import { describe, expectTypeOf, it } from 'vitest'
import {
  again,
  attempt,
  bulkhead,
  fallback,
  later,
  pipeline,
  refuse,
  retry,
  settled,
  timeout,
  BulkheadFullError,
  type Added,
  type AnyEvent,
  type Attempt,
  type CallOptions,
  type Guard,
  type Layer,
  type Outcome,
  type Pipeline,
  type Settled,
  type TryResult,
  type Undo,
  type Verdict,
} from 'spillway'

interface Quote {
  readonly price: number
}
const quote = (): Promise<Quote> => Promise.resolve({ price: 1 })

describe('run', () => {
  it('answers exactly the function’s type where no layer adds to it', () => {
    const quotes = pipeline('quotes', [timeout(5), retry(), bulkhead({ slots: 1 })])
    expectTypeOf(quotes).toEqualTypeOf<Pipeline>()
    expectTypeOf(quotes.run(quote)).toEqualTypeOf<Promise<Quote>>()
    expectTypeOf(quotes.run(() => 5)).toEqualTypeOf<Promise<number>>()
    expectTypeOf(quotes.run(() => {})).toEqualTypeOf<Promise<void>>()
    expectTypeOf(quotes.run(async () => undefined)).toEqualTypeOf<Promise<undefined>>()
    expectTypeOf(quotes.run(() => Promise.reject(new Error('x')))).toEqualTypeOf<Promise<never>>()
    expectTypeOf(quotes.run<string | Quote>((a) => (a.number > 1 ? 'text' : quote()))).toEqualTypeOf<Promise<string | Quote>>()
    expectTypeOf(pipeline('none', []).run(quote)).toEqualTypeOf<Promise<Quote>>()
  })

  it('a fallback adds its type to the union', () => {
    const quotes = pipeline('quotes', [fallback(() => ({ status: 'unknown' as const })), timeout(5)])
    expectTypeOf(quotes).toEqualTypeOf<Pipeline<{ status: 'unknown' }>>()
    expectTypeOf(quotes.run(quote)).toEqualTypeOf<Promise<Quote | { status: 'unknown' }>>()
    const two = pipeline('quotes', [fallback(() => 'text'), retry(), fallback(async () => 5)])
    expectTypeOf(two.run(quote)).toEqualTypeOf<Promise<Quote | string | number>>()
    expectTypeOf(pipeline('quotes', [fallback(() => { throw new Error('x') })]).run(quote)).toEqualTypeOf<Promise<Quote>>()
  })

  it('a layer of one’s own declares what it adds', () => {
    const cache: Layer<'hit'> = { kind: 'layer', name: 'cache', around: (next, one) => next(one) }
    const silent: Layer = { kind: 'layer', name: 'silent', after: (outcome) => outcome }
    expectTypeOf<Added<[typeof cache, typeof silent, Guard]>>().toEqualTypeOf<'hit'>()
    expectTypeOf(pipeline('quotes', [cache, silent]).run(quote)).toEqualTypeOf<Promise<Quote | 'hit'>>()
  })

  it('gives the function the attempt, which may be left out', () => {
    const quotes = pipeline('quotes', [])
    void quotes.run((a) => {
      expectTypeOf(a).toEqualTypeOf<Attempt>()
      expectTypeOf(a.signal).toEqualTypeOf<AbortSignal>()
    })
    void quotes.run(({ signal, deadline, number }) => [signal, deadline, number])
    // @ts-expect-error -- the function takes an attempt, not a text
    void quotes.run((id: string) => id)
    // @ts-expect-error -- a promise is no function
    void quotes.run(quote())
    // @ts-expect-error -- a function is needed
    void quotes.run()
  })

  it('takes the call’s options, or an attempt', () => {
    const quotes = pipeline('quotes', [])
    void quotes.run(quote, { priority: 'critical', timeoutMs: 5, deadline: new Date(), key: 'k', meta: 5, subLevel: 3, signal: new AbortController().signal, idempotent: false, operation: 'get' })
    void quotes.run(quote, { signal: undefined, priority: undefined, timeoutMs: undefined })
    void quotes.run((a) => quotes.run(quote, a))
    void quotes.run(quote, attempt({ timeoutMs: 5 }))
    // @ts-expect-error -- a misspelt option
    void quotes.run(quote, { priorty: 'critical' })
    // @ts-expect-error -- an unknown priority
    void quotes.run(quote, { priority: 'urgent' })
    // @ts-expect-error -- a controller is no signal
    void quotes.run(quote, { signal: new AbortController() })
    // @ts-expect-error -- a text is no deadline
    void quotes.run(quote, { deadline: '5' })
    expectTypeOf<CallOptions['priority']>().toEqualTypeOf<'critical' | 'high' | 'normal' | 'low' | undefined>()
  })
})

describe('tryRun', () => {
  it('answers a result that `ok` tells apart', async () => {
    const quotes = pipeline('quotes', [fallback(() => 'text')])
    const result = await quotes.tryRun(quote)
    expectTypeOf(result).toEqualTypeOf<TryResult<Quote | string>>()
    if (result.ok) expectTypeOf(result.value).toEqualTypeOf<Quote | string>()
    else expectTypeOf(result.error).toEqualTypeOf<unknown>()
    expectTypeOf(result.attempts).toEqualTypeOf<number>()
    // @ts-expect-error -- there is a value only when ok
    void result.value
  })
})

describe('wrap and bind', () => {
  const quotes = pipeline('quotes', [])

  it('wrap keeps the arguments', () => {
    const original = (id: string, depth?: number, ...more: boolean[]) => Promise.resolve({ id, depth, more })
    const wrapped = quotes.wrap(original)
    expectTypeOf(wrapped).parameters.toEqualTypeOf<Parameters<typeof original>>()
    expectTypeOf(wrapped('x')).toEqualTypeOf<Promise<{ id: string; depth: number | undefined; more: boolean[] }>>()
    // @ts-expect-error -- a number is no id
    void wrapped(5)
    // @ts-expect-error -- the id is missing
    void wrapped()
  })

  it('wrap keeps `this`', () => {
    const wrapped = quotes.wrap(function (this: { base: number }, n: number) {
      return this.base + n
    })
    expectTypeOf(wrapped).thisParameter.toEqualTypeOf<{ base: number }>()
    // @ts-expect-error -- it needs its `this`
    void wrapped(1)
  })

  it('wrap’s call is made from the arguments', () => {
    quotes.wrap((id: string, n: number) => id + n, (id, n) => {
      expectTypeOf(id).toEqualTypeOf<string>()
      expectTypeOf(n).toEqualTypeOf<number>()
      return { key: id }
    })
    quotes.wrap(quote, { priority: 'low' })
    quotes.wrap(quote, () => undefined)
    // @ts-expect-error -- a misspelt option
    quotes.wrap(quote, { prio: 'low' })
  })

  it('wrap adds what layers add', () => {
    const wrapped = pipeline('quotes', [fallback(() => 'text')]).wrap((id: number) => id)
    expectTypeOf(wrapped).toBeCallableWith(5)
    expectTypeOf(wrapped(5)).toEqualTypeOf<Promise<string | number>>()
  })

  it('of a generic function wrap keeps the arity, not the type parameter', () => {
    // TypeScript instantiates a generic function with its constraints once it is passed where `this` is inferred too.
    const wrapped = quotes.wrap(<T>(value: T) => Promise.resolve([value]))
    expectTypeOf(wrapped).parameters.toEqualTypeOf<[value: unknown]>()
  })

  it('bind takes the attempt off the arguments', () => {
    const bound = quotes.bind((a: Attempt, id: string, n: number) => Promise.resolve(id + n + a.number))
    expectTypeOf(bound).parameters.toEqualTypeOf<[id: string, n: number]>()
    expectTypeOf(bound).returns.toEqualTypeOf<Promise<string>>()
  })
})

describe('events', () => {
  const quotes = pipeline('quotes', [])

  it('are typed by their name', () => {
    const undo = quotes.on('call.settled', (event) => {
      expectTypeOf(event.type).toEqualTypeOf<'call.settled'>()
      expectTypeOf(event.ok).toEqualTypeOf<boolean>()
      expectTypeOf(event.durationMs).toEqualTypeOf<number>()
      // @ts-expect-error -- a settled call has no delay
      void event.delayMs
    })
    expectTypeOf(undo).toEqualTypeOf<Undo>()
    quotes.on('retry.scheduled', ({ delayMs, number, verdict }) => {
      expectTypeOf(delayMs).toEqualTypeOf<number>()
      expectTypeOf(number).toEqualTypeOf<number>()
      expectTypeOf(verdict).toEqualTypeOf<Verdict>()
    })
    // @ts-expect-error -- there is no such event
    quotes.on('call.settld', () => {})
    // @ts-expect-error -- a listener is a function
    quotes.on('call.settled', 5)
  })

  it('"*" hears them all, told apart by type', () => {
    quotes.on('*', (event) => {
      expectTypeOf(event).toEqualTypeOf<AnyEvent>()
      if (event.type === 'breaker.opened') expectTypeOf(event.breakMs).toEqualTypeOf<number>()
    })
  })
})

describe('pipeline', () => {
  it('takes policies in a list, and options', () => {
    pipeline('x', [timeout(5)], { classify: (outcome) => (outcome.ok ? 'success' : { verdict: 'overload', retryAfterMs: 5 }) })
    const list: Guard[] = [timeout(5)]
    expectTypeOf(pipeline('x', list).run(quote)).toEqualTypeOf<Promise<Quote>>()
    // @ts-expect-error -- a factory is no policy
    pipeline('x', [timeout])
    // @ts-expect-error -- policies stand in a list
    pipeline('x', timeout(5))
    // @ts-expect-error -- the name is missing
    pipeline([timeout(5)])
    // @ts-expect-error -- a misspelt option
    pipeline('x', [], { clok: undefined })
    // @ts-expect-error -- classify says a verdict
    pipeline('x', [], { classify: () => 'fine' })
    // @ts-expect-error -- classify is synchronous
    pipeline('x', [], { classify: async () => 'success' })
  })

  it('closes, and is disposable', () => {
    const quotes = pipeline('x', [])
    expectTypeOf(quotes.close({ graceMs: 5 })).toEqualTypeOf<Promise<number>>()
    expectTypeOf(quotes).toExtend<AsyncDisposable>()
    // @ts-expect-error -- a number is no option
    void quotes.close(5)
    // @ts-expect-error -- read only
    quotes.name = 'y'
  })
})

describe('policies', () => {
  it('of the house refuse wrong options', () => {
    // @ts-expect-error -- slots are needed
    bulkhead()
    // @ts-expect-error -- slots are needed
    bulkhead({})
    // @ts-expect-error -- an unknown mode
    bulkhead({ slots: 1, mode: 'observed' })
    // @ts-expect-error -- a misspelt option
    bulkhead({ slots: 1, slot: 1 })
    // @ts-expect-error -- a timeout is a number
    timeout('5')
    // @ts-expect-error -- a timeout is told its span
    timeout()
    const slots = bulkhead({ slots: 1 })
    slots.update({ slots: 5 })
    // @ts-expect-error -- a policy keeps its name
    slots.update({ name: 'x' })
    // @ts-expect-error -- read only
    slots.inFlight = 5
  })

  it('of one’s own keep the type of their permit', () => {
    const guard: Guard<{ readonly token: number }> = {
      kind: 'guard',
      name: 'mine',
      admit: (a) => (a.priority === 'low' ? refuse({ name: 'mine' }, BulkheadFullError, () => 'low') : { token: 5 }),
      settle: (permit, said) => {
        expectTypeOf(permit.token).toEqualTypeOf<number>()
        expectTypeOf(said).toEqualTypeOf<Settled>()
      },
    }
    pipeline('x', [guard])
    const queue: Guard = {
      kind: 'guard',
      name: 'queue',
      admit: () => later({ maxWaitMs: 5, start: (wake) => wake({}), cancel() {}, expired: () => refuse({ name: 'queue' }, BulkheadFullError, () => 'late') }),
    }
    pipeline('x', [queue])
    // @ts-expect-error -- admit answers at once
    const asynchronous: Guard = { kind: 'guard', name: 'late', admit: async () => ({}), settle() {}, release() {}, timed: 5 }
    // @ts-expect-error -- a permit is an object
    const bare: Guard = { kind: 'guard', name: 'bare', admit: () => 5 }
    void [asynchronous, bare]
  })

  it('a layer keeps the type of what passes through', () => {
    const passing: Layer = {
      kind: 'layer',
      name: 'passing',
      after: <T>(outcome: Outcome<T>, one: Attempt) => (one.number < 3 && !outcome.ok ? again(5) : outcome),
    }
    pipeline('x', [passing])
    // @ts-expect-error -- a layer that adds nothing cannot answer a text
    const adding: Layer = { kind: 'layer', name: 'adding', after: () => ({ ok: true, value: 'text', verdict: 'ignored' }) }
    void adding
  })

  it('the two-step form', () => {
    const a = attempt({ priority: 'low' })
    expectTypeOf(settled('overload', a, { endedBy: 'timeout', retryAfterMs: 5 })).toEqualTypeOf<Settled>()
    // @ts-expect-error -- no such verdict
    settled('bad', a)
    // @ts-expect-error -- the attempt is missing
    settled('success')
  })
})
