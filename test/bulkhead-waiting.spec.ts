import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import {
  type AnyEvent, attempt, breaker, type Bulkhead, bulkhead, BulkheadFullError, type BulkheadOptions, DeadlinePassedError, fallback, Later, pipeline, PipelineClosedError, type Policy, Refusal, retry, settled, timeout,
} from 'spillway'
import { jobs, logged, no, on, watch } from './support/guards.ts'

function room(options: Partial<BulkheadOptions> = {}, outside: readonly Policy[] = []) {
  const slots = bulkhead({ slots: 1, queue: 10, ...options })
  const made = { slots, ...jobs(), ...on([...outside, slots]) }
  const started: string[] = []
  /** A call with a name, which writes down when it starts. */
  const call = (name: string, more: object = {}) => watch(made.pipeline.run((one) => (started.push(name), made.work(one)), more))
  /** Ends the oldest call that runs. */
  const end = async (): Promise<void> => {
    made.all.shift()!.succeed()
    await made.clock.flush()
  }
  return { ...made, started, call, end }
}

describe('bulkhead › queue', () => {
  it('who finds no slot waits for one, and gets it when it comes free', async () => {
    const { slots, call, end, started } = room()
    const [, second] = [call('a'), call('b')]
    expect([started, slots.inFlight, slots.queued]).toEqual([['a'], 1, 1])
    await end()
    expect([started, slots.inFlight, slots.queued]).toEqual([['a', 'b'], 1, 0])
    await end()
    expect([second.state, slots.inFlight]).toEqual(['fulfilled', 0])
  })

  it('a full queue refuses at once', async () => {
    const { slots, pipeline, call } = room({ queue: 2 })
    for (const name of ['a', 'b', 'c']) call(name)
    const error = await pipeline.run(() => 'never').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(BulkheadFullError)
    expect(error).toMatchObject({ message: 'Cannot call "quotes": all 1 slots are taken and 2 wait already', retryAfterMs: undefined })
    expect(slots.queued).toBe(2)
  })

  it('who waited maxWaitMs is refused, and the next one moves up', async () => {
    const { slots, clock, call, end, started } = room({ maxWaitMs: 50 })
    call('a')
    const late = call('b')
    await clock.advance(30)
    call('c')
    await clock.advance(20)
    expect(late.error).toBeInstanceOf(BulkheadFullError)
    expect(late.error).toMatchObject({ message: 'Cannot call "quotes": no slot came free within 50 ms' })
    expect(slots.queued).toBe(1)
    await end()
    expect(started).toEqual(['a', 'c'])
  })

  it('a slot is counted from its hand-over: nobody takes it before its owner runs', async () => {
    const seen: unknown[] = []
    const outside = logged([], 'outside', {
      release() {
        if (seen.length > 0) return
        // a has given its slot back, b has not started yet.
        seen.push(started.join(''), slots.inFlight, slots.queued)
        call('c')
      },
    })
    const { slots, call, started, end } = room({}, [outside])
    call('a')
    call('b')
    await end()
    expect(seen).toEqual(['a', 1, 0])
    expect([started.join(''), slots.inFlight, slots.queued]).toEqual(['ab', 1, 1])
  })

  it('fifo: in the order in which they came, and nobody is overtaken', async () => {
    const { call, end, started, clock, all } = room({ slots: 2 })
    for (const name of 'abcdef') call(name)
    for (const name of 'ghij') {
      await end()
      call(name)
    }
    while (all.length > 0) await end()
    await clock.flush()
    expect(started.join('')).toBe('abcdefghij')
  })

  it('lifo: who came last is served first', async () => {
    const { call, end, started, all } = room({ order: 'lifo' })
    for (const name of 'abcd') call(name)
    while (all.length > 0) await end()
    expect(started.join('')).toBe('adcb')
  })

  it('adaptive: first come, first served while the queue comes and goes; last come once it stands', async () => {
    const { call, end, started, clock } = room({ order: 'adaptive' })
    for (const name of 'abc') call(name)
    await end()
    await end()
    expect(started.join('')).toBe('abc')
    // From now on somebody always waits.
    call('d')
    await clock.advance(99)
    call('e')
    await end()
    expect(started.join('')).toBe('abcd')
    await clock.advance(1)
    for (const name of 'fg') call(name)
    await end()
    expect(started.join('')).toBe('abcdg')
  })

  it('adaptive: a waiter may wait 100 ms, and 5 ms once the queue has not been empty for 100 ms', async () => {
    const { call, clock, slots } = room({ order: 'adaptive' })
    call('a')
    const first = call('b')
    await clock.advance(99)
    const second = call('c')
    expect(first.state).toBe('pending')
    await clock.advance(1)
    expect(first.error).toMatchObject({ message: 'Cannot call "quotes": no slot came free within 100 ms' })
    const third = call('d')
    await clock.advance(4)
    expect(third.state).toBe('pending')
    await clock.advance(1)
    expect(third.error).toMatchObject({ message: 'Cannot call "quotes": no slot came free within 5 ms' })
    expect(second.state).toBe('pending')
    await clock.advance(94)
    expect([second.name, slots.queued]).toEqual(['BulkheadFullError', 0])
    // Empty in between: patient again.
    const patient = call('e')
    await clock.advance(99)
    expect(patient.state).toBe('pending')
  })

  it('adaptive: maxWaitMs, where it is less, comes first', async () => {
    const { call, clock } = room({ order: 'adaptive', maxWaitMs: 20 })
    call('a')
    const waiter = call('b')
    await clock.advance(20)
    expect(waiter.error).toBeInstanceOf(BulkheadFullError)
  })

  it('who is aborted leaves at once and frees its place', async () => {
    const { slots, pipeline, call, end, started, clock } = room({ queue: 2 })
    const controller = new AbortController()
    call('a')
    const gone = call('b', { signal: controller.signal })
    call('c')
    expect(slots.queued).toBe(2)
    controller.abort('gone')
    expect(slots.queued).toBe(1)
    call('d')
    expect(slots.queued).toBe(2)
    await end()
    await end()
    expect([started.join(''), gone.error]).toEqual(['acd', 'gone'])
    await end()
    await clock.flush()
    expect([slots.inFlight, slots.queued, pipeline.inFlight, clock.pending]).toEqual([0, 0, 0, 0])
  })

  it('who is aborted after the hand-over gives the slot to the next', async () => {
    const { slots, all, call, started, clock } = room()
    const controller = new AbortController()
    call('a')
    const gone = call('b', { signal: controller.signal })
    call('c')
    all.shift()!.succeed()
    // a's end is a microtask away, b's start two.
    await Promise.resolve()
    expect(slots.queued).toBe(1)
    controller.abort('gone')
    await clock.flush()
    expect([started.join(''), gone.error, slots.inFlight, slots.queued]).toEqual(['ac', 'gone', 1, 0])
  })

  it('a deadline that passes in the queue is a DeadlinePassedError: the caller’s, and that of a timeout outside', async () => {
    const { call, slots, clock } = room({}, [timeout(60)])
    call('a')
    const [caller, outside] = [call('b', { timeoutMs: 30 }), call('c')]
    await clock.advance(30)
    expect([caller.error, slots.queued]).toEqual([expect.any(DeadlinePassedError), 1])
    await clock.advance(30)
    expect([outside.error, slots.queued, clock.pending]).toEqual([expect.any(DeadlinePassedError), 0, 0])
  })

  it('the wait is not the work’s: an attempt timeout further in begins after it', async () => {
    const slots = bulkhead({ slots: 1, queue: 1 })
    const { pipeline, clock } = on([slots, timeout(50)])
    const { all, work } = jobs()
    watch(pipeline.run(work))
    const second = watch(pipeline.run(work))
    await clock.advance(40)
    all[0]!.succeed()
    await clock.advance(49)
    expect(second.state).toBe('pending')
    await clock.advance(1)
    expect(second.name).toBe('TimeoutError')
  })

  it('who waits is served in its own async context', async () => {
    const who = new AsyncLocalStorage<string>()
    const { pipeline, all, work, clock } = room()
    watch(who.run('first', () => pipeline.run(work)))
    const seen = who.run('second', () => pipeline.run(() => who.getStore()))
    who.run('waker', () => all[0]!.succeed())
    await clock.flush()
    expect(await seen).toBe('second')
  })

  it('a refusal further in after the wait hands the slot on', async () => {
    const slots = bulkhead({ slots: 1, queue: 5 })
    const { all, work } = jobs()
    let open = true
    const { pipeline, clock } = on([slots, logged([], 'gate', { admit: () => (open ? {} : no('gate')) })])
    const answers = [1, 2, 3].map(() => watch(pipeline.run(work)))
    open = false
    all[0]!.succeed()
    await clock.flush()
    expect(answers.map(({ name, state }) => name || state)).toEqual(['fulfilled', 'BulkheadFullError', 'BulkheadFullError'])
    expect(answers[1]!.error).toMatchObject({ policy: 'gate' })
    expect([slots.inFlight, slots.queued]).toEqual([0, 0])
  })

  it('close() of one pipeline ends its waiters, and not those of another one on the same bulkhead', async () => {
    const { slots, pipeline: one, all, work, clock } = room()
    const other = pipeline('other', [slots], { clock })
    watch(one.run(work))
    const [mine, theirs] = [watch(one.run(work)), watch(other.run(work))]
    expect(slots.queued).toBe(2)
    const closed = one.close()
    expect(slots.queued).toBe(1)
    all[0]!.succeed()
    await closed
    await clock.flush()
    expect(mine.error).toBeInstanceOf(PipelineClosedError)
    expect([theirs.state, all.length, slots.inFlight]).toEqual(['pending', 2, 1])
  })

  it('arms no more real timers than one, and none when nobody waits', async () => {
    const { call, clock, end, all } = room({ queue: 1_000 })
    call('a')
    expect(clock.armed).toBe(0)
    for (let i = 0; i < 1_000; i++) call('b')
    expect(clock.armed).toBe(1)
    while (all.length > 0) await end()
    expect(clock.pending).toBe(0)
  })

  it('a fallback answers who finds the queue full or waits too long', async () => {
    const slots = bulkhead({ slots: 1, queue: 1, maxWaitMs: 10 })
    const { pipeline, clock } = on([fallback(() => 'instead'), slots])
    watch(pipeline.run(() => new Promise(() => {})))
    const waiter = watch(pipeline.run(() => 'never'))
    expect(await pipeline.run(() => 'never')).toBe('instead')
    await clock.advance(10)
    expect(waiter.value).toBe('instead')
  })
})

