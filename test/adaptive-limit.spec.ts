import { describe, expect, it } from 'vitest'
import {
  adaptiveLimit, type AdaptiveLimitOptions, type AnyEvent, attempt, breaker, bulkhead, BulkheadFullError, DeadlinePassedError, pipeline, type Policy, type Priority, Refusal, RejectedError, settled, timeout,
} from 'spillway'
import { manualClock } from 'spillway/testing'
import { jobs, logged, no, on, watch } from './support/guards.ts'

const overload = (): Error => Object.assign(new Error('busy'), { status: 503 })

function room(options: AdaptiveLimitOptions = {}, outside: readonly Policy[] = [], inside: readonly Policy[] = []) {
  const limit = adaptiveLimit(options)
  const made = { limit, ...jobs(), ...on([...outside, limit, ...inside]) }
  const events: AnyEvent[] = []
  limit.on('*', (event) => events.push(event))
  const started: string[] = []
  /** A call with a name, which writes down when it starts. */
  const call = (name: string, priority: Priority = 'critical', more: object = {}) => watch(made.pipeline.run((one) => (started.push(name), made.work(one)), { priority, ...more }))
  const end = async (error?: Error): Promise<void> => {
    const job = made.all.shift()!
    if (error === undefined) job.succeed()
    else job.fail(error)
    await made.clock.flush()
  }
  /** So many calls one after the other that take so long each. */
  const serve = async (times: number, tookMs: number, error?: Error): Promise<void> => {
    for (let i = 0; i < times; i++) {
      call('one')
      await made.clock.advance(tookMs)
      await end(error)
    }
  }
  return { ...made, events, started, call, end, serve }
}

const even = { critical: 1, high: 1, normal: 1, low: 1 }

