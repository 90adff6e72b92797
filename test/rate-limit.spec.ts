import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  type AnyEvent, attempt, breaker, bulkhead, fallback, type Guard, pipeline, PipelineClosedError, type Policy, rateLimit, type RateLimit, RateLimitedError, type RateLimitOptions, Refusal, RejectedError, retry, settled, timeout,
} from 'spillway'
import { jobs, logged, no, on, watch } from './support/guards.ts'
import { countingClock } from './support/counting-clock.ts'

function room(options: Partial<RateLimitOptions> = {}, outside: readonly Policy[] = []) {
  const limit = rateLimit({ permits: 2, everyMs: 1_000, ...options })
  const made = { limit, ...jobs(), ...on([...outside, limit]) }
  const started: string[] = []
  /** A call with a name, which writes down when it starts. */
  const call = (name: string, more: object = {}) => watch(made.pipeline.run(() => (started.push(`${name}@${made.clock.now()}`), name), more))
  return { ...made, started, call }
}

/** What a server says that wants to be left alone. */
const busy = (retryAfterMs: number): Error => Object.assign(new Error('too many'), { status: 429, retryAfterMs })

describe('rateLimit', () => {
  it('lets as many start as there are permits, and refuses the next at once', async () => {
    const { limit, pipeline, call, started } = room()
    call('a')
    call('b')
    const error = await pipeline.run(() => 'never').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(RateLimitedError)
    expect(error).toBeInstanceOf(RejectedError)
    expect(error).toMatchObject({ message: 'Cannot call "quotes": the rate limit of 2 per 1 s is reached, for 500 ms more', code: 'RATE_LIMITED', policy: 'rateLimit', pipeline: 'quotes', attempts: 0, retryAfterMs: 500 })
    expect([started.length, limit.available]).toEqual([2, 0])
  })

  it('one more may start whenever its permit is due', async () => {
    const { clock, call, started } = room()
    for (let ms = 0; ms < 2_000; ms += 100) {
      call(String(ms))
      await clock.advance(100)
    }
    expect(started).toEqual(['0@0', '100@100', '500@500', '1000@1000', '1500@1500'])
  })

  it('after retryAfterMs, a whole number of ms, one may start, and not a ms before', async () => {
    const { clock, pipeline } = room({ permits: 3, everyMs: 1_000, burst: 1 })
    for (const fraction of [0, 0.1, 0.3, 0.7, 0.999]) {
      await pipeline.run(() => 'fine')
      await clock.advance(fraction)
      const error = await pipeline.run(() => 'never').catch((thrown: unknown) => thrown)
      const { retryAfterMs } = error as RateLimitedError
      expect(retryAfterMs).toBe(Math.ceil(1_000 / 3 - fraction))
      await clock.advance(retryAfterMs! - 1)
      await expect(pipeline.run(() => 'never')).rejects.toThrow(RateLimitedError)
      await clock.advance(1)
    }
    expect(await pipeline.run(() => 'fine')).toBe('fine')
  })

  it('retryAfterMs is never too short, whatever the fractions of the clock', async () => {
    for (let i = 0; i < 300; i++) {
      const { clock, pipeline, limit } = room({ permits: 1 + (i % 13), everyMs: 100 + i / 7, burst: 1 })
      await clock.advance(1e9 * Math.sin(i) ** 2)
      await pipeline.run(() => 'fine')
      await clock.advance(i / 300)
      const { error } = (await pipeline.tryRun(() => 'never')) as { error: RateLimitedError }
      clock.tick(error.retryAfterMs!)
      expect(limit.available).toBe(1)
    }
  })

  it('burst is how many start at one moment; 1 spaces them evenly', async () => {
    const { clock, call, started } = room({ permits: 10, everyMs: 1_000, burst: 1 })
    for (let ms = 0; ms < 300; ms += 10) {
      call('x')
      await clock.advance(10)
    }
    expect(started).toEqual(['x@0', 'x@100', 'x@200'])
    const { limit } = room({ permits: 10, everyMs: 1_000, burst: 50 })
    expect(limit.available).toBe(50)
  })

  it('a wall clock has no windows: no double burst at the turn of one', async () => {
    const { clock, call, started } = room({ permits: 5, everyMs: 1_000 })
    await clock.advance(999)
    for (let i = 0; i < 10; i++) call('x')
    await clock.advance(2)
    for (let i = 0; i < 10; i++) call('x')
    expect(started.length).toBe(5)
  })

  it('counts what starts, however it ends', async () => {
    const { limit, pipeline } = room()
    await pipeline.tryRun(() => Promise.reject(new Error('down')))
    await pipeline.run(() => 'fine')
    expect(limit.available).toBe(0)
  })

  it('who is refused further in gives the permit back', async () => {
    const limit = rateLimit({ permits: 1, everyMs: 1_000 })
    let open = false
    const { pipeline } = on([limit, logged([], 'gate', { admit: () => (open ? {} : no('gate')) })])
    for (let i = 0; i < 3; i++) await expect(pipeline.run(() => 'never')).rejects.toMatchObject({ policy: 'gate' })
    expect(limit.available).toBe(1)
    open = true
    expect(await pipeline.run(() => 'fine')).toBe('fine')
    expect(limit.available).toBe(0)
  })

  it('who waits in vain in a queue further in gives it back too, never above burst', async () => {
    const limit = rateLimit({ permits: 2, everyMs: 1_000 })
    const { pipeline, clock } = on([limit, bulkhead({ slots: 1, queue: 1, maxWaitMs: 50 })])
    watch(pipeline.run(() => new Promise(() => {})))
    watch(pipeline.run(() => 'never'))
    expect(limit.available).toBe(0)
    await clock.advance(50)
    expect(limit.available).toBe(1)
    await clock.advance(10_000)
    expect(limit.available).toBe(2)
  })

  it('each attempt of a retry takes a permit; around the retry each call does', async () => {
    const inside = rateLimit({ permits: 10, everyMs: 1_000 })
    const outside = rateLimit({ permits: 10, everyMs: 1_000, name: 'calls' })
    const { pipeline, clock } = on([outside, retry({ maxAttempts: 3, backoff: () => 1 }), inside])
    const answer = watch(pipeline.run(() => Promise.reject(new Error('down'))))
    await clock.advance(2)
    expect(answer.state).toBe('rejected')
    expect([outside.available, inside.available]).toEqual([9, 7])
  })

  it('is one limit in two pipelines', async () => {
    const { limit, pipeline: one, clock } = room({ permits: 1 })
    const other = pipeline('other', [limit], { clock })
    await one.run(() => 'fine')
    await expect(other.run(() => 'never')).rejects.toMatchObject({ pipeline: 'other', retryAfterMs: 1_000 })
  })

  it('0 permits let nobody start, Infinity everybody', async () => {
    const none = room({ permits: 0, queue: 5, maxWaitMs: Infinity })
    const error = await none.pipeline.run(() => 'never').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ message: 'Cannot call "quotes": the rate limit of 0 per 1 s is reached', retryAfterMs: undefined })
    expect([none.limit.pressure!(), none.clock.armed]).toEqual([1, 0])
    const all = room({ permits: Infinity })
    for (let i = 0; i < 1_000; i++) all.call('x')
    expect([all.started.length, all.limit.available, all.limit.pressure!()]).toEqual([1_000, Infinity, 0])
  })

  it('its pressure is the share of the burst that is used up', async () => {
    const { limit, call, clock } = room({ permits: 4, everyMs: 1_000 })
    expect(limit.pressure!()).toBe(0)
    for (const name of 'abc') call(name)
    expect(limit.pressure!()).toBe(0.75)
    await clock.advance(500)
    expect(limit.pressure!()).toBe(0.25)
    for (const mode of ['observe', 'off'] as const) {
      limit.update({ mode })
      expect(limit.pressure!()).toBe(0)
    }
  })

  it('`observe` refuses nobody and tells what it would have refused', async () => {
    const { limit, pipeline, call, started } = room({ mode: 'observe', queue: 5 })
    const events: AnyEvent[] = []
    pipeline.on('refusal.observed', (event) => events.push(event))
    for (const name of 'abc') call(name)
    expect([started.length, limit.available, limit.queued]).toEqual([3, 0, 0])
    expect(events).toMatchObject([{ policy: 'rateLimit', error: 'RateLimitedError', reason: 'the rate limit of 2 per 1 s is reached, for 500 ms more', retryAfterMs: 500 }])
  })

  it('`off` takes no part', async () => {
    const { limit, call, started, pipeline } = room({ mode: 'off' })
    for (const name of 'abc') call(name)
    await pipeline.tryRun(() => Promise.reject(busy(5_000)))
    expect([started.length, limit.available]).toEqual([3, 2])
  })

  it('works without a pipeline, in two steps: nobody can wait there', () => {
    const limit = rateLimit({ permits: 1, everyMs: 1_000, queue: 5 })
    expect(limit.available).toBe(1)
    const { manual: clock } = countingClock()
    const ask = (): object => limit.admit(attempt({ clock }))
    const first = attempt({ clock })
    const permit = limit.admit(first)
    expect([permit instanceof Refusal, ask() instanceof Refusal, limit.available]).toEqual([false, true, 0])
    limit.settle?.(permit, settled('unused', first), first)
    expect(limit.available).toBe(1)
    expect(ask()).not.toBeInstanceOf(Refusal)
    clock.tick(1_000)
    expect(ask()).not.toBeInstanceOf(Refusal)
    limit.update({ permits: 5 })
    clock.tick(200)
    expect([ask() instanceof Refusal, ask() instanceof Refusal]).toEqual([false, true])
  })

  it('settles no permit but its own', () => {
    const { limit, clock } = room()
    const one = attempt({ clock })
    limit.admit(one)
    limit.settle!({}, settled('unused', one), one)
    expect(limit.available).toBe(1)
  })

  it('costs one clock read per call, and no timer', async () => {
    const clock = countingClock()
    const { pipeline } = on([rateLimit({ permits: 100, everyMs: 1_000 })], { clock: clock as never })
    await pipeline.run(() => 'fine')
    clock.reads = 0
    await pipeline.run(() => 'fine')
    expect([clock.reads, clock.timers]).toEqual([1, 0])
  })
})

