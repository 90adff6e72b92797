import { describe, expect, it } from 'vitest'
import {
  type AnyEvent, attempt, breaker, bulkhead, BulkheadFullError, constant, fallback, type Guard, keyed, type KeyedAnyEvent, type KeyedOptions, pipeline, type Pipeline, PipelineClosedError,
  type PipelineOptions, type Policy, rateLimit, retry, throttle, timeout, unguarded,
} from 'spillway'
import { manualClock } from 'spillway/testing'
import { hedging, queueing } from './support/policies.ts'

const down = new Error('down')
const failing = async (): Promise<never> => {
  throw down
}
const again = (delayMs = 0): Policy => retry({ backoff: constant(delayMs), budget: false })

/** A call that runs until it is ended. */
function hanging(): { work: () => Promise<string>, end: () => void } {
  let end!: () => void
  const done = new Promise<string>((resolve) => (end = () => resolve('done')))
  return { work: () => done, end }
}

/** One pipeline per key on a manual clock; what the factory was asked for is in `made`. */
function family(options: KeyedOptions = {}, policies: (key: string) => readonly Policy[] = () => [], more: PipelineOptions = {}) {
  const clock = manualClock()
  const made: string[] = []
  const one = keyed((key) => {
    made.push(key)
    return pipeline(`tenant ${key}`, policies(key), { clock, ...more })
  }, options)
  const pass = (...keys: string[]) => Promise.all(keys.map((key) => one.run(key, async ({ call }) => call.pipeline)))
  return { clock, made, one, pass }
}

describe('keyed', () => {
  it('makes a pipeline when its key is first used, and keeps it', async () => {
    const { one, made, pass } = family()
    expect(made).toEqual([])
    expect(await pass('a', 'b', 'a')).toEqual(['tenant a', 'tenant b', 'tenant a'])
    expect(made).toEqual(['a', 'b'])
    expect(one.size).toBe(2)
    expect([...one.keys()]).toEqual(['a', 'b'])
    expect([...one].map(([key, { name }]) => [key, name])).toEqual([['a', 'tenant a'], ['b', 'tenant b']])
    expect([...one.entries()]).toEqual([...one])
  })

  it('lets a bad tenant trip its own breaker and not that of the others', async () => {
    const { one } = family({}, () => [breaker({ consecutive: 2 })])
    for (let i = 0; i < 2; i++) await one.tryRun('bad', failing)
    expect(await one.tryRun('bad', () => 1)).toMatchObject({ ok: false, error: { code: 'BREAKER_OPEN', pipeline: 'tenant bad' } })
    expect(await one.run('good', () => 1)).toBe(1)
  })

  it('answers what the pipeline answers, the fallback included', async () => {
    const { one } = family({}, () => [fallback(() => 'instead')])
    expect(await one.run('a', failing)).toBe('instead')
    expect(await one.tryRun('a', () => 1)).toEqual({ ok: true, value: 1, attempts: 1 })
    await expect(family().one.run('a', failing)).rejects.toBe(down)
  })

  it('says its key in every call, unless that says another', async () => {
    const { one } = family()
    const keyOf = ({ call }: { call: { key: string | undefined } }) => call.key
    expect(await one.run('a', keyOf)).toBe('a')
    expect(await one.run('a', keyOf, { priority: 'high' })).toBe('a')
    expect(await one.run('a', keyOf, { key: 'said' })).toBe('said')
    expect(await one.run('a', keyOf, { key: '' })).toBe('')
    expect(await one.get('a')!.run(keyOf)).toBe('a')
    expect(await one.get('a')!.wrap(() => 1, { key: 'said' })()).toBe(1)
  })

  it('passes the other options of a call on, an attempt’s too, whose key is that of something else', async () => {
    const { one, clock } = family()
    const other = family()
    const { signal } = new AbortController()
    const all = { signal, timeoutMs: 5, priority: 'low', subLevel: 3, operation: 'get', meta: { x: 1 }, idempotent: false } as const
    await one.run('a', ({ call, priority, deadline }) => {
      expect(call).toMatchObject({ key: 'a', subLevel: 3, operation: 'get', meta: { x: 1 }, idempotent: false })
      expect([priority, deadline]).toEqual(['low', clock.now() + 5])
    }, all)
    await one.run('a', async (outer) => {
      await other.one.run('b', ({ call, priority }) => expect([call.key, call.operation, priority]).toEqual(['b', 'get', 'low']), outer)
    }, all)
    // Options may be inherited, as everywhere.
    await one.run('a', ({ priority, call }) => expect([priority, call.key]).toEqual(['high', 'a']), Object.create({ priority: 'high' }) as object)
    await one.run('a', ({ priority, call }) => expect([priority, call.key]).toEqual(['critical', 'a']), attempt({ priority: 'critical', key: 'theirs' }))
    await expect(one.run('a', () => 1, { priorty: 'high' } as never)).rejects.toThrow('did you mean "priority"')
    await expect(one.run('a', () => 1, new AbortController().signal as never)).rejects.toThrow(TypeError)
  })

  it('get makes none and does not count as use', async () => {
    const { one, pass, made, clock } = family({ max: 1, idleMs: 10 })
    expect(one.get('a')).toBeUndefined()
    expect(made).toEqual([])
    await pass('a')
    await clock.advance(10)
    expect(one.get('a')?.name).toBe('tenant a')
    await pass('b')
    expect([...one.keys()]).toEqual(['b'])
  })

  it('two keys may have pipelines of the same name', async () => {
    const one = keyed(() => pipeline('tenants', []))
    await one.run('a', () => 1)
    await one.run('b', () => 1)
    expect(one.get('a')).not.toBe(one.get('b'))
    expect(one.get('a')!.name).toBe(one.get('b')!.name)
  })

  it.each(['', '__proto__', 'constructor', 'x'.repeat(10_000), 'ключ\u0000\n', '\ud800'])('takes any string for a key: %j', async (key) => {
    const { one } = family()
    expect(await one.run(key, ({ call }) => call.key)).toBe(key)
    expect([...one.keys()]).toEqual([key])
    expect(one.delete(key)).toBe(true)
    expect(one.size).toBe(0)
    expect(one.get(key)).toBeUndefined()
  })
})

