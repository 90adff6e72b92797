import { AsyncLocalStorage } from 'node:async_hooks'
import { breaker, constant, fallback, keyed, type Observed, type Observer, pipeline, retry, bulkhead, timeout } from 'spillway'
import { manualClock } from 'spillway/testing'
import { describe, expect, it, vi } from 'vitest'
import { collect } from '../support/heap.ts'

const never = (): Promise<never> => new Promise(() => {})

describe('observers › attached', () => {
  it('are told of the pipeline they observe: its name, policies, clock, fold', () => {
    const clock = manualClock()
    const seen: Observed[] = []
    const gate = breaker()
    pipeline('quotes', [gate], { clock, observers: [{ attached: (one) => void seen.push(one) }] })
    expect(seen).toHaveLength(1)
    const [one] = seen as [Observed]
    expect(one).toMatchObject({ name: 'quotes', key: undefined, policies: [gate], inFlight: 0, warnings: [] })
    expect(one.clock).toBe(clock)
    expect(one.describe().nodes).toMatchObject([{ kind: 'stage', guards: [{ type: 'breaker', options: { failureRatio: 0.5 } }] }])
  })

  it('may answer the observer of that one pipeline, which is told in its stead', async () => {
    const told: string[] = []
    const observer: Observer = {
      attached: ({ name }) => ({
        callSettled: () => void told.push(`${name} call`),
        attemptSettled: () => void told.push(`${name} attempt`),
        event: ({ type }) => void told.push(`${name} ${type}`),
      }),
      callSettled: () => void told.push('never'),
    }
    const a = pipeline('a', [breaker({ consecutive: 1 })], { observers: [observer] })
    const b = pipeline('b', [], { observers: [observer] })
    await a.tryRun(() => Promise.reject(new Error('down')))
    await b.run(() => 1)
    expect(told).toEqual(['a breaker.opened', 'a attempt', 'a call', 'b attempt', 'b call'])
  })

  it('only hear the events that they want, and payloads are built for no other', async () => {
    const told: string[] = []
    const calls = pipeline('a', [retry({ maxAttempts: 2, backoff: constant(0) })], { observers: [{ events: ['retry.exhausted'], event: ({ type }) => void told.push(type) }] })
    let wanted: boolean | undefined
    await calls.tryRun(({ call }) => {
      wanted = call.wants('retry.scheduled')
      return Promise.reject(new Error('down'))
    })
    expect([told, wanted]).toEqual([['retry.exhausted'], false])
  })

  it('one that throws observes all the same, and the build goes on', async () => {
    const onInternalError = vi.fn()
    let calls = 0
    const broken: Observer = {
      attached() {
        throw new Error('broken')
      },
      callSettled: () => void calls++,
    }
    await pipeline('a', [], { observers: [broken], onInternalError }).run(() => 1)
    expect([calls, onInternalError.mock.calls.length]).toEqual([1, 1])
  })

  it('holds a pipeline only as long as the observer does', async () => {
    const refs: WeakRef<Observed>[] = []
    ;(() => {
      pipeline('gone', [breaker()], { observers: [{ attached: (one) => void refs.push(new WeakRef(one)), event: () => {} }] })
    })()
    await collect()
    expect(refs.map((ref) => ref.deref())).toEqual([undefined])
  })

  it('of a keyed family are told of each pipeline and its key, once', async () => {
    const told: string[] = []
    const recorder: Observer = {
      attached: ({ name, key = '-' }) => ({ callSettled: () => void told.push(`${name}/${key}`), event: ({ type }) => void told.push(`${name}/${key} ${type}`) }),
    }
    const family = keyed((key) => pipeline(`host ${key}`, [breaker({ consecutive: 1 })]), { max: 1, observers: [recorder] })
    await family.tryRun('a', () => Promise.reject(new Error('down')))
    await family.run('b', () => 1)
    expect(told).toEqual(['host a/a breaker.opened', 'host a/a', 'host */-'])
    const twice = { callSettled: vi.fn<() => void>() }
    const both = keyed(() => pipeline('x', [], { observers: [twice] }), { observers: [twice] })
    await both.run('a', () => 1)
    expect(twice.callSettled).toHaveBeenCalledTimes(1)
  })
})