describe('rateLimit › Retry-After', () => {
  it('nothing starts until the dependency wants to hear again', async () => {
    const { limit, pipeline, clock, call, started } = room({ permits: 10 })
    await pipeline.tryRun(() => Promise.reject(busy(5_000)))
    const refused = call('early')
    await clock.flush()
    expect(refused.error).toMatchObject({ message: 'Cannot call "quotes": it asked to be left alone, for 5000 ms more', retryAfterMs: 5_000 })
    expect([limit.available, limit.pressure!()]).toEqual([0, 1])
    await clock.advance(4_999)
    call('early')
    await clock.advance(1)
    expect(limit.available).toBe(1)
    call('in time')
    call('too many')
    expect(started).toEqual(['in time@5000'])
    await clock.advance(100)
    expect(limit.available).toBe(1)
  })

  it('a retry that waits as long as it was told passes', async () => {
    const limit = rateLimit({ permits: 1, everyMs: 1_000 })
    const { pipeline, clock } = on([retry({ maxAttempts: 2, backoff: () => 0 }), limit])
    let n = 0
    const answer = watch(pipeline.run(() => (++n === 1 ? Promise.reject(busy(3_000)) : Promise.resolve('fine'))))
    await clock.advance(3_000)
    expect(answer.value).toBe('fine')
  })

  it('is followed for maxRetryAfterMs at most; 0 follows none', async () => {
    for (const [maxRetryAfterMs, untilMs] of [[undefined, 60_000], [2_000, 2_000], [0, 0]] as const) {
      const { limit, pipeline, clock } = room({ permits: 10, maxRetryAfterMs })
      await pipeline.tryRun(() => Promise.reject(busy(3_600_000)))
      if (untilMs > 0) {
        await clock.advance(untilMs - 1)
        expect(limit.available).toBe(0)
        await clock.advance(1)
      }
      expect(limit.available).toBeGreaterThan(0)
    }
  })

  it('the longest of several holds', async () => {
    const { limit, pipeline, clock } = room({ permits: 10 })
    const works = [2_000, 5_000, 1_000].map((ms) => pipeline.tryRun(() => Promise.reject(busy(ms))))
    await Promise.all(works)
    await clock.advance(4_999)
    expect(limit.available).toBe(0)
    await clock.advance(1)
    expect(limit.available).toBe(1)
  })

  it('a success may ask for a pause as well; a refusal further in asks for none', async () => {
    const limit = rateLimit({ permits: 10, everyMs: 1_000 })
    const { pipeline } = on([limit], { classify: () => ({ verdict: 'success', retryAfterMs: 700 }) })
    await pipeline.run(() => 'fine')
    expect(limit.available).toBe(0)
    const other = rateLimit({ permits: 10, everyMs: 1_000 })
    const refused = on([other, retry(), logged([], 'gate', { admit: () => no('gate', 700) })])
    await refused.pipeline.tryRun(() => 'never')
    expect(other.available).toBe(10)
  })

  it('switched off meanwhile, it learns nothing of what had begun before', async () => {
    const { limit, pipeline, all, work, clock } = room({ permits: 10 })
    watch(pipeline.run(work))
    limit.update({ mode: 'off' })
    all[0]!.fail(busy(5_000))
    await clock.flush()
    expect(limit.available).toBe(9)
  })

  it('who waits, and would now wait too long, is refused at once; the others go on waiting', async () => {
    const { limit, pipeline, clock, started } = room({ permits: 2, queue: 10, maxWaitMs: 5_000 })
    const { all, work } = jobs()
    watch(pipeline.run(work))
    watch(pipeline.run(work))
    const waiters = 'abcd'.split('').map((name) => watch(pipeline.run(() => started.push(`${name}@${clock.now()}`))))
    all[0]!.fail(busy(4_200))
    await clock.flush()
    expect(waiters.map(({ name }) => name)).toEqual(['', '', 'RateLimitedError', 'RateLimitedError'])
    expect(waiters[3]!.error).toMatchObject({ retryAfterMs: 5_200 })
    expect([limit.queued, clock.armed]).toEqual([2, 1])
    await clock.advance(5_000)
    expect([started, limit.queued, clock.pending]).toEqual([['a@4200', 'b@4700'], 0, 0])
  })
})