describe('keyed › beyond max', () => {
  it('the one that has rested longest makes room, not before idleMs', async () => {
    const { one, pass, clock, made } = family({ max: 2, idleMs: 100 })
    await pass('a')
    await clock.advance(10)
    await pass('b')
    await clock.advance(90)
    await pass('c')
    expect([...one.keys()]).toEqual(['b', 'c'])
    await clock.advance(9)
    expect(await pass('d')).toEqual(['tenant *'])
    await clock.advance(1)
    expect(await pass('d')).toEqual(['tenant d'])
    expect([...one.keys()]).toEqual(['c', 'd'])
    expect(made).toEqual(['a', 'b', 'c', '*', 'd'])
  })

  it('being used again counts, also by who holds it from get', async () => {
    const { one, pass, clock } = family({ max: 2, idleMs: 100 })
    await pass('a', 'b')
    await clock.advance(50)
    await one.get('a')!.run(() => 1)
    await clock.advance(60)
    await pass('c')
    expect([...one.keys()]).toEqual(['a', 'c'])
  })

  it('a rest begins when the last call ends, not when it began', async () => {
    const { one, pass, clock } = family({ max: 1, idleMs: 100 })
    const { work, end } = hanging()
    const long = one.run('a', work)
    await clock.advance(1_000)
    end()
    await long
    expect(await pass('b')).toEqual(['tenant *'])
    await clock.advance(100)
    expect(await pass('b')).toEqual(['tenant b'])
  })

  it('below max nobody goes, however long at rest', async () => {
    const { one, pass, clock } = family({ max: 3, idleMs: 1 })
    await pass('a', 'b')
    await clock.advance(1e9)
    await pass('c')
    expect(one.size).toBe(3)
  })

  it.each<[string, () => readonly Policy[], (one: ReturnType<typeof family>['one'], end: Promise<string>) => Promise<unknown>]>([
    ['runs', () => [], (one, end) => one.run('a', () => end)],
    ['waits in a queue', () => [queueing(0)], (one) => one.tryRun('a', () => 1)],
    ['is in a back-off', () => [again(1e6)], (one) => one.tryRun('a', failing)],
    ['is held by until', () => [], (one, end) => one.run('a', (a) => a.until(end))],
    ['goes on after its timeout', () => [timeout(5)], (one, end) => one.tryRun('a', () => end)],
    ['has a loser that goes on', () => [hedging()], (one, end) => one.tryRun('a', (a) => (a.number === 1 ? Promise.resolve('won') : end))],
    ['has an answer of its fallback to come', () => [fallback(() => new Promise(() => {}))], (one) => one.tryRun('a', failing)],
  ])('never evicts one with a call that %s', async (_what, policies, begin) => {
    const { one, clock, made } = family({ max: 1, idleMs: 10 }, (key) => (key === 'a' ? policies() : []), { abandonAfterMs: 10_000 })
    const { work, end } = hanging()
    const call = begin(one, work())
    call.catch(() => {})
    await clock.advance(1_000)
    const before = one.get('a')
    await one.run('b', () => 1)
    expect(one.get('a')).toBe(before)
    expect(made).toEqual(['a', '*'])
    end()
  })

  it('evicts one again whose call never ends, once it was abandoned', async () => {
    const { one, clock, pass } = family({ max: 1, idleMs: 10 }, () => [timeout(5)], { abandonAfterMs: 1_000 })
    void one.tryRun('a', () => new Promise(() => {}))
    await clock.advance(1_005)
    // This very call finds it abandoned.
    expect(await pass('b')).toEqual(['tenant *'])
    await clock.advance(10)
    expect(await pass('b')).toEqual(['tenant b'])
  })

  it('never evicts one whose breaker is not closed, however it came to that', async () => {
    const breakers = new Map<string, ReturnType<typeof breaker>>()
    const { one, clock, pass } = family({ max: 4, idleMs: 10 }, (key) => {
      const one = breaker({ consecutive: 1, breakMs: 100, maxBreakMs: 100 })
      breakers.set(key, one)
      return [one]
    })
    await pass('ok', 'held')
    breakers.get('held')!.isolate()
    await one.tryRun('open', failing)
    await one.tryRun('half', failing)
    await clock.advance(120)
    const { work, end } = hanging()
    const probe = one.run('half', work)
    await pass('x')
    expect([...one.keys()]).toEqual(['held', 'open', 'half', 'x'])
    await clock.advance(1e6)
    await pass('y')
    // Its break is long over, but nobody has probed.
    expect([...one.keys()]).toEqual(['held', 'open', 'half', 'y'])
    end()
    await probe
    await pass('open')
    await clock.advance(10)
    await pass('z')
    await clock.advance(10)
    expect(breakers.get('open')!.state).toBe('closed')
    await pass('w', 'v')
    expect([...one.keys()]).toContain('held')
    expect([...one.keys()]).not.toContain('open')
  })

  it('never evicts one whose rate limit is not full: made anew, it would grant a fresh burst', async () => {
    const { one, clock } = family({ max: 1, idleMs: 10 }, () => [rateLimit({ permits: 10, everyMs: 10_000, burst: 10 })])
    const granted = async (key: string): Promise<boolean> => (await one.tryRun(key, () => 1)).ok
    for (let i = 0; i < 10; i++) expect(await granted('a')).toBe(true)
    expect(await granted('a')).toBe(false)
    await clock.advance(9_000)
    await granted('b')
    expect([...one.keys()]).toEqual(['a'])
    await clock.advance(1_000)
    await granted('b')
    expect([...one.keys()]).toEqual(['b'])
  })

  it('never evicts one that is throttled: made anew, it would send everything', async () => {
    const { one, clock } = family({ max: 2, idleMs: 10 }, (key) => [throttle(key === 'held' ? { adaptive: true } : { allow: 0.5 })])
    for (let i = 0; i < 200; i++) {
      await one.tryRun('held', async () => Promise.reject(Object.assign(new Error('busy'), { status: 503 })))
      await clock.advance(20)
    }
    await one.tryRun('set', () => 1)
    await clock.advance(1_000)
    await one.tryRun('x', () => 1)
    // A share set by hand is nothing that was learned.
    expect([...one.keys()]).toEqual(['held', 'x'])
  })

  it('one that was busy goes as soon as it is not, without having been used', async () => {
    const { one, clock, pass } = family({ max: 1, idleMs: 10 }, () => [tokens()])
    await pass('a')
    await clock.advance(10)
    busy = true
    expect(await pass('b')).toEqual(['tenant *'])
    busy = false
    expect(await pass('b')).toEqual(['tenant b'])
    expect([...one.keys()]).toEqual(['b'])
  })
  let busy: boolean | Error = false
  const tokens = (): Guard => ({
    kind: 'guard',
    name: 'tokens',
    admit: () => unguarded,
    busy() {
      if (busy instanceof Error) throw busy
      return busy
    },
  })

  it('a policy that throws when it is asked is taken for busy, and that is told', async () => {
    const told: unknown[] = []
    const { one, clock, pass } = family({ max: 1, idleMs: 10 }, () => [tokens()], { onInternalError: (error) => told.push(error) })
    await pass('a')
    await clock.advance(10)
    busy = new Error('asked')
    expect(await pass('b')).toEqual(['tenant *'])
    expect([...one.keys()]).toEqual(['a'])
    expect(told).toEqual([new Error('asked')])
    busy = false
  })

  it('never evicts one under pressure, unless its policy says that it is not busy', async () => {
    const pressed = (busy?: boolean): Guard => ({ kind: 'guard', name: 'pressed', admit: () => unguarded, pressure: () => 0.1, ...(busy !== undefined && { busy: () => busy }) })
    for (const [policies, first] of [[[pressed()], 'tenant *'], [[pressed(false)], 'tenant b'], [[pressed(true)], 'tenant *']] as const) {
      const { clock, pass } = family({ max: 1, idleMs: 10 }, (key) => (key === 'a' ? policies : []))
      await pass('a')
      await clock.advance(10)
      expect(await pass('b')).toEqual([first])
    }
  })

  it('serves all further keys together in one overflow pipeline, made once', async () => {
    const { one, made } = family({ max: 1 }, () => [bulkhead({ slots: 1 })])
    const { work, end } = hanging()
    const running = [one.run('a', work), one.run('b', work)]
    expect(await one.tryRun('c', () => 1)).toMatchObject({ ok: false, error: expect.any(BulkheadFullError) as unknown })
    end()
    await Promise.all(running)
    expect(await one.run('c', ({ call }) => [call.key, call.pipeline])).toEqual(['c', 'tenant *'])
    expect(made).toEqual(['a', '*'])
    expect(one.size).toBe(1)
    expect([...one.keys()]).toEqual(['a'])
  })

  it('the overflow is a key of its own: it can be run, got and deleted, and named', async () => {
    const { one, made, pass } = family({ overflow: 'others', max: 1 })
    expect(await pass('others', 'a', '*')).toEqual(['tenant others', 'tenant a', 'tenant others'])
    expect(one.get('others')?.name).toBe('tenant others')
    expect(await one.run('others', ({ call }) => call.key)).toBe('others')
    expect(one.delete('others')).toBe(true)
    expect(one.get('others')).toBeUndefined()
    expect(one.delete('others')).toBe(false)
    expect(await pass('b')).toEqual(['tenant others'])
    expect(made).toEqual(['others', 'a', 'others'])
  })

  it('0 and Infinity mean what they say', async () => {
    const none = family({ max: 0 })
    expect(await none.pass('a', 'b')).toEqual(['tenant *', 'tenant *'])
    expect(none.one.size).toBe(0)
    const all = family({ max: Infinity })
    await all.pass(...Array.from({ length: 2_000 }, (_, i) => `${i}`))
    expect(all.one.size).toBe(2_000)
    const atOnce = family({ max: 1, idleMs: 0 })
    expect(await atOnce.pass('a')).toEqual(['tenant a'])
    expect(await atOnce.pass('b')).toEqual(['tenant b'])
    const never = family({ max: 1, idleMs: Infinity })
    await never.pass('a')
    await never.clock.advance(1e12)
    expect(await never.pass('b')).toEqual(['tenant *'])
  })

  it('defaults to 1 000 keys and a minute', async () => {
    const { one, pass, clock } = family()
    await pass(...Array.from({ length: 1_001 }, (_, i) => `${i}`))
    expect(one.size).toBe(1_000)
    await clock.advance(59_999)
    expect(await pass('x')).toEqual(['tenant *'])
    await clock.advance(1)
    expect(await pass('x')).toEqual(['tenant x'])
  })

  it('an evicted pipeline goes on working for who holds it', async () => {
    const { one, pass } = family({ max: 1, idleMs: 0 }, () => [breaker({ consecutive: 1 })])
    await pass('a')
    const held = one.get('a')!
    await pass('b')
    expect(one.get('a')).toBeUndefined()
    expect(await held.run(({ call }) => call.key)).toBe('a')
    await held.tryRun(failing)
    expect(await held.tryRun(() => 1)).toMatchObject({ error: { code: 'BREAKER_OPEN' } })
    expect(await one.run('a', () => 1)).toBe(1)
    expect(one.get('a')).not.toBe(held)
  })

  it('arms no timer', async () => {
    const { pass, clock } = family({ max: 1, idleMs: 10 })
    await pass('a', 'b')
    expect(clock.armed).toBe(0)
  })
})

