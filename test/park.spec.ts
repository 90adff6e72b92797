import { AsyncLocalStorage } from 'node:async_hooks'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type AnyEvent, attempt, breaker, bulkhead, type CallOptions, type Guard, park, type ParkOptions, pipeline, PipelineClosedError, type Policy, type Priority, Refusal, settled, shed, ShedError, throttle, timeout,
} from 'spillway'
import { manualClock } from 'spillway/testing'
import { Pace, soonestMs } from '../src/park/pace.ts'
import { jobs, logged, no, on, watch } from './support/guards.ts'

interface Gauge extends Guard {
  now: number
  due: boolean
}

/** A guard whose pressure and trial the test sets. */
function gauge(): Gauge {
  return {
    kind: 'guard', name: 'gauge', now: 0, due: false,
    admit: () => ({}),
    pressure() {
      return this.now
    },
    probeDue() {
      return this.due
    },
  }
}

function room(options: ParkOptions = {}, outside: readonly Policy[] = [], inside: readonly Policy[] = []) {
  const lot = park(options)
  const inner = gauge()
  const made = { lot, inner, ...jobs(), ...on([...outside, lot, inner, ...inside]) }
  const events: AnyEvent[] = []
  lot.on('*', (event) => events.push(event))
  const served: string[] = []
  /** A call with a name that is served at once when it is let in. */
  const call = (name: string, priority: Priority = 'low', more: CallOptions = {}) => watch(made.pipeline.run(() => void served.push(name), { priority, ...more }))
  return { ...made, events, served, call }
}