describe('adaptiveLimit', () => {
  it('lets as many through as the limit says, and refuses the next at once', async () => {
    const { limit, pipeline, call } = room({ start: 2, room: even })
    call('a')
    call('b')
    const error = await pipeline.run(() => 'never').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(BulkheadFullError)
    expect(error).toBeInstanceOf(RejectedError)
    expect(error).toMatchObject({ message: 'Cannot call "quotes": 2 are in flight, no room for priority normal within the limit of 2', policy: 'adaptiveLimit', retryAfterMs: undefined })
    expect([limit.inFlight, limit.queued, limit.limit, limit.pressure!()]).toEqual([2, 0, 2, 1])
  })

  it('each priority fills its share of the limit, and critical calls overdraw it by half', () => {
    const { limit, call } = room({ start: 10 })
    const most = (priority: Priority): number => {
      while (call('x', priority).state === 'pending' && limit.inFlight < 100) {
        const before = limit.inFlight
        call('x', priority)
        if (limit.inFlight === before) break
      }
      return limit.inFlight
    }
    expect((['low', 'normal', 'high', 'critical'] as const).map(most)).toEqual([5, 7, 9, 15])
  })

  it('a trial of a breaker is as important as it gets', async () => {
    const limit = adaptiveLimit({ start: 1, min: 1 })
    const gate = breaker({ consecutive: 1, breakMs: () => 10 })
    const { pipeline, clock, all, work } = { ...on([gate, limit]), ...jobs() }
    watch(pipeline.run(work, { priority: 'low' }))
    watch(pipeline.run(work, { priority: 'critical' }))
    expect(limit.inFlight).toBe(2)
    all[0]!.fail()
    await clock.advance(10)
    expect(limit.inFlight).toBe(1)
    watch(pipeline.run(work, { priority: 'low' }))
    expect([limit.inFlight, gate.state]).toEqual([2, 'halfOpen'])
  })

  it('successes raise it by one per round trip, while at least half of it is in use', async () => {
    const { limit, call, end } = room({ start: 10, room: even })
    for (let i = 0; i < 10; i++) call('x')
    for (let i = 0; i < 10; i++) {
      await end()
      call('x')
    }
    expect(limit.limit).toBeGreaterThan(10.9)
    expect(limit.limit).toBeLessThan(11)
  })

  it('stays where it is while less than half of it is in use', async () => {
    const { limit, serve } = room({ start: 10 })
    await serve(50, 10)
    expect(limit.limit).toBe(10)
  })

  it('a drop takes 30 %, not more often than every 500 ms', async () => {
    const { limit, serve } = room({ start: 10 })
    await serve(1, 1, overload())
    expect(limit.limit).toBeCloseTo(7)
    await serve(5, 90, overload())
    expect(limit.limit).toBeCloseTo(7)
    await serve(1, 50, overload())
    expect(limit.limit).toBeCloseTo(4.9)
  })

  it('a timeout further in is a drop', async () => {
    const { limit, call, clock } = room({ start: 10 }, [], [timeout(100)])
    call('hangs')
    await clock.advance(100)
    expect(limit.limit).toBeCloseTo(7)
    expect(limit.inFlight).toBe(1)
  })

  it('plain failures and what the caller ended teach it nothing', async () => {
    const { limit, serve, pipeline, work, all, clock } = room({ start: 1 })
    await serve(20, 10, new Error('bug'))
    const controller = new AbortController()
    watch(pipeline.run(work, { signal: controller.signal }))
    controller.abort('gone')
    all.pop()!.fail(overload())
    await clock.flush()
    expect([limit.limit, limit.inFlight]).toEqual([1, 0])
  })

  it('a refusal further in teaches it nothing and gives the place back', async () => {
    const { limit, pipeline } = room({ start: 1 }, [], [logged([], 'gate', { admit: () => no() })])
    await pipeline.tryRun(() => 'never')
    expect([limit.limit, limit.inFlight]).toEqual([1, 0])
  })

  it('never leaves its bounds', async () => {
    const { limit, serve, call, end } = room({ start: 4, min: 3, max: 5, room: even })
    await serve(10, 500, overload())
    expect(limit.limit).toBe(3)
    for (let i = 0; i < 3; i++) call('x')
    for (let i = 0; i < 30; i++) {
      await end()
      call('x')
      call('x')
    }
    expect(limit.limit).toBe(5)
  })

  it('results that take 2.5 times as long as they did with room bring it down, without any drop', async () => {
    const { limit, call, clock, end } = room({ start: 8, room: even })
    const load = async (tookMs: number, rounds: number): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        while (limit.inFlight < limit.limit) call('x')
        await clock.advance(tookMs)
        while (limit.inFlight > 0) await end()
      }
    }
    await load(50, 40)
    const before = limit.limit
    await load(100, 20)
    expect(limit.limit).toBeGreaterThanOrEqual(before)
    // The window that began before the change, and the first of its own.
    await load(140, 8)
    const wide = limit.limit
    await load(140, 8)
    expect(limit.limit / wide).toBeCloseTo((125 / 140) ** 2, 1)
    expect(limit.limit).toBeLessThan(wide)
  })

  it('results that stay slow though it came down become the measure, step by step', async () => {
    const { limit, call, clock, end } = room({ start: 20, room: even })
    const load = async (tookMs: number, rounds: number): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        while (limit.inFlight < limit.limit) call('x')
        await clock.advance(tookMs)
        while (limit.inFlight > 0) await end()
      }
    }
    await load(50, 40)
    // Six times slower for good, however few are in flight.
    await load(300, 50)
    expect(limit.limit).toBe(1)
    // From 50 over 75 and 112 to 168 within 45 s of that: then 300 is no longer slow.
    await load(300, 300)
    expect(limit.limit).toBeGreaterThan(5)
  })

  it('a place is held until the work of a timed-out attempt really ends', async () => {
    const { limit, call, clock, end, pipeline } = room({ start: 1, room: even }, [], [timeout(50)])
    const late = call('hangs')
    await clock.advance(50)
    expect([late.name, limit.inFlight]).toEqual(['TimeoutError', 1])
    await expect(pipeline.run(() => 'never')).rejects.toThrow(BulkheadFullError)
    await end()
    expect(limit.inFlight).toBe(0)
  })

  it('a limit below what is in flight drops nobody and blocks nobody for ever', async () => {
    const { limit, call, end, pipeline, all } = room({ start: 10, room: even })
    const answers = Array.from({ length: 8 }, () => call('x'))
    limit.update({ max: 2 })
    expect([limit.limit, limit.inFlight, limit.pressure!()]).toEqual([2, 8, 1])
    await expect(pipeline.run(() => 'never')).rejects.toThrow(BulkheadFullError)
    while (all.length > 1) await end()
    expect(await pipeline.run(() => 'room')).toBe('room')
    await end()
    expect(answers.every(({ state }) => state === 'fulfilled')).toBe(true)
  })

  it('one object in two pipelines is one limit', () => {
    const clock = manualClock()
    const shared = adaptiveLimit({ start: 2, room: even })
    const { work } = jobs()
    watch(pipeline('one', [shared], { clock }).run(work))
    watch(pipeline('two', [shared], { clock }).run(work))
    expect(shared.inFlight).toBe(2)
  })

  it('vegas: grows while nothing queues at the dependency, comes down when results take longer, and by 30 % on a drop', async () => {
    const { limit, call, clock, end } = room({ algorithm: 'vegas', start: 10, room: even })
    const load = async (tookMs: number, rounds: number): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        while (limit.inFlight < limit.limit) call('x')
        await clock.advance(tookMs)
        while (limit.inFlight > 0) await end()
      }
    }
    await load(50, 30)
    const grown = limit.limit
    expect(grown).toBeGreaterThan(20)
    await load(100, 10)
    const long = limit.limit
    await load(100, 20)
    expect(limit.limit).toBeLessThan(long - 4)
    const before = limit.limit
    call('x')
    await end(overload())
    expect(limit.limit).toBeCloseTo(before * 0.7)
  })

  it('`observe` refuses nobody and tells what it would have refused', async () => {
    const { limit, pipeline, call, started } = room({ start: 1, mode: 'observe', room: even })
    const told: AnyEvent[] = []
    pipeline.on('refusal.observed', (event) => told.push(event))
    for (const name of 'abc') call(name, 'low')
    expect([started.join(''), limit.inFlight, limit.pressure!()]).toEqual(['abc', 1, 0])
    expect(told).toMatchObject([{ policy: 'adaptiveLimit', error: 'BulkheadFullError', priority: 'low' }, {}])
  })

  it('`off` counts nothing and learns nothing', async () => {
    const { limit, serve, call } = room({ start: 1, mode: 'off' })
    for (const name of 'abc') call(name)
    expect(limit.inFlight).toBe(0)
    await serve(3, 600, overload())
    expect(limit.limit).toBe(1)
    limit.update({ mode: 'enforce' })
    call('d')
    expect(limit.inFlight).toBe(1)
  })

  it('is busy while it remembers a drop: made anew it would begin with more', async () => {
    const { limit, serve, clock } = room({ start: 10 })
    expect(limit.busy!()).toBe(false)
    await serve(1, 10, overload())
    expect(limit.busy!()).toBe(true)
    await clock.advance(60_000)
    expect(limit.busy!()).toBe(false)
    expect(adaptiveLimit().busy!()).toBe(false)
  })

  it('works in two steps, without a pipeline', () => {
    const limit = adaptiveLimit({ start: 1, room: even, queue: 5 })
    const one = attempt()
    const permit = limit.admit(one)
    const refusal = limit.admit(attempt())
    expect((refusal as Refusal).reason()).toBe('1 are in flight, no room for priority normal within the limit of 1')
    one.now()
    limit.settle!(permit, settled('success', one), one)
    limit.release!(permit, one)
    expect([limit.inFlight, limit.limit]).toEqual([0, 2])
  })
})