describe('keyed › delete', () => {
  it('forgets what was learned; the next call makes anew', async () => {
    const { one, made } = family({}, () => [breaker({ consecutive: 1 })])
    await one.tryRun('a', failing)
    expect(one.delete('a')).toBe(true)
    expect(one.delete('a')).toBe(false)
    expect(await one.run('a', () => 1)).toBe(1)
    expect(made).toEqual(['a', 'a'])
  })

  it('lets what runs and waits finish, and be heard, beside the new one', async () => {
    const { one, clock } = family({}, () => [again(10)])
    const heard: string[] = []
    one.on('call.settled', ({ key, verdict }) => heard.push(`${key} ${verdict}`))
    const { work, end } = hanging()
    const long = one.run('a', work)
    let tries = 0
    const retried = one.run('a', () => (++tries === 1 ? failing() : 'again'))
    one.delete('a')
    expect(await one.run('a', () => 'new')).toBe('new')
    await clock.advance(10)
    expect(await retried).toBe('again')
    end()
    expect(await long).toBe('done')
    expect(heard).toEqual(['a success', 'a success', 'a success'])
  })

  it('in the middle of its own call is as well', async () => {
    const { one } = family()
    expect(await one.run('a', () => one.delete('a'))).toBe(true)
    expect(one.size).toBe(0)
  })
})