describe('park', () => {
  it('lets everybody pass while all is well, and reads no clock', async () => {
    const { lot, call, served, pipeline } = room()
    call('low')
    call('critical', 'critical')
    expect([served, lot.state, lot.parked]).toEqual([['low', 'critical'], 'idle', 0])
    await pipeline.run((one) => expect(one.startedAt).toBeNaN(), { priority: 'low' })
  })

  it('lets low calls wait from a pressure of 0.7 on, and the others pass', () => {
    const { inner, lot, call, served } = room()
    inner.now = 0.7
    for (const priority of ['critical', 'high', 'normal', 'low'] as const) call(priority, priority)
    expect([served, lot.queued, lot.parked, lot.state]).toEqual([['critical', 'high', 'normal'], 1, 1, 'parking'])
  })

  it('nobody goes before all has been well for 1 s in a row', async () => {
    const { inner, lot, call, served, clock } = room()
    inner.now = 1
    call('a')
    await clock.advance(5_000)
    inner.now = 0
    await clock.advance(900)
    inner.now = 1
    await clock.advance(1_000)
    inner.now = 0.69
    await clock.advance(1_000)
    expect([served, lot.state]).toEqual([[], 'parking'])
    await clock.advance(2_000)
    expect([served, lot.state, lot.released]).toEqual([['a'], 'idle', 1])
  })

  it('a moment of pressure keeps them back for that moment: a handful of places is full every now and then', async () => {
    const { inner, lot, call, served, clock } = room()
    inner.now = 1
    call('a')
    call('b')
    // Four of ten looks find it full.
    for (let i = 0; i < 30; i++) {
      inner.now = i % 5 < 2 ? 1 : 0.2
      await clock.advance(100)
    }
    expect(served.length).toBeGreaterThan(0)
    expect(lot.released).toBe(served.length)
  })

  it('they go first come, first served, never all at once: 20 % of what is accepted, by half more each second', async () => {
    const { inner, call, served, clock } = room()
    inner.now = 1
    for (let i = 0; i < 200; i++) call(`p${i}`)
    // 100 other calls per second are accepted.
    const perSecond: number[] = []
    for (let second = -2; second < 6; second++) {
      if (second === 0) inner.now = 0
      const before = served.filter((name) => name.startsWith('p')).length
      for (let i = 0; i < 100; i++) {
        call('other', 'normal')
        await clock.advance(10)
      }
      perSecond.push(served.filter((name) => name.startsWith('p')).length - before)
    }
    const parked = served.filter((name) => name.startsWith('p'))
    expect(parked).toEqual(parked.toSorted((a, b) => Number(a.slice(1)) - Number(b.slice(1))))
    expect(perSecond.slice(0, 3)).toEqual([0, 0, 0])
    expect(perSecond[3]).toBeGreaterThan(15)
    expect(perSecond[3]).toBeLessThan(30)
    for (let i = 4; i < 8; i++) expect(perSecond[i]).toBeLessThan(perSecond[i - 1]! * 1.5 + 5)
    expect(Math.max(...perSecond)).toBeLessThanOrEqual(101)
  })

  it('new calls of these priorities stand behind those that wait, though all is well', async () => {
    const { inner, call, served, clock } = room()
    inner.now = 1
    call('a')
    call('b')
    inner.now = 0
    await clock.advance(500)
    call('c')
    expect(served).toEqual([])
    await clock.advance(10_000)
    expect(served).toEqual(['a', 'b', 'c'])
  })

  it('pressure stops them, and then the calm and the pace begin anew', async () => {
    const { inner, call, served, clock, lot } = room()
    inner.now = 1
    for (let i = 0; i < 50; i++) call(`${i}`)
    inner.now = 0
    await clock.advance(3_000)
    const first = served.length
    expect(first).toBeGreaterThan(1)
    inner.now = 0.8
    await clock.advance(2_000)
    expect([served.length, lot.state]).toEqual([first, 'parking'])
    inner.now = 0
    await clock.advance(1_000)
    expect(served.length).toBe(first)
    await clock.advance(200)
    expect(served.length).toBe(first + 1)
  })

  it('an overload of one that was let go stops the others', async () => {
    const lot = park()
    const inner = gauge()
    const { pipeline, clock } = on([lot, inner])
    inner.now = 1
    let tried = 0
    for (let i = 0; i < 5; i++) watch(pipeline.run(() => (tried++, Promise.reject(Object.assign(new Error('busy'), { status: 503 }))), { priority: 'low' }))
    inner.now = 0
    await clock.advance(1_200)
    expect([tried, lot.state]).toEqual([1, 'parking'])
    await clock.advance(1_000)
    expect(tried).toBe(1)
    await clock.advance(100)
    expect(tried).toBe(2)
  })

  it('one is sent as the trial that a breaker waits for, when nothing else comes', async () => {
    const gate = breaker({ consecutive: 1, breakMs: () => 3_000 })
    const lot = park()
    const { pipeline, clock } = on([lot, shed(), gate])
    await pipeline.tryRun(() => Promise.reject(new Error('down')))
    const { all, work } = jobs()
    const answers = Array.from({ length: 3 }, () => watch(pipeline.run(work, { priority: 'low' })))
    await clock.advance(2_900)
    expect([all.length, gate.state]).toEqual([0, 'open'])
    await clock.advance(100)
    expect([all.length, gate.state, lot.released]).toEqual([1, 'halfOpen', 1])
    await clock.advance(2_000)
    expect(all.length).toBe(1)
    all[0]!.succeed()
    await clock.advance(1_000)
    expect([gate.state, all.length]).toEqual(['closed', 1])
    await clock.advance(2_000)
    expect(all.length).toBe(3)
    for (const job of all.slice(1)) job.succeed()
    await clock.flush()
    expect(answers.map(({ state }) => state)).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
    expect([lot.queued, clock.pending]).toEqual([0, 0])
  })

  it('a trial that fails keeps the others parked', async () => {
    const gate = breaker({ consecutive: 1, breakMs: () => 1_000 })
    const { pipeline, clock } = on([park(), gate])
    let tried = 0
    const down = (): Promise<never> => (tried++, Promise.reject(new Error('down')))
    await pipeline.tryRun(down)
    for (let i = 0; i < 3; i++) watch(pipeline.run(down, { priority: 'low' }))
    await clock.advance(1_000)
    expect([tried, gate.state]).toEqual([2, 'open'])
    await clock.advance(900)
    expect(tried).toBe(2)
    await clock.advance(100)
    expect(tried).toBe(3)
  })

  it('a newcomer is the trial as well as one that waits: it passes', () => {
    const { inner, call, served } = room()
    inner.now = 1
    call('waits')
    inner.due = true
    call('new')
    expect(served).toEqual(['new'])
  })

  it('the trial of a breaker further out passes', async () => {
    const gate = breaker({ consecutive: 1, breakMs: () => 10 })
    const lot = park()
    const inner = gauge()
    const { pipeline, clock } = on([gate, lot, inner])
    await pipeline.tryRun(() => Promise.reject(new Error('down')))
    inner.now = 1
    await clock.advance(10)
    expect(await pipeline.run(() => 'trial', { priority: 'low' })).toBe('trial')
  })
})