describe('adaptiveLimit › queue', () => {
  const waiting = { start: 1, queue: 10, room: even }

  it('who finds no room waits for it, the most important first', async () => {
    const { limit, call, end, started, all } = room(waiting)
    call('first')
    for (const [name, priority] of [['d', 'low'], ['c', 'normal'], ['a', 'critical'], ['b', 'high'], ['e', 'low']] as const) call(name, priority)
    expect([limit.inFlight, limit.queued]).toEqual([1, 5])
    limit.update({ max: 1 })
    while (all.length > 0) await end()
    expect([started.join(' '), limit.inFlight, limit.queued]).toEqual(['first a b c d e', 0, 0])
  })

  it('who waits goes only when there is room for its own priority', async () => {
    const { limit, call, end, started } = room({ start: 10, queue: 10 })
    for (let i = 0; i < 9; i++) call('x')
    call('low', 'low')
    call('high', 'high')
    expect(limit.queued).toBe(2)
    await end()
    expect([started.at(-1), limit.queued]).toEqual(['high', 1])
    // From 9 to 5: at 5 of 10 and more there is no room for low.
    for (let i = 0; i < 3; i++) await end()
    expect(limit.queued).toBe(1)
    for (let i = 0; i < 2; i++) await end()
    expect([started.at(-1), limit.queued]).toEqual(['low', 0])
  })

  it('no newcomer overtakes who waits of its own priority', async () => {
    const { call, end, started, limit } = room({ ...waiting, max: 1 })
    call('a')
    call('b')
    await end()
    call('c')
    expect([started.join(''), limit.queued]).toEqual(['ab', 1])
  })

  it('a full queue refuses, and who waited maxWaitMs is refused', async () => {
    const { clock, call, pipeline, limit } = room({ ...waiting, queue: 1, maxWaitMs: 50 })
    call('a')
    const waiter = call('b')
    await expect(pipeline.run(() => 'never')).rejects.toThrow('Cannot call "quotes": 1 are in flight, no room for priority normal within the limit of 1 and 1 wait already')
    await clock.advance(50)
    expect([waiter.name, (waiter.error as Error).message, limit.queued]).toEqual(['BulkheadFullError', 'Cannot call "quotes": no room within 50 ms', 0])
  })

  it('in a full queue the place of the least important goes to a more important newcomer', async () => {
    const { call, limit, end, started, all } = room({ ...waiting, max: 1, queue: 2 })
    call('a')
    const [first, last] = [call('c', 'low'), call('d', 'low')]
    const high = call('b', 'high')
    await Promise.resolve()
    expect(limit.queued).toBe(2)
    const low = call('e', 'low')
    while (all.length > 0) await end()
    expect([started.join(''), first.state, high.state]).toEqual(['abc', 'fulfilled', 'fulfilled'])
    expect((last.error as Error).message).toBe('Cannot call "quotes": its place in the queue went to a more important call')
    expect(low.name).toBe('BulkheadFullError')
    expect([limit.inFlight, limit.queued]).toEqual([0, 0])
  })

  it('abort and deadline end the wait, and free the place in the queue', async () => {
    const { clock, call, limit, end } = room(waiting)
    const controller = new AbortController()
    call('a')
    const [gone, late] = [call('b', 'low', { signal: controller.signal }), call('c', 'low', { timeoutMs: 20 })]
    controller.abort('gone')
    await clock.advance(20)
    expect([gone.error, late.error, limit.queued]).toEqual(['gone', expect.any(DeadlinePassedError), 0])
    await end()
    expect([limit.inFlight, clock.pending]).toEqual([0, 0])
  })

  it('waiting is not slowness', async () => {
    const { clock, call, limit, end } = room({ start: 1, max: 1, queue: 100, maxWaitMs: Infinity, room: even })
    for (let i = 0; i < 60; i++) call('x')
    for (let i = 0; i < 60; i++) {
      await clock.advance(50)
      await end()
    }
    // Each waited 50 ms more than the one before: seen as work that would be slow from the third on.
    expect(limit.limit).toBe(1)
    limit.update({ max: 10 })
    for (let i = 0; i < 3; i++) {
      call('x')
      await end()
    }
    expect(limit.limit).toBeGreaterThan(1.9)
  })

  it('a limit that grows wakes at once who waits', async () => {
    const { call, limit, started, clock } = room({ ...waiting, start: 1, queue: 10 })
    for (const name of 'abcd') call(name)
    limit.update({ min: 3 })
    await clock.flush()
    expect([started.join(''), limit.queued, limit.limit]).toEqual(['abc', 1, 3])
  })

  it.each(['observe', 'off'] as const)('mode %s lets everybody go who waits', async (mode) => {
    const { call, limit, started, clock } = room(waiting)
    for (const name of 'abc') call(name)
    limit.update({ mode })
    await clock.flush()
    expect([started.join(''), limit.queued]).toEqual(['abc', 0])
  })

  it('who waits presses, up to what the next higher priority may fill', async () => {
    const { call, limit, clock } = room({ start: 10, queue: 5, maxWaitMs: 100 })
    for (let i = 0; i < 7; i++) call('x', 'normal')
    expect(limit.pressure!()).toBe(0.7)
    call('low', 'low')
    await clock.advance(90)
    expect(limit.pressure!()).toBe(0.7)
    call('waits', 'normal')
    expect(limit.pressure!()).toBe(0.7)
    await clock.advance(50)
    expect(limit.pressure!()).toBeCloseTo(0.8)
    await clock.advance(49)
    expect(limit.pressure!()).toBeCloseTo(0.898)
  })
})