describe('keyed › events', () => {
  it('one subscription hears all keys, present and future, and the overflow, with pipeline and key', async () => {
    const { one, pass } = family({ max: 2 })
    const heard: string[] = []
    await pass('a')
    const undo = one.on('call.settled', (event) => heard.push(`${event.type} ${event.pipeline} ${event.key} ${event.ok}`))
    await pass('a')
    await pass('b')
    await pass('c')
    expect(heard).toEqual(['call.settled tenant a a true', 'call.settled tenant b b true', 'call.settled tenant * * true'])
    undo()
    undo()
    await pass('a')
    expect(heard).toHaveLength(3)
  })

  it('undone twice takes no other listener away', async () => {
    const { one, pass } = family()
    const heard: string[] = []
    const undo = one.on('call.settled', () => {})
    one.on('call.settled', ({ key }) => heard.push(key))
    undo()
    undo()
    await pass('a')
    expect(heard).toEqual(['a'])
  })

  it('tells the state changes of policies, and "*" everything once', async () => {
    const { one } = family({}, () => [breaker({ consecutive: 1 })])
    const all: KeyedAnyEvent[] = []
    const opened: string[] = []
    const undo = one.on('breaker.opened', ({ key, policy, pipeline }) => opened.push([key, policy, pipeline].join()))
    one.on('*', (event) => all.push(event))
    await one.tryRun('a', failing)
    expect(all.map(({ type, key }) => `${key} ${type}`)).toEqual(['a breaker.opened', 'a attempt.settled', 'a call.settled'])
    expect(opened).toEqual(['a,breaker,tenant a'])
    undo()
    await one.tryRun('b', failing)
    expect(opened).toHaveLength(1)
    expect(all).toHaveLength(6)
  })

  it('the listeners of one pipeline hear what they heard without it', async () => {
    const { one } = family()
    const own: AnyEvent[] = []
    await one.run('a', () => 1)
    one.get('a')!.on('*', (event) => own.push(event))
    one.on('*', () => {})
    await one.run('a', () => 1)
    await one.run('b', () => 1)
    expect(own.map(({ type, pipeline }) => `${pipeline} ${type}`)).toEqual(['tenant a attempt.settled', 'tenant a call.settled'])
    expect(own[0]).not.toHaveProperty('key')
  })

  it('asks for no payload that nobody listens to', async () => {
    const wanted: boolean[] = []
    const asking: Guard = { kind: 'guard', name: 'asking', admit: ({ call }) => (wanted.push(call.wants('call.refused'), call.wants('breaker.opened')), unguarded) }
    const { one, pass } = family({}, () => [asking])
    await pass('a')
    const undo = one.on('breaker.opened', () => {})
    await pass('a')
    undo()
    await pass('a', 'b')
    expect(wanted).toEqual([false, false, false, true, false, false, false, false])
  })

  it('a listener that throws changes nothing and is told', async () => {
    const told: unknown[] = []
    const heard: string[] = []
    const { one, pass } = family({}, () => [], { onInternalError: (error) => told.push(error) })
    one.on('call.settled', () => {
      throw down
    })
    one.on('call.settled', ({ key }) => heard.push(key))
    expect(await pass('a', 'b')).toEqual(['tenant a', 'tenant b'])
    expect(heard).toEqual(['a', 'b'])
    expect(told).toEqual([down, down])
  })

  it('the evicted and deleted are heard no more, by events or observers', async () => {
    const heard: string[] = []
    const { one, pass } = family({ max: 1, idleMs: 0, observers: [{ callSettled: ({ key }) => heard.push(`recorded ${key}`) }] })
    one.on('call.settled', ({ key }) => heard.push(key))
    await pass('a')
    const held = one.get('a')!
    await pass('b')
    await held.run(() => 1)
    expect(heard).toEqual(['recorded a', 'a', 'recorded b', 'b'])
  })

  it('observers record all keys, beside those of the pipelines', async () => {
    const log: string[] = []
    const own = { callSettled: () => log.push('own') }
    const { one } = family(
      {
        max: 1,
        observers: [
          {
            attemptSettled: ({ call, number }) => log.push(`attempt ${number} of ${call.key}`),
            callSettled: ({ key }, outcome) => log.push(`call of ${key}: ${outcome.ok}`),
            event: ({ type, key, pipeline }) => log.push(`${type} ${pipeline} ${key}`),
          },
        ],
      },
      () => [breaker({ consecutive: 1 })],
      { observers: [own] },
    )
    await one.tryRun('a', failing)
    await one.run('b', () => 1)
    expect(log).toEqual(['breaker.opened tenant a a', 'attempt 1 of a', 'own', 'call of a: false', 'attempt 1 of b', 'own', 'call of b: true'])
  })
})