describe('park › who cannot wait', () => {
  it('a full lot refuses at once', async () => {
    const { inner, call, lot, clock } = room({ queue: 2 })
    inner.now = 1
    call('a')
    call('b')
    const third = call('c')
    await clock.flush()
    expect(third.error).toBeInstanceOf(ShedError)
    expect(third.error).toMatchObject({ message: 'Cannot call "quotes": all is not well, and 2 wait already', policy: 'park', code: 'SHED' })
    expect(lot.queued).toBe(2)
  })

  it('who waited maxWaitMs is refused', async () => {
    const { inner, call, lot, clock } = room({ maxWaitMs: 2_000 })
    inner.now = 1
    const late = call('a')
    await clock.advance(1_999)
    expect(late.state).toBe('pending')
    await clock.advance(1)
    expect(late.error).toMatchObject({ name: 'ShedError', message: 'Cannot call "quotes": all was not well for 2 s' })
    expect([lot.queued, lot.parked, lot.released, clock.pending]).toEqual([0, 1, 0, 0])
  })

  it('who could not be served before its deadline is refused at once', async () => {
    const { inner, call, clock, lot } = room()
    inner.now = 1
    const [never, perhaps] = [call('a', 'low', { timeoutMs: 1_000 }), call('b', 'low', { timeoutMs: 1_001 })]
    await clock.flush()
    expect(never.error).toMatchObject({ name: 'ShedError', message: 'Cannot call "quotes": all is not well, and its turn comes in 1 s at the earliest, after its deadline', retryAfterMs: 1_000 })
    expect([perhaps.state, lot.queued]).toEqual(['pending', 1])
    // Behind 30 others it takes longer.
    for (let i = 0; i < 30; i++) call('x')
    const behind = call('c', 'low', { timeoutMs: 5_000 })
    await clock.flush()
    expect(behind.name).toBe('ShedError')
  })

  it('a break that lasts longer than one may wait refuses at once', async () => {
    const gate = breaker({ consecutive: 1, breakMs: () => 10_000 })
    const { pipeline } = on([park({ maxWaitMs: 5_000 }), gate])
    await pipeline.tryRun(() => Promise.reject(new Error('down')))
    const error = await pipeline.run(() => 1, { priority: 'low' }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ name: 'ShedError', retryAfterMs: 10_000 })
  })

  it('a deadline that passes all the same ends the wait', async () => {
    const { inner, call, clock, lot } = room()
    inner.now = 1
    const late = call('a', 'low', { timeoutMs: 3_000 })
    await clock.advance(3_000)
    expect([late.name, lot.queued, clock.pending]).toEqual(['DeadlinePassedError', 0, 0])
  })

  it('who is aborted leaves at once, and nothing stays', async () => {
    const { inner, call, clock, lot, pipeline } = room()
    inner.now = 1
    const controllers = Array.from({ length: 100 }, () => new AbortController())
    const answers = controllers.map(({ signal }) => call('x', 'low', { signal }))
    expect([lot.queued, clock.armed]).toEqual([100, 1])
    for (const controller of controllers) controller.abort('gone')
    expect([lot.queued, lot.state]).toEqual([0, 'idle'])
    await clock.flush()
    expect(answers.every(({ error }) => error === 'gone')).toBe(true)
    expect([pipeline.inFlight, clock.pending]).toEqual([0, 0])
  })

  it('close() ends the wait', async () => {
    const { inner, call, pipeline, clock } = room()
    inner.now = 1
    const waiter = call('a')
    await pipeline.close()
    await clock.flush()
    expect(waiter.error).toBeInstanceOf(PipelineClosedError)
    expect(clock.pending).toBe(0)
  })

  it('a refusal further in after the wait comes out, and the next one has its turn', async () => {
    let open = false
    const { inner, call, clock, lot } = room({}, [], [logged([], 'gate', { admit: () => (open ? {} : no('gate')) })])
    inner.now = 1
    const [first, second] = [call('a'), call('b')]
    inner.now = 0
    await clock.advance(1_200)
    expect(first.error).toMatchObject({ name: 'BulkheadFullError', policy: 'gate' })
    open = true
    await clock.advance(2_000)
    expect([second.state, lot.queued]).toEqual(['fulfilled', 0])
  })

  it('who waits is served in its own async context', async () => {
    const who = new AsyncLocalStorage<string>()
    const { inner, pipeline, clock } = room()
    inner.now = 1
    const seen = who.run('mine', () => pipeline.run(() => who.getStore(), { priority: 'low' }))
    inner.now = 0
    await who.run('timer', () => clock.advance(1_200))
    expect(await seen).toBe('mine')
  })
})