describe('bulkhead › queue › update', () => {
  it('more slots wake at once who waits, in order', async () => {
    const { slots, call, clock, started } = room()
    for (const name of 'abcde') call(name)
    slots.update({ slots: 3 })
    expect([slots.inFlight, slots.queued]).toEqual([3, 2])
    await clock.flush()
    expect(started.join('')).toBe('abc')
  })

  it('fewer slots take effect as attempts end', async () => {
    const { slots, call, end, started } = room({ slots: 3 })
    for (const name of 'abcde') call(name)
    slots.update({ slots: 1 })
    expect([slots.inFlight, slots.queued]).toEqual([3, 2])
    await end()
    await end()
    expect([started.join(''), slots.inFlight, slots.queued]).toEqual(['abc', 1, 2])
    await end()
    expect([started.join(''), slots.inFlight, slots.queued]).toEqual(['abcd', 1, 1])
  })

  it('a shorter queue drops nobody who is in it', async () => {
    const { slots, pipeline, call, end, started, all } = room()
    for (const name of 'abcd') call(name)
    slots.update({ queue: 0 })
    expect(slots.queued).toBe(3)
    await expect(pipeline.run(() => 'never')).rejects.toThrow(/all 1 slots are taken$/)
    while (all.length > 0) await end()
    expect(started.join('')).toBe('abcd')
  })

  it('another order holds for those who wait already, another maxWaitMs for who comes from now on', async () => {
    const { slots, call, end, started, clock } = room({ maxWaitMs: 50 })
    for (const name of 'abc') call(name)
    slots.update({ order: 'lifo', maxWaitMs: 10 })
    const impatient = call('d')
    await clock.advance(10)
    expect(impatient.name).toBe('BulkheadFullError')
    await end()
    expect(started.join('')).toBe('ac')
  })

  it.each(['observe', 'off'] as const)('mode %s lets everybody go who waits', async (mode) => {
    const { slots, call, started, clock, end, all } = room()
    for (const name of 'abc') call(name)
    slots.update({ mode })
    await clock.flush()
    expect([started.join(''), slots.inFlight, slots.queued]).toEqual(['abc', 1, 0])
    while (all.length > 0) await end()
    expect([slots.inFlight, clock.pending]).toEqual([0, 0])
  })

  it.each<[string, (slots: Bulkhead, free: () => void, call: () => void) => void, string, number, number]>([
    ['adds a slot', (slots) => slots.update({ slots: 2 }), 'fulfilled', 1, 0],
    ['frees a slot', (_slots, free) => free(), 'fulfilled', 0, 0],
    ['takes the last place', (_slots, _free, call) => call(), 'rejected', 1, 1],
    ['closes the queue', (slots) => slots.update({ queue: 0 }), 'rejected', 1, 0],
    ['switches it off', (slots) => slots.update({ mode: 'off' }), 'fulfilled', 1, 0],
    ['only listens', () => {}, 'pending', 1, 1],
  ])('a listener that %s while somebody is on the way into the queue is heeded', async (_what, happens, state, inFlight, queued) => {
    const { slots, call, clock } = room({ queue: 1 })
    const held = attempt({ clock })
    const slot = slots.admit(held)
    const other = pipeline('other', [bulkhead({ slots: 0, mode: 'observe' }), slots], { clock, onWarning: () => {} })
    other.on('refusal.observed', () => happens(slots, () => slots.release!(slot, held), () => call('first')))
    const answer = watch(other.run(() => 'done'))
    await clock.flush()
    expect([answer.state, slots.inFlight, slots.queued]).toEqual([state, inFlight, queued])
  })
})