describe('keyed › close', () => {
  it('closes all, those that were removed and the overflow included, and makes no further ones', async () => {
    const { one, clock, made } = family({ max: 1 })
    const calls = [hanging(), hanging(), hanging()]
    const answers = [one.run('gone', calls[0]!.work)]
    one.delete('gone')
    answers.push(one.run('a', calls[1]!.work), one.run('b', calls[2]!.work))
    const closed = one.close({ graceMs: 100 })
    expect(one.close()).toBe(closed)
    await expect(one.run('a', () => 1)).rejects.toThrow(PipelineClosedError)
    await expect(one.run('b', () => 1)).rejects.toThrow('Cannot call "tenant *": the pipeline is closed')
    expect(await one.tryRun('*', () => 1)).toMatchObject({ ok: false, error: expect.any(PipelineClosedError) as unknown, attempts: 0 })
    calls[1]!.end()
    calls[2]!.end()
    await clock.advance(100)
    expect(await closed).toBe(1)
    calls[0]!.end()
    await Promise.all(answers)
    expect(made).toEqual(['gone', 'a', '*'])
  })

  it('ends back-offs, and waits for what runs', async () => {
    const { one } = family({}, () => [again(1e6)])
    const retried = one.tryRun('a', failing)
    await Promise.resolve()
    expect(await one.close()).toBe(0)
    expect(await retried).toMatchObject({ ok: false, error: down, attempts: 1 })
  })

  it('is disposable', async () => {
    const { one } = family()
    await one.run('a', () => 1)
    await one[Symbol.asyncDispose]()
    await expect(one.run('a', () => 1)).rejects.toThrow(PipelineClosedError)
    expect(await one.tryRun('new', () => 1)).toMatchObject({ error: new PipelineClosedError('Cannot call "new": the pipeline is closed', { policy: 'new', pipeline: 'new' }), attempts: 0 })
  })
})