describe('adaptiveLimit › events', () => {
  it('tells the limit when it has moved by a tenth and by one, or reached a bound', async () => {
    const { events, serve } = room({ start: 10, min: 4 })
    await serve(6, 600, overload())
    expect(events).toMatchObject([
      { type: 'limit.changed', policy: 'adaptiveLimit', pipeline: 'quotes', from: 10, limit: 7, inFlight: 1, at: 600 },
      { from: 7, limit: 4.9 },
      { from: 4.9, limit: 4 },
    ])
  })

  it('a pipeline and its observers hear of it', async () => {
    const told: AnyEvent[] = []
    const limit = adaptiveLimit()
    const { pipeline } = on([limit], { observers: [{ event: (event) => told.push(event) }] })
    await pipeline.tryRun(() => Promise.reject(overload()))
    expect(told).toMatchObject([{ type: 'limit.changed', limit: 7 }])
  })

  const slowly = async (options: AdaptiveLimitOptions, tookMs: number, inside: readonly Policy[], rounds = 40): Promise<readonly AnyEvent[]> => {
    const { events, call, clock, end, limit } = room({ start: 20, room: even, ...options }, [], inside)
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < 21; i++) call('x')
      await clock.advance(tookMs)
      while (limit.inFlight > 0) await end()
    }
    return events.filter(({ type }) => type === 'policy.warned')
  }

  it('warns, once, of a limit that is more than half of what is answered within the timeout', async () => {
    // 20 per 600 ms are 33 per second: 16.7 is half of what comes back within a second.
    const warned = await slowly({ min: 20, max: 20 }, 600, [timeout(1_000)])
    expect(warned).toHaveLength(1)
    expect(warned[0]).toMatchObject({ policy: 'adaptiveLimit', message: expect.stringMatching(/^adaptiveLimit: the limit of 20 is more than .* within 1 s \(1\d(\.\d)?, half of/) as string })
  })

  it.each<[string, AdaptiveLimitOptions, number, readonly Policy[]]>([
    ['results that are fast against the timeout', { min: 20, max: 20 }, 400, [timeout(1_000)]],
    ['no timeout', { min: 20, max: 20 }, 600, []],
    ['a limit that holds nobody back', { start: 100 }, 600, [timeout(1_000)]],
  ])('does not warn of %s', async (_what, options, tookMs, inside) => {
    expect(await slowly(options, tookMs, inside)).toEqual([])
  })
})