describe('observers › refused', () => {
  it('is told of every refusal, with its priority, and no event is made', async () => {
    const told: unknown[] = []
    const calls = pipeline('a', [bulkhead({ slots: 1, name: 'slots' })], { observers: [{ refused: (call, { policy }, priority) => void told.push([call.pipeline, policy, priority]) }] })
    void calls.run(never)
    await calls.tryRun(() => 1, { priority: 'low' })
    void calls.close({ graceMs: 0 })
    await calls.tryRun(() => 1)
    expect(told).toEqual([['a', 'slots', 'low'], ['a', 'a', 'normal']])
  })
})

describe('observers › succeeded', () => {
  const telling = (told: string[]): Observer => ({
    attemptSettled: ({ number }, { verdict }) => void told.push(`attempt ${number} ${verdict}`),
    callSettled: ({ attempts }, { ok }, { verdict }) => void told.push(`call ${attempts} ${ok} ${verdict}`),
    succeeded: ({ number, startedAt, call }, { verdict, settledAt }) => void told.push(`once ${number} ${verdict} ${startedAt} to ${settledAt} ${call.attempts}`),
  })
  const fail = (): never => {
    throw new Error('down')
  }

  it('is told in the place of the two others of a call that its only attempt answered', async () => {
    const told: string[] = []
    const clock = manualClock()
    const calls = pipeline('a', [bulkhead({ slots: 1 })], { clock, observers: [telling(told)] })
    clock.tick(5)
    const first = calls.run(() => new Promise<void>((resolve) => void clock.after(10, resolve)))
    clock.tick(10)
    await first
    expect(told).toEqual(['once 1 success 5 to 15 1'])
  })

  it('is not told of others: failed, tried again, refused, with a deadline, observed by who lacks the hook or by a listener', async () => {
    const told: string[] = []
    const again = pipeline('a', [fallback(() => 1), retry({ maxAttempts: 2, backoff: constant(0) })], { observers: [telling(told)] })
    await again.run(fail)
    await again.run(() => 1, { timeoutMs: 100 })
    await pipeline('b', [bulkhead({ slots: 0 })], { observers: [telling(told)] }).tryRun(() => 1)
    await pipeline('c', [], { observers: [telling(told), { callSettled() {} }] }).run(() => 1)
    const heard = pipeline('d', [], { observers: [telling(told)] })
    heard.on('call.settled', () => told.push('heard'))
    await heard.run(() => 1)
    await pipeline('e', [], { observers: [telling(told)] }).run(fail).catch(() => {})
    await pipeline('f', [fallback(() => 1, { when: () => true })], { observers: [telling(told)] }).run(() => 1)
    expect(told).toEqual([
      'attempt 1 failure', 'attempt 2 failure', 'call 2 true ignored',
      'attempt 1 success', 'call 1 true success', 'call 0 false unused',
      'attempt 1 success', 'call 1 true success', 'attempt 1 success', 'call 1 true success', 'heard',
      'attempt 1 failure', 'call 1 false failure', 'attempt 1 success', 'call 1 true ignored',
    ])
  })

  it('changes no call by what it throws', async () => {
    const onInternalError = vi.fn()
    const broken = { succeeded: fail }
    await expect(pipeline('a', [breaker()], { observers: [broken], onInternalError }).run(() => 1)).resolves.toBe(1)
    expect(onInternalError).toHaveBeenCalledOnce()
  })
})