describe('keyed › a factory', () => {
  it('that throws: its error is the call’s, nothing is kept, the next call asks again', async () => {
    let broken = true
    const one = keyed((key) => {
      if (broken) throw down
      return pipeline(key, [])
    })
    await expect(one.run('a', () => 1)).rejects.toBe(down)
    expect(await one.tryRun('a', () => 1)).toEqual({ ok: false, error: down, attempts: 0 })
    expect(one.size).toBe(0)
    broken = false
    expect(await one.run('a', () => 1)).toBe(1)
  })

  it('that throws for the overflow fails the calls that need it, and no others', async () => {
    const one = keyed((key) => {
      if (key === '*') throw down
      return pipeline(key, [])
    }, { max: 1 })
    expect(await one.run('a', () => 1)).toBe(1)
    await expect(one.run('b', () => 1)).rejects.toBe(down)
    expect(await one.run('a', () => 1)).toBe(1)
  })

  it('that throws takes nobody’s place', async () => {
    const one = keyed((key) => {
      if (key === 'bad') throw down
      return pipeline(key, [])
    }, { max: 1, idleMs: 0 })
    await one.run('a', () => 1)
    await expect(one.run('bad', () => 1)).rejects.toBe(down)
    expect([...one.keys()]).toEqual(['a'])
  })

  const shared = pipeline('shared', [])
  it.each<[string, () => unknown, string]>([
    ['nothing', () => undefined, 'what the factory of keyed returns for "a" must be a pipeline made by pipeline(…), got undefined'],
    ['a promise', async () => pipeline('late', []), 'must be a pipeline made by pipeline(…), got a'],
    ['a rejected promise', () => Promise.reject(down), 'must be a pipeline made by pipeline(…)'],
    ['a policy', () => breaker(), 'must be a pipeline made by pipeline(…)'],
    ['something like a pipeline', () => ({ ...shared, name: 'x', run() {} }), 'must be a pipeline made by pipeline(…)'],
  ])('that returns %s is a TypeError of the call', async (_what, factory, message) => {
    const one = keyed(factory as () => Pipeline)
    await expect(one.run('a', () => 1)).rejects.toThrow(TypeError)
    await expect(one.run('a', () => 1)).rejects.toThrow(message)
    expect(one.size).toBe(0)
  })

  it('that returns one pipeline for two keys is a TypeError; the first key keeps it', async () => {
    const same = pipeline('same', [])
    const one = keyed(() => same)
    expect(await one.run('a', () => 1)).toBe(1)
    await expect(one.run('b', () => 1)).rejects.toThrow(new TypeError('what the factory of keyed returns for "b" must be a pipeline of its own, got "same", which is kept for another key'))
    await expect(keyed(() => same).run('c', () => 1)).rejects.toThrow(TypeError)
    expect(await one.run('a', () => 1)).toBe(1)
    // Once it is gone, another key may have it.
    one.delete('a')
    expect(await one.run('b', ({ call }) => call.key)).toBe('b')
    one.delete('b')
    // The overflow says no key of its own, whoever had its pipeline before.
    expect(await one.run('*', () => 1)).toBe(1)
    expect(await one.get('*')!.run(({ call }) => call.key)).toBeUndefined()
  })

  it('that returns a pipeline on another clock is a TypeError', async () => {
    const one = keyed((key) => pipeline(key, [], { clock: manualClock() }))
    await one.run('a', () => 1)
    await expect(one.run('b', () => 1)).rejects.toThrow(new TypeError('what the factory of keyed returns for "b" must be on the clock of the pipelines made before'))
  })

  it('that runs its own key is a TypeError of that inner call', async () => {
    let inner: unknown
    const one = keyed((key): Pipeline => {
      inner ??= one.tryRun(key, () => 1)
      return pipeline(key, [])
    })
    expect(await one.run('a', () => 1)).toBe(1)
    expect(await inner).toMatchObject({ ok: false, error: new TypeError('Cannot run "a": the factory of keyed is just making its pipeline') })
  })

  it('that runs other keys keeps the bound', async () => {
    const inner: Promise<unknown>[] = []
    const one = keyed((key): Pipeline => {
      if (key !== '*' && key.length < 4) inner.push(one.tryRun(`${key}a`, ({ call }) => call.pipeline))
      return pipeline(key, [])
    }, { max: 2 })
    expect(await one.run('a', ({ call }) => call.pipeline)).toBe('a')
    expect(await Promise.all(inner)).toMatchObject([{ value: '*' }, { value: 'aa' }])
    expect(one.size).toBe(2)
  })

  it('whose calls took the last place meanwhile: the key goes to the overflow', async () => {
    const { work } = hanging()
    const one = keyed((key): Pipeline => {
      if (key === 'b') void one.run('a', work)
      return pipeline(key, [])
    }, { max: 1, idleMs: 0 })
    await one.run('a', () => 1)
    expect(await one.run('b', ({ call }) => call.pipeline)).toBe('*')
    expect([...one.keys()]).toEqual(['a'])
  })

  it('that closes them makes none any more', async () => {
    const one = keyed((key): Pipeline => {
      void one.close()
      return pipeline(key, [])
    })
    await expect(one.run('a', () => 1)).rejects.toThrow(PipelineClosedError)
    expect(one.size).toBe(0)
  })
})