describe('rateLimit › queue', () => {
  it('who finds no permit waits until one is due, first come, first served', async () => {
    const { limit, clock, call, started } = room({ queue: 10, maxWaitMs: 5_000 })
    for (const name of 'abcde') call(name)
    expect([started.length, limit.queued, clock.armed]).toEqual([2, 3, 1])
    await clock.advance(10_000)
    expect(started).toEqual(['a@0', 'b@0', 'c@500', 'd@1000', 'e@1500'])
    expect([limit.queued, clock.pending]).toEqual([0, 0])
  })

  it('nobody is overtaken, not even when a timer is late', async () => {
    const { limit, clock, call, started } = room({ queue: 10 })
    for (const name of 'abc') call(name)
    // An event loop that was blocked: time has passed, timers have not come by.
    const { now } = clock
    clock.now = () => now.call(clock) + 500
    call('d')
    await clock.flush()
    clock.now = now
    expect([started.map((name) => name[0]).join(''), limit.queued]).toEqual(['abc', 1])
    await clock.advance(1_000)
    expect(started.map((name) => name[0]).join('')).toBe('abcd')
  })

  it('a full queue refuses at once, and says when a permit is there for one more', async () => {
    const { call, clock } = room({ queue: 1, maxWaitMs: 5_000 })
    const answers = 'abcd'.split('').map((name) => call(name))
    await clock.flush()
    expect(answers[3]!.error).toMatchObject({ retryAfterMs: 1_000 })
  })

  it('who would wait longer than maxWaitMs, or past its deadline, is refused at once instead', async () => {
    const { limit, call, clock, started } = room({ queue: 10, maxWaitMs: 1_000 })
    call('a')
    call('b')
    const hurried = call('hurried', { timeoutMs: 400 })
    const answers = 'cde'.split('').map((name) => call(name))
    await clock.flush()
    expect(hurried.error).toMatchObject({ retryAfterMs: 500 })
    expect(answers.map(({ name }) => name)).toEqual(['', '', 'RateLimitedError'])
    expect(limit.queued).toBe(2)
    await clock.advance(1_000)
    expect(started).toEqual(['a@0', 'b@0', 'c@500', 'd@1000'])
  })

  it('a timeout outside bounds the wait as well', async () => {
    const { call, clock } = room({ queue: 10, maxWaitMs: 5_000 }, [timeout(700)])
    for (const name of 'abc') call(name)
    const last = call('d')
    await clock.flush()
    expect(last.error).toMatchObject({ name: 'RateLimitedError', retryAfterMs: 1_000 })
  })

  it('who is aborted leaves at once, and those behind move up', async () => {
    const { limit, call, clock, started } = room({ queue: 10, maxWaitMs: 5_000 })
    const controller = new AbortController()
    for (const name of 'ab') call(name)
    const gone = call('gone', { signal: controller.signal })
    call('c')
    await clock.advance(100)
    controller.abort('gone')
    expect(limit.queued).toBe(1)
    await clock.advance(400)
    expect([gone.error, started.at(-1)]).toEqual(['gone', 'c@500'])
  })

  it('when the last one leaves no timer is left', async () => {
    const { limit, call, clock } = room({ queue: 10 })
    const controller = new AbortController()
    for (const name of 'ab') call(name)
    call('gone', { signal: controller.signal })
    expect(clock.pending).toBe(1)
    controller.abort()
    await clock.flush()
    expect([limit.queued, clock.pending]).toEqual([0, 0])
  })

  it('who is aborted after the permit was handed over gives it to the next', async () => {
    const { limit, call, clock, started } = room({ permits: 1, queue: 10, maxWaitMs: 5_000 })
    const controller = new AbortController()
    call('a')
    const gone = call('gone', { signal: controller.signal })
    call('b')
    clock.tick(1_000)
    expect(limit.queued).toBe(1)
    controller.abort('gone')
    expect(limit.queued).toBe(0)
    await clock.flush()
    expect([started, gone.error]).toEqual([['a@0', 'b@1000'], 'gone'])
  })

  it('a permit that comes back goes to who waits, at once', async () => {
    const limit = rateLimit({ permits: 1, everyMs: 1_000, queue: 5 })
    const slots = bulkhead({ slots: 0, queue: 1, maxWaitMs: 100 })
    const { pipeline: inner, clock } = on([limit, slots])
    const plain = pipeline('plain', [limit], { clock })
    // It has the permit, and waits in vain for a slot.
    const vain = watch(inner.run(() => 'never'))
    const waiter = watch(plain.run(() => clock.now()))
    expect([slots.queued, limit.queued]).toEqual([1, 1])
    await clock.advance(100)
    expect([vain.name, waiter.value, limit.queued, clock.pending]).toEqual(['BulkheadFullError', 100, 0, 0])
  })

  it('in its own async context', async () => {
    const who = new AsyncLocalStorage<string>()
    const { pipeline, clock } = room({ permits: 1, queue: 5 })
    await who.run('first', () => pipeline.run(() => who.getStore()))
    const second = who.run('second', () => pipeline.run(() => who.getStore()))
    await clock.advance(1_000)
    expect(await second).toBe('second')
  })

  it('close() ends the wait', async () => {
    const { limit, pipeline, call, clock } = room({ queue: 5 })
    for (const name of 'ab') call(name)
    const waiter = call('c')
    await pipeline.close()
    await clock.flush()
    expect([waiter.error, limit.queued, clock.pending]).toEqual([expect.any(PipelineClosedError), 0, 0])
  })

  it('a fallback answers who is refused', async () => {
    const { pipeline } = on([fallback(() => 'instead'), rateLimit({ permits: 1, everyMs: 1_000 })])
    expect([await pipeline.run(() => 'first'), await pipeline.run(() => 'second')]).toEqual(['first', 'instead'])
  })

  it('ten thousand waiters share one timer', async () => {
    const { limit, clock, call } = room({ permits: 1_000, everyMs: 1_000, queue: Infinity, maxWaitMs: Infinity })
    for (let i = 0; i < 11_000; i++) call('x')
    expect([limit.queued, clock.armed]).toEqual([10_000, 1])
    clock.tick(10_000)
    await clock.flush()
    expect([limit.queued, clock.pending]).toEqual([0, 0])
  })

  it.each<[string, (limit: RateLimit, call: () => void) => void, string, number]>([
    ['raises the limit', (limit) => limit.update({ permits: 1_000_000, everyMs: 1e-3 }), 'pending', 1],
    ['takes the last place', (_limit, call) => call(), 'rejected', 1],
    ['closes the queue', (limit) => limit.update({ queue: 0 }), 'rejected', 0],
    ['switches it off', (limit) => limit.update({ mode: 'off' }), 'fulfilled', 0],
    ['only listens', () => {}, 'pending', 1],
  ])('a listener that %s while somebody is on the way into the queue is heeded', async (_what, happens, state, queued) => {
    const { limit, call, clock } = room({ permits: 1, queue: 1 })
    call('a')
    const other = pipeline('other', [bulkhead({ slots: 0, mode: 'observe' }), limit], { clock, onWarning: () => {} })
    other.on('refusal.observed', () => happens(limit, () => call('first')))
    const answer = watch(other.run(() => 'done'))
    await clock.flush()
    expect([answer.state, limit.queued]).toEqual([state, queued])
    await clock.runAll()
    expect([limit.queued, clock.pending]).toEqual([0, 0])
  })
})