describe('park › timers, events, modes', () => {
  it('arms one real timer while somebody waits, and none otherwise', async () => {
    const { inner, call, clock } = room()
    call('a')
    expect(clock.armed).toBe(0)
    inner.now = 1
    for (let i = 0; i < 200; i++) call('b')
    expect(clock.armed).toBe(1)
    inner.now = 0
    await clock.advance(25_000)
    expect(clock.pending).toBe(0)
  })

  it('tells when it begins to park, to let go, and when nobody waits any more', async () => {
    const { inner, call, clock, events } = room()
    inner.now = 1
    call('a')
    call('b')
    await clock.advance(1_000)
    inner.now = 0
    await clock.advance(3_000)
    expect(events).toMatchObject([
      { type: 'park.changed', policy: 'park', pipeline: 'quotes', state: 'parking', from: 'idle', queued: 1, parked: 1, released: 0, at: 0 },
      { state: 'releasing', from: 'parking', queued: 1, parked: 2, released: 1 },
      { state: 'idle', from: 'releasing', queued: 0, parked: 2, released: 2 },
    ])
  })

  it('`observe` lets everybody pass and tells who would have to wait', () => {
    const { inner, pipeline, call, served, lot } = room({ mode: 'observe' })
    const told: AnyEvent[] = []
    pipeline.on('refusal.observed', (event) => told.push(event))
    inner.now = 1
    call('a')
    expect([served, lot.queued]).toEqual([['a'], 0])
    expect(told).toMatchObject([{ policy: 'park', error: 'ShedError', reason: 'all is not well: it would have to wait', priority: 'low' }])
  })

  it.each(['observe', 'off'] as const)('mode %s lets everybody go who waits', async (mode) => {
    const { inner, call, served, lot, clock } = room()
    inner.now = 1
    for (const name of 'abc') call(name)
    lot.update({ mode })
    await clock.flush()
    expect([served, lot.queued, clock.pending]).toEqual([['a', 'b', 'c'], 0, 0])
  })

  it('other classes, a shorter queue and another patience hold for who comes from now on', async () => {
    const { inner, call, served, lot, clock } = room()
    inner.now = 1
    call('a')
    call('b')
    lot.update({ queue: 1, classes: ['normal', 'low'], maxWaitMs: 1_500, calmMs: 0, below: 1 })
    const refused = call('c', 'normal')
    call('d', 'high')
    await clock.flush()
    expect([lot.queued, refused.name, served]).toEqual([2, 'ShedError', ['d']])
    inner.now = 0.99
    await clock.advance(2_000)
    expect(served).toEqual(['d', 'a', 'b'])
  })

  it('a share that is left to others presses too', () => {
    const lot = park()
    const { pipeline } = on([lot, { kind: 'guard', name: 'share', admit: () => ({}), share: () => 0.2 } satisfies Guard])
    watch(pipeline.run(() => 1, { priority: 'low' }))
    expect(lot.queued).toBe(1)
  })

  it('works in two steps: without a pipeline nothing presses', () => {
    const lot = park()
    const one = attempt({ priority: 'low' })
    const permit = lot.admit(one)
    expect(permit).not.toBeInstanceOf(Refusal)
    lot.settle!(permit, settled('success', one), one)
  })

  it('a listener that hears of a refusal and brings calm is heeded', async () => {
    const lot = park()
    const inner = gauge()
    const { pipeline, clock } = on([bulkhead({ slots: 0, mode: 'observe' }), lot, inner])
    inner.now = 1
    pipeline.on('refusal.observed', () => {
      inner.now = 0
    })
    const answer = watch(pipeline.run(() => 'passed', { priority: 'low' }))
    await clock.flush()
    expect([answer.value, lot.parked]).toEqual(['passed', 0])
  })

  it('sends one now and then where a throttle holds back, or nobody would ever find out that all is well', async () => {
    const share = throttle({ adaptive: true })
    const lot = park()
    const { pipeline, clock } = on([lot, share])
    let well = false
    const answers: boolean[] = []
    const second = async (): Promise<void> => {
      for (let i = 0; i < 4; i++) void pipeline.tryRun(() => (well ? 1 : Promise.reject(Object.assign(new Error('429'), { status: 429 }))), { priority: 'low' }).then(({ ok }) => answers.push(ok))
      await clock.advance(1_000)
    }
    for (let i = 0; i < 60; i++) await second()
    expect(share.allow).toBeLessThan(0.3)
    well = true
    for (let i = 0; i < 120; i++) await second()
    expect([share.allow, lot.state]).toEqual([1, 'idle'])
    answers.length = 0
    await second()
    expect(answers).toEqual([true, true, true, true])
  })

  it('the build warns of places where it is of no use', () => {
    const warned: string[] = []
    const options = { onWarning: (message: string) => warned.push(message) }
    pipeline('quotes', [park()], options)
    pipeline('quotes', [timeout(5_000), breaker(), park()], options)
    pipeline('quotes', [park(), breaker(), timeout(5_000)], options)
    expect(warned).toEqual([
      expect.stringContaining('park: nobody ever waits'),
      expect.stringContaining('park: put it outside "breaker"'),
      expect.stringContaining('park: the timeout of 5 s outside it ends every wait before maxWaitMs (30 s) does'),
    ])
  })
})