describe('keyed › bad input', () => {
  it.each([
    [{ max: -1 }, RangeError, 'keyed.max must be a whole number from 0 on, got -1'],
    [{ max: 1.5 }, RangeError, 'keyed.max'],
    [{ max: '5' }, TypeError, 'keyed.max must be a whole number from 0 on, got "5"'],
    [{ idleMs: -1 }, RangeError, 'keyed.idleMs must be a number from 0 on, got -1'],
    [{ idleMs: NaN }, RangeError, 'keyed.idleMs'],
    [{ idleMs: null }, TypeError, 'keyed.idleMs'],
    [{ overflow: 5 }, TypeError, 'keyed.overflow must be a string, got 5'],
    [{ observers: {} }, TypeError, 'keyed.observers must be an array of observers'],
    [{ observers: [{ callSettlde() {} }] }, TypeError, 'callSettlde'],
    [{ observers: [{ event: 5 }] }, TypeError, 'keyed.observers event must be a function'],
    [{ idelMs: 5 }, TypeError, 'keyed has no option "idelMs"; did you mean "idleMs"?'],
    [5, TypeError, 'keyed options must be an object, got 5'],
  ])('options %j are refused at build', (options, kind, message) => {
    expect(() => keyed(() => pipeline('x', []), options as never)).toThrow(kind)
    expect(() => keyed(() => pipeline('x', []), options as never)).toThrow(message)
  })

  it('a factory that is none is refused', () => {
    expect(() => keyed(pipeline('x', []) as never)).toThrow(new TypeError('factory of keyed must be a function, got an object'))
  })

  it.each([undefined, null, 5, Symbol('s'), {}, ['a']])('the key %s is a TypeError', async (key) => {
    const { one } = family()
    await expect(one.run(key as never, () => 1)).rejects.toThrow(TypeError)
    await expect(one.run(key as never, () => 1)).rejects.toThrow('key of keyed must be a string')
    expect(await one.tryRun(key as never, () => 1)).toMatchObject({ ok: false, error: expect.any(TypeError) as unknown, attempts: 0 })
    expect(() => one.get(key as never)).toThrow(TypeError)
    expect(() => one.delete(key as never)).toThrow(TypeError)
    expect(one.size).toBe(0)
  })

  it('a function that is none, or a wrong grace, is told as in a pipeline', async () => {
    const { one, pass, clock } = family({ max: 1, idleMs: 0 })
    await expect(one.run('a', 5 as never)).rejects.toThrow(TypeError)
    // Its pipeline was made, and can go.
    await clock.advance(1)
    expect(await pass('b')).toEqual(['tenant b'])
    expect(() => one.close({ graceMs: -1 })).toThrow(RangeError)
    expect(() => one.close({ grace: 1 } as never)).toThrow(TypeError)
    expect(await pass('b')).toEqual(['tenant b'])
    expect(() => one.on('call.settled', 5 as never)).toThrow(TypeError)
  })

  it('the user’s options are not written to', () => {
    const options = Object.freeze({ max: 5, observers: Object.freeze([]) })
    expect(() => keyed(() => pipeline('x', []), options)).not.toThrow()
  })
})