describe('observers › times', () => {
  it('of calls and attempts are those of their own clock, whatever comes between', async () => {
    const clock = manualClock()
    const log: [what: string, from: number, to: number][] = []
    const observer: Observer = {
      attemptSettled: ({ number, startedAt }, { settledAt }) => void log.push([`attempt ${number}`, startedAt, settledAt]),
      callSettled: ({ startedAt }, _, { settledAt }) => void log.push(['call', startedAt, settledAt]),
    }
    const after = (ms: number, fails = false) => () => new Promise<void>((resolve, reject) => void clock.after(ms, () => (fails ? reject(new Error('down')) : resolve())))
    const slow = pipeline('slow', [fallback(after(7)), retry({ maxAttempts: 2, backoff: constant(100), budget: false }), bulkhead({ slots: 1, queue: 1 }), timeout(50)], { clock, observers: [observer] })
    const first = slow.run(after(20))
    const queued = slow.run(after(10))
    await clock.advance(30)
    await Promise.all([first, queued])
    const failing = slow.run(after(5, true))
    await clock.advance(200)
    await failing
    expect(log).toEqual([
      ['attempt 1', 0, 20], ['call', 0, 20], ['attempt 1', 20, 30], ['call', 0, 30],
      ['attempt 1', 30, 35], ['attempt 2', 135, 140], ['call', 30, 147],
    ])
    await clock.advance(1_000)
    log.length = 0
    const later = pipeline('later', [timeout(50)], { clock, observers: [observer] })
    const late = later.tryRun(never)
    await clock.advance(50)
    await late
    const next = later.run(after(3))
    await clock.advance(3)
    await next
    const at = log[0]![1]
    expect(log.map(([what, from, to]) => [what, from - at, to - at])).toEqual([['attempt 1', 0, 50], ['call', 0, 50], ['attempt 1', 50, 53], ['call', 50, 53]])
  })
})

describe('observers › around', () => {
  const context = new AsyncLocalStorage<string>()

  it('calls and attempts: the function runs in the context they make, on every attempt', async () => {
    const log: unknown[] = []
    const tracer: Observer = {
      aroundCall: (call, begin) => context.run(`call ${call.operation}`, begin),
      aroundAttempt: ({ number }, run) => context.run(`${context.getStore()} attempt ${number}`, run),
    }
    const clock = manualClock()
    const calls = pipeline('a', [retry({ maxAttempts: 2, backoff: constant(10) })], { clock, observers: [tracer] })
    const run = calls.tryRun(() => {
      log.push(context.getStore())
      return Promise.reject(new Error('down'))
    }, { operation: 'get' })
    await clock.advance(10)
    expect(await run).toMatchObject({ ok: false, attempts: 2 })
    expect(log).toEqual(['call get attempt 1', 'call get attempt 2'])
    expect(context.getStore()).toBe(undefined)
  })

  it.each<[string, Observer]>([
    ['throw', { aroundCall() { throw new Error('broken') }, aroundAttempt() { throw new Error('broken') } }],
    ['forget to begin', { aroundCall: () => {}, aroundAttempt: () => {} }],
    ['begin twice', { aroundCall: (_, begin) => [begin(), begin()], aroundAttempt: (_, run) => [run(), run()] }],
    ['answer promises of their own', { aroundCall: async (_, begin) => { await begin() }, aroundAttempt: async (_, run) => { await run() } }],
    ['answer something else', { aroundCall: (_, begin) => { begin(); return 7 } , aroundAttempt: (_, run) => { run(); return 7 } }],
  ])('change no call when they %s', async (_, observer) => {
    const onInternalError = vi.fn()
    const calls = pipeline('a', [], { observers: [observer, observer], onInternalError })
    const fn = vi.fn<() => number>(() => 42)
    expect(await calls.run(fn)).toBe(42)
    expect(fn).toHaveBeenCalledTimes(1)
    const down = new Error('down')
    await expect(calls.run(() => { throw down })).rejects.toBe(down)
    await expect(calls.run(() => Promise.reject(down))).rejects.toBe(down)
    expect(new Set(onInternalError.mock.calls.map(([error]) => String(error)))).toEqual(new Set(_ === 'throw' ? ['Error: broken'] : []))
  })
})