describe('rateLimit › update', () => {
  it('what is there stays, as far as the new burst has room, and fills at the new pace', async () => {
    const { limit, clock, call } = room({ permits: 10 })
    for (const name of 'abcd') call(name)
    limit.update({ burst: 3 })
    expect(limit.available).toBe(3)
    limit.update({ burst: 20, permits: 5 })
    expect(limit.available).toBe(3)
    await clock.advance(400)
    expect(limit.available).toBe(5)
  })

  it('burst follows permits unless it was said', () => {
    const { limit } = room()
    limit.update({ permits: 7 })
    expect(limit.options).toMatchObject({ permits: 7, burst: 7 })
    limit.update({ burst: 3 })
    limit.update({ permits: 9 })
    expect(limit.options).toMatchObject({ permits: 9, burst: 3 })
  })

  it('a faster pace serves who waits sooner', async () => {
    const { limit, clock, call, started } = room({ permits: 1, queue: 5, maxWaitMs: 5_000 })
    for (const name of 'abc') call(name)
    await clock.advance(100)
    limit.update({ permits: 10 })
    await clock.advance(200)
    expect(started).toEqual(['a@0', 'b@190', 'c@290'])
  })

  it('without a limit any more they start at once', () => {
    const { limit, call, clock } = room({ permits: 1, queue: 5, maxWaitMs: 5_000 })
    for (const name of 'abc') call(name)
    limit.update({ permits: Infinity })
    expect([limit.queued, clock.pending]).toEqual([0, 0])
  })

  it('a slower one refuses at once who would wait too long', async () => {
    const { limit, clock, call, started } = room({ permits: 1, queue: 5, maxWaitMs: 2_000 })
    const answers = 'abc'.split('').map((name) => call(name))
    await clock.advance(500)
    limit.update({ everyMs: 2_000 })
    await clock.flush()
    expect(answers.map(({ name }) => name)).toEqual(['', '', 'RateLimitedError'])
    await clock.runAll()
    expect(started).toEqual(['a@0', 'b@1500'])
    const endless = room({ permits: 1, queue: 5, maxWaitMs: Infinity })
    for (const name of 'ab') endless.call(name)
    endless.limit.update({ permits: 0 })
    expect([endless.limit.queued, endless.clock.pending]).toEqual([0, 0])
  })

  it.each(['observe', 'off'] as const)('mode %s lets everybody go who waits', async (mode) => {
    const { limit, clock, call, started } = room({ queue: 5, maxWaitMs: 5_000 })
    for (const name of 'abcd') call(name)
    limit.update({ mode })
    await clock.flush()
    expect([started.length, limit.queued, clock.pending]).toEqual([4, 0, 0])
  })

  it('a shorter queue drops nobody who is in it; another maxWaitMs is for who comes from now on', async () => {
    const { limit, clock, call, started } = room({ queue: 5, maxWaitMs: 5_000 })
    for (const name of 'abcd') call(name)
    limit.update({ queue: 0, maxWaitMs: 1 })
    await clock.advance(1_000)
    expect(started).toEqual(['a@0', 'b@0', 'c@500', 'd@1000'])
  })

  it('is checked as a whole, and a wrong one changes nothing', () => {
    const { limit } = room()
    const before = limit.options
    for (const change of [{ permits: -1 }, { permits: 5, mode: 'of' }, { permit: 4 }, { burst: 0 }, { burst: Infinity }, { everyMs: 0 }, null, 4]) {
      expect(() => limit.update(change as never)).toThrow(/rateLimit/)
    }
    limit.update({ permits: undefined } as never)
    expect(limit.options).toEqual(before)
    expect(() => limit.update({ name: 'other' } as never)).toThrow(/rateLimit has no option "name"/)
  })
})