describe('bulkhead › queue › modes and warnings', () => {
  it('`observe` lets nobody wait, and tells who would have had to', async () => {
    const { slots, pipeline, call, started } = room({ mode: 'observe' })
    const events: AnyEvent[] = []
    pipeline.on('refusal.observed', (event) => events.push(event))
    for (const name of 'ab') call(name)
    expect([started.join(''), slots.inFlight, slots.queued]).toEqual(['ab', 1, 0])
    expect(events).toMatchObject([{ reason: 'all 1 slots are taken: it would have to wait', error: 'BulkheadFullError' }])
  })

  it('in two steps, without a pipeline, nobody can wait: it refuses', () => {
    const slots = bulkhead({ slots: 1, queue: 5 })
    const a = attempt()
    const permit = slots.admit(a)
    const refusal = slots.admit(attempt())
    expect(refusal).toBeInstanceOf(Refusal)
    expect((refusal as Refusal).reason()).toBe('all 1 slots are taken')
    slots.settle?.(permit, settled('success', a), a)
    slots.release!(permit, a)
    expect(slots.inFlight).toBe(0)
  })

  it('in two steps beside a pipeline it answers a Later, which counts for nothing until it is started', () => {
    const { slots, call } = room()
    call('a')
    const answer = slots.admit(attempt())
    expect(answer).toBeInstanceOf(Later)
    expect(slots.queued).toBe(0)
  })

  const warned = (list: readonly Policy[]): readonly string[] => pipeline('quotes', list, { onWarning: () => {} }).describe().warnings
  it.each<[string, readonly Policy[], RegExp | undefined]>([
    ['a queue inside the breaker', [breaker({ name: 'fuse' }), bulkhead({ slots: 5, queue: 5 })], /bulkhead: put the queue outside the breaker "fuse"/],
    ['with a layer between, too', [breaker(), retry(), bulkhead({ slots: 5, queue: 5 })], /put the queue outside the breaker/],
    ['a queue outside the breaker', [bulkhead({ slots: 5, queue: 5 }), breaker()], undefined],
    ['no queue inside the breaker', [breaker(), bulkhead({ slots: 5 })], undefined],
    ['a maxWaitMs without a queue', [bulkhead({ slots: 5, maxWaitMs: 50 })], /bulkhead: maxWaitMs says nothing without a queue/],
    ['an order without a queue', [bulkhead({ slots: 5, order: 'lifo', name: 'pool' })], /pool: order says nothing without a queue/],
    ['a queue for endless slots', [bulkhead({ slots: Infinity, queue: 5 })], /nobody ever waits in its queue/],
    ['an endless wait', [bulkhead({ slots: 5, queue: 5, maxWaitMs: Infinity })], /one may wait for ever/],
    ['an endless wait within a timeout', [timeout(2_000), bulkhead({ slots: 5, queue: 5, maxWaitMs: Infinity })], /the timeout of 2 s outside it ends every wait before maxWaitMs/],
    ['a wait as long as the timeout outside', [timeout(1_000), bulkhead({ slots: 5, queue: 5 })], /lower maxWaitMs/],
    ['a wait shorter than the timeout outside', [timeout(2_000), bulkhead({ slots: 5, queue: 5 })], undefined],
    ['a timeout further in', [bulkhead({ slots: 5, queue: 5 }), timeout(100)], undefined],
    ['an adaptive queue', [timeout(500), bulkhead({ slots: 5, queue: 5, order: 'adaptive', maxWaitMs: Infinity })], undefined],
  ])('the build warns: %s', (_what, list, message) => {
    const warnings = warned(list)
    if (message === undefined) expect(warnings).toEqual([])
    else expect(warnings).toEqual([expect.stringMatching(message)])
  })
})