describe('park › options', () => {
  it('has defaults, and tells them', () => {
    expect(park().options).toEqual({ classes: ['low'], maxWaitMs: 30_000, queue: 1_000, below: 0.7, calmMs: 1_000, mode: 'enforce', name: 'park' })
  })

  it.each<[unknown, string]>([
    [{ classes: 'low' }, 'park.classes must be an array of priorities, got "low"'],
    [{ classes: ['urgent'] }, "park.classes[0] must be one of 'critical', 'high', 'normal', 'low'"],
    [{ maxWaitMs: -1 }, 'park.maxWaitMs must be a number from 0 on, got -1'],
    [{ queue: 0.5 }, 'park.queue must be a whole number from 0 on, got 0.5'],
    [{ below: 0 }, 'park.below must be a number over 0, got 0'],
    [{ below: 1.1 }, 'park.below must be at most 1, got 1.1'],
    [{ calmMs: NaN }, 'park.calmMs must be a number from 0 on, got NaN'],
    [{ mode: 'x' }, "park.mode must be one of 'enforce', 'observe', 'off'"],
    [{ name: '' }, 'park.name must be a string that is not empty, got ""'],
    [{ max: 5 }, 'park has no option "max"'],
    [5, 'park options must be an object, got 5'],
  ])('%j is refused', (options, message) => {
    expect(() => park(options as ParkOptions)).toThrow(message)
  })

  it('update checks all and changes nothing when it fails', () => {
    const lot = park()
    const before = lot.options
    expect(() => lot.update({ queue: 1, below: 2 })).toThrow('park.below')
    expect(() => lot.update({ name: 'other' } as object)).toThrow('park has no option "name"')
    expect(lot.options).toBe(before)
  })
})