describe('rateLimit › options', () => {
  it('have these defaults', () => {
    expect(rateLimit({ permits: 5, everyMs: 1_000 }).options).toEqual({ permits: 5, everyMs: 1_000, burst: 5, queue: 0, maxWaitMs: 1_000, maxRetryAfterMs: 60_000, mode: 'enforce', name: 'rateLimit' })
  })

  it('of the user are never written to', () => {
    const options = Object.freeze({ permits: 5, everyMs: 1_000 })
    const limit = rateLimit(options)
    limit.update(Object.freeze({ permits: 6 }))
    expect([options, Object.isFrozen(limit.options)]).toEqual([{ permits: 5, everyMs: 1_000 }, true])
  })

  const fine = { permits: 5, everyMs: 1_000 }
  const wrong: [unknown, RegExp, 'RangeError' | 'TypeError'][] = [
    [undefined, /rateLimit\.permits must be a whole number from 0 on, got undefined/, 'TypeError'],
    [{ permits: 5 }, /rateLimit\.everyMs must be a finite number over 0, got undefined/, 'TypeError'],
    [5, /rateLimit options must be an object, got 5/, 'TypeError'],
    [null, /rateLimit options must be an object, got null/, 'TypeError'],
    [{ ...fine, permits: -1 }, /rateLimit\.permits .* got -1/, 'RangeError'],
    [{ ...fine, permits: 0.5 }, /rateLimit\.permits must be a whole number from 0 on, got 0\.5/, 'RangeError'],
    [{ ...fine, permits: NaN }, /rateLimit\.permits .* got NaN/, 'RangeError'],
    [{ ...fine, permits: '5' }, /rateLimit\.permits .* got "5"/, 'TypeError'],
    [{ ...fine, everyMs: 0 }, /rateLimit\.everyMs must be a finite number over 0, got 0/, 'RangeError'],
    [{ ...fine, everyMs: Infinity }, /rateLimit\.everyMs .* got Infinity/, 'RangeError'],
    [{ ...fine, everyMs: NaN }, /rateLimit\.everyMs .* got NaN/, 'RangeError'],
    [{ ...fine, burst: 0 }, /rateLimit\.burst must be a whole number from 1 on, got 0/, 'RangeError'],
    [{ ...fine, burst: 1.5 }, /rateLimit\.burst must be a whole number from 1 on, got 1\.5/, 'RangeError'],
    [{ ...fine, burst: Infinity }, /rateLimit\.burst must be finite, as permits is, got Infinity/, 'RangeError'],
    [{ ...fine, queue: -1 }, /rateLimit\.queue must be a whole number from 0 on, got -1/, 'RangeError'],
    [{ ...fine, queue: true }, /rateLimit\.queue .* got true/, 'TypeError'],
    [{ ...fine, maxWaitMs: -1 }, /rateLimit\.maxWaitMs must be a number from 0 on, got -1/, 'RangeError'],
    [{ ...fine, maxWaitMs: NaN }, /rateLimit\.maxWaitMs .* got NaN/, 'RangeError'],
    [{ ...fine, maxRetryAfterMs: -1 }, /rateLimit\.maxRetryAfterMs must be a number from 0 on, got -1/, 'RangeError'],
    [{ ...fine, maxRetryAfterMs: '60s' }, /rateLimit\.maxRetryAfterMs .* got "60s"/, 'TypeError'],
    [{ ...fine, mode: 'on' }, /rateLimit\.mode must be one of 'enforce', 'observe', 'off'.*, got "on"/, 'RangeError'],
    [{ ...fine, name: '' }, /rateLimit\.name must be a string that is not empty, got ""/, 'TypeError'],
    [{ permit: 5, everyMs: 1_000 }, /rateLimit has no option "permit"; did you mean "permits"\?/, 'TypeError'],
    [{ permits: 5, everyMS: 1_000 }, /rateLimit has no option "everyMS"; did you mean "everyMs"\?/, 'TypeError'],
    [{ ...fine, perSecond: 5 }, /rateLimit has no option "perSecond"/, 'TypeError'],
  ]
  it.each(wrong)('rateLimit(%o) is refused at build', (options, message, name) => {
    expect(() => rateLimit(options as never)).toThrow(message)
    expect(() => rateLimit(options as never)).toThrow(expect.objectContaining({ name }))
  })

  const warned = (list: readonly Policy[]): readonly string[] => pipeline('quotes', list, { onWarning: () => {} }).describe().warnings
  it.each<[string, readonly Policy[], RegExp | undefined]>([
    ['a queue inside the breaker', [breaker({ name: 'fuse' }), rateLimit({ ...fine, queue: 5 })], /rateLimit: put the queue outside the breaker "fuse"/],
    ['a queue outside the breaker', [rateLimit({ ...fine, queue: 5 }), breaker()], undefined],
    ['no queue inside the breaker', [breaker(), rateLimit(fine)], undefined],
    ['a maxWaitMs without a queue', [rateLimit({ ...fine, maxWaitMs: 50, name: 'quota' })], /quota: maxWaitMs says nothing without a queue/],
    ['a wait that is too short for a single permit', [rateLimit({ permits: 1, everyMs: 2_000, queue: 5 })], /one permit comes in 2 s, maxWaitMs is 1 s/],
  ])('the build warns: %s', (_what, list, message) => {
    const warnings = warned(list)
    if (message === undefined) expect(warnings).toEqual([])
    else expect(warnings).toEqual([expect.stringMatching(message)])
  })

  it('have types', () => {
    expectTypeOf(rateLimit).parameter(0).toEqualTypeOf<RateLimitOptions>()
    expectTypeOf<RateLimit>().toExtend<Guard>()
    // @ts-expect-error -- neither has a default
    expect(() => rateLimit({ permits: 5 })).toThrow(TypeError)
    // @ts-expect-error -- a limit keeps its name
    expect(() => rateLimit(fine).update({ name: 'other' })).toThrow(TypeError)
    // @ts-expect-error -- a word that it does not know
    expect(() => rateLimit({ ...fine, mode: 'on' })).toThrow(RangeError)
  })
})