describe('adaptiveLimit › options', () => {
  it('has defaults, and tells them', () => {
    expect(adaptiveLimit().options).toEqual({
      algorithm: 'aimd', start: 10, min: 1, max: 1_000, room: { critical: 1.5, high: 0.9, normal: 0.7, low: 0.5 }, queue: 0, maxWaitMs: 1_000, order: 'fifo', mode: 'enforce', name: 'adaptiveLimit',
    })
    expect(adaptiveLimit({ max: 4 }).options.start).toBe(4)
    expect(adaptiveLimit({ min: 2_000 }).options).toMatchObject({ start: 2_000, max: 2_000 })
  })

  it.each<[unknown, string]>([
    [{ algorithm: 'gradient' }, "adaptiveLimit.algorithm must be one of 'aimd', 'vegas', got \"gradient\""],
    [{ start: 0 }, 'adaptiveLimit.start must be a finite number over 0, got 0'],
    [{ start: 5, min: 6 }, 'adaptiveLimit.start must be from min (6) to max (1000), got 5'],
    [{ start: 2_000 }, 'adaptiveLimit.start must be from min (1) to max (1000), got 2000'],
    [{ min: 0 }, 'adaptiveLimit.min must be a finite number over 0, got 0'],
    [{ min: Infinity }, 'adaptiveLimit.min must be a finite number over 0, got Infinity'],
    [{ min: 5, max: 4 }, 'adaptiveLimit.max must be at least min (5), got 4'],
    [{ max: NaN }, 'adaptiveLimit.max must be a number from 0 on, got NaN'],
    [{ room: { critical: 0 } }, 'adaptiveLimit.room.critical must be a finite number over 0, got 0'],
    [{ room: { critical: 0.8 } }, 'adaptiveLimit.room.high must be at most that of the priority above it (0.8), got 0.9'],
    [{ room: { low: 0.8 } }, 'adaptiveLimit.room.low must be at most that of the priority above it (0.7), got 0.8'],
    [{ room: { urgent: 1 } }, 'adaptiveLimit.room has no option "urgent"; it has critical, high, normal, low'],
    [{ room: 0.5 }, 'adaptiveLimit.room options must be an object, got 0.5'],
    [{ queue: 1.5 }, 'adaptiveLimit.queue must be a whole number from 0 on, got 1.5'],
    [{ maxWaitMs: -1 }, 'adaptiveLimit.maxWaitMs must be a number from 0 on, got -1'],
    [{ order: 'random' }, "adaptiveLimit.order must be one of 'fifo', 'lifo', 'adaptive', got \"random\""],
    [{ mode: 'on' }, "adaptiveLimit.mode must be one of 'enforce', 'observe', 'off'; did you mean \"off\"?, got \"on\""],
    [{ name: '' }, 'adaptiveLimit.name must be a string that is not empty, got ""'],
    [{ limit: 5 }, 'adaptiveLimit has no option "limit"'],
    [5, 'adaptiveLimit options must be an object, got 5'],
  ])('%j is refused', (options, message) => {
    expect(() => adaptiveLimit(options as AdaptiveLimitOptions)).toThrow(message)
  })

  it('update checks all and changes nothing when it fails', () => {
    const limit = adaptiveLimit({ room: { low: 0.1 } })
    const before = limit.options
    expect(() => limit.update({ queue: 5, min: -1 })).toThrow('adaptiveLimit.min')
    expect(() => limit.update({ start: 5 } as object)).toThrow('adaptiveLimit has no option "start"')
    expect(() => limit.update({ name: 'other' } as object)).toThrow('adaptiveLimit has no option "name"')
    expect(limit.options).toBe(before)
    limit.update({ room: { high: 0.8 } })
    expect(limit.options.room).toEqual({ critical: 1.5, high: 0.8, normal: 0.7, low: 0.1 })
    limit.update({ algorithm: 'vegas', min: 20 })
    expect([limit.limit, limit.options.start]).toEqual([20, 20])
  })

  it('the build warns of a queue inside a breaker, and of waits that a timeout ends', () => {
    const warned: string[] = []
    pipeline('quotes', [timeout(500), breaker(), adaptiveLimit({ queue: 5 })], { onWarning: (message) => warned.push(message) })
    pipeline('quotes', [bulkhead({ slots: 5 }), adaptiveLimit({ maxWaitMs: 50 })], { onWarning: (message) => warned.push(message) })
    expect(warned).toEqual([
      expect.stringContaining('adaptiveLimit: put the queue outside the breaker "breaker"'),
      expect.stringContaining('adaptiveLimit: the timeout of 500 ms outside it ends every wait'),
      expect.stringContaining('adaptiveLimit: maxWaitMs says nothing without a queue'),
    ])
  })
})