describe('park › pace', () => {
  it('the soonest time is when the pace gets there', () => {
    for (const accepted of [0, 5, 100]) {
      for (const n of [1, 2, 10, 50]) {
        const pace = new Pace()
        let gone = 0
        let now = 0
        // As if nothing else were accepted while it runs: only then it grows without a bound.
        gone += pace.due(now, accepted)
        while (gone < n) gone += pace.due((now += 10), accepted)
        const soonest = soonestMs(n, accepted)
        expect(now).toBeGreaterThanOrEqual(Math.floor(soonest / 10) * 10 - 10)
      }
    }
    expect(soonestMs(1, 0)).toBe(0)
    expect(soonestMs(101, 100)).toBeCloseTo(2_734, -1)
  })

  it('a timer that comes late does not let go of all that it has missed', () => {
    const pace = new Pace()
    expect(pace.due(0, 100)).toBe(1)
    expect(pace.due(60_000, 100)).toBeLessThanOrEqual(13)
  })
})

describe('park › laws', () => {
  const moment = fc.integer({ min: 0, max: 8_000 })
  const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined, freq: 2 })
  const script = fc.record({ atMs: moment, workMs: fc.integer({ min: 0, max: 300 }), fails: fc.boolean(), abortAfterMs: maybe(fc.integer({ min: 0, max: 4_000 })), timeoutMs: maybe(fc.integer({ min: 1, max: 6_000 })), priority: fc.constantFrom<Priority>('normal', 'low', 'low') })
  const weather = fc.array(fc.record({ atMs: moment, pressure: fc.constantFrom(0, 0.69, 0.7, 1), mode: maybe(fc.constantFrom('enforce', 'observe', 'off')), queue: maybe(fc.constantFrom(0, 3, 1_000)) }), { maxLength: 8 })

  it('every waiter is answered once; nobody is let go under pressure; nothing stays', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(script, { minLength: 1, maxLength: 40 }), weather, maybe(moment), async (calls, changes, closeAtMs) => {
        const clock = manualClock()
        const lot = park({ maxWaitMs: 5_000 })
        const inner = gauge()
        const gate = breaker({ consecutive: 2, breakMs: () => 700 })
        const internal: unknown[] = []
        const made = pipeline('quotes', [lot, inner, gate], { clock, onWarning: () => {}, onInternalError: (error) => internal.push(error) })
        const answers = calls.map(() => 0)
        const faults: string[] = []
        let before = 0
        lot.on('park.changed', ({ state, queued }) => {
          if ((state === 'idle') !== (queued === 0)) faults.push(`${state} with ${queued}`)
        })
        const releases = (): void => {
          if (lot.released > before && lot.options.mode === 'enforce' && inner.now >= 0.7 && gate.state === 'closed') faults.push(`${lot.released - before} let go at ${inner.now}`)
          before = lot.released
        }
        calls.forEach(({ atMs, workMs, fails, abortAfterMs, timeoutMs, priority }, i) =>
          clock.after(atMs, () => {
            const controller = new AbortController()
            if (abortAfterMs !== undefined) clock.after(abortAfterMs, () => controller.abort('gone'))
            const work = (): Promise<void> => {
              releases()
              return new Promise((resolve, reject) => clock.after(workMs, () => (fails ? reject(new Error('down')) : resolve())))
            }
            made.tryRun(work, { priority, signal: controller.signal, timeoutMs }).then(
              () => answers[i]!++,
              () => (answers[i] = 99),
            )
          }),
        )
        for (const { atMs, pressure, mode, queue } of changes) {
          clock.after(atMs, () => {
            releases()
            inner.now = pressure
            lot.update({ mode, queue })
            before = lot.released
          })
        }
        if (closeAtMs !== undefined) clock.after(closeAtMs, () => void made.close({ graceMs: 10 }))
        await clock.runAll()
        expect([faults, internal]).toEqual([[], []])
        expect(answers).toEqual(calls.map(() => 1))
        expect([lot.queued, made.inFlight, clock.pending, lot.state]).toEqual([0, 0, 0, 'idle'])
        expect(lot.released).toBeLessThanOrEqual(lot.parked)
      }),
      { numRuns: 200 },
    )
  })
})
