import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  adaptiveLimit, type AnyEvent, attempt, breaker, bulkhead, BulkheadFullError, type CallOptions, eventLoopDelay, eventLoopUtilization, type Guard, pipeline, type Pipeline, type Policy, type Priority, Refusal, RejectedError, settled, shed, ShedError, type ShedOptions, subLevelOf,
} from 'spillway'
import { seededRandom } from 'spillway/testing'
import { jobs, logged, no, on, watch } from './support/guards.ts'

const priorities: readonly Priority[] = ['critical', 'high', 'normal', 'low']

interface Gauge extends Guard {
  now: number
  part: number
  due: boolean
}

/** A guard whose pressure and trial the test sets. */
function gauge(): Gauge {
  return {
    kind: 'guard', name: 'gauge', now: 0, part: 1, due: false,
    admit: () => ({}),
    pressure() {
      return this.now
    },
    probeDue() {
      return this.due
    },
  }
}

/** And its share, as with a throttle. */
function sharing(distributes: boolean): Gauge {
  const guard: Gauge = { ...gauge(), distributes, share: () => guard.part }
  return guard
}

async function errorOf(one: Pipeline, call: CallOptions): Promise<unknown> {
  const result = await one.tryRun(() => 1, call)
  return result.ok ? undefined : result.error
}

function room(options: ShedOptions = {}, inside: readonly Policy[] = [], random?: () => number) {
  const one = shed(options)
  const inner = gauge()
  const made = on([one, inner, ...inside], random === undefined ? {} : { random })
  const events: AnyEvent[] = []
  one.on('*', (event) => events.push(event))
  const call = async (priority: Priority, more: CallOptions = {}): Promise<boolean> => (await made.pipeline.tryRun(() => 1, { priority, ...more })).ok
  const fails = (priority: Priority, more: CallOptions = {}): Promise<unknown> => errorOf(made.pipeline, { priority, ...more })
  /** Which priorities pass. */
  const passing = async (): Promise<string> => {
    const passed: string[] = []
    for (const priority of priorities) if (await call(priority)) passed.push(priority)
    return passed.join(' ')
  }
  return { ...made, shed: one, inner, events, call, fails, passing }
}

describe('shed › by pressure', () => {
  it('refuses the least important first, and critical calls never', async () => {
    const { inner, passing } = room()
    const seen: [number, string][] = []
    for (const pressure of [0, 0.69, 0.7, 0.84, 0.85, 0.94, 0.95, 1]) {
      inner.now = pressure
      seen.push([pressure, await passing()])
    }
    expect(seen).toEqual([
      [0, 'critical high normal low'], [0.69, 'critical high normal low'], [0.7, 'critical high normal'], [0.84, 'critical high normal'],
      [0.85, 'critical high'], [0.94, 'critical high'], [0.95, 'critical'], [1, 'critical'],
    ])
  })

  it('a refusal is a ShedError that says why; nothing was started', async () => {
    const { inner, pipeline, shed } = room()
    inner.now = 0.875
    const error = await pipeline.run(() => 'never').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ShedError)
    expect(error).toBeInstanceOf(RejectedError)
    expect(error).toMatchObject({ message: 'Cannot call "quotes": priority normal is shed at a pressure of 0.88', code: 'SHED', policy: 'shed', attempts: 0, retryAfterMs: undefined })
    expect([shed.offered, shed.refused]).toEqual([1, 1])
  })

  it('thresholds are yours', async () => {
    const { inner, passing, shed } = room({ above: { critical: 1, high: 0.5, normal: 0.5, low: 0 } })
    expect(await passing()).toBe('critical high normal')
    inner.now = 0.5
    expect(await passing()).toBe('critical')
    inner.now = 1
    expect(await passing()).toBe('')
    shed.update({ above: { critical: Infinity, high: Infinity } })
    expect(await passing()).toBe('critical high')
  })

  it('sub-levels go one after the other, 127 first', async () => {
    const { inner, call } = room()
    const last = async (priority: Priority): Promise<number> => {
      for (let subLevel = 127; subLevel >= 0; subLevel--) if (await call(priority, { subLevel })) return subLevel
      return -1
    }
    inner.now = 0.7
    expect([await last('low'), await call('low')]).toEqual([126, false])
    inner.now = 0.775
    expect(await last('low')).toBe(62)
    inner.now = 0.849
    expect([await last('low'), await last('normal')]).toEqual([-1, 127])
    inner.now = 0.96
    expect([await last('high'), await call('critical', { subLevel: 127 })]).toEqual([101, true])
  })

  it('the pressure of a limit counts, and that of who waits for it', async () => {
    const limit = adaptiveLimit({ start: 10, max: 10 })
    const made = { ...on([shed(), limit]), ...jobs() }
    for (let i = 0; i < 9; i++) watch(made.pipeline.run(made.work, { priority: 'critical' }))
    expect(await errorOf(made.pipeline, { priority: 'normal' })).toBeInstanceOf(ShedError)
    expect(await errorOf(made.pipeline, { priority: 'high' })).toBeInstanceOf(BulkheadFullError)
    expect((await made.pipeline.tryRun(() => 1, { priority: 'critical' })).ok).toBe(true)
  })

  it('an open breaker presses with 1, and says when to come again; its trial passes', async () => {
    const gate = breaker({ consecutive: 1, breakMs: () => 5_000 })
    const { pipeline, clock } = on([shed(), gate])
    await pipeline.tryRun(() => Promise.reject(new Error('down')))
    await clock.advance(1_000)
    expect(await errorOf(pipeline, { priority: 'low' })).toMatchObject({ name: 'ShedError', retryAfterMs: 4_000 })
    expect(await errorOf(pipeline, { priority: 'critical' })).toMatchObject({ name: 'BreakerOpenError' })
    await clock.advance(4_000)
    expect((await pipeline.tryRun(() => 1, { priority: 'low' })).ok).toBe(true)
    expect(gate.state).toBe('closed')
  })

  it('lets a trial pass whatever the pressure: of a breaker outside, or one that waits further in', async () => {
    const one = shed()
    const inner = gauge()
    const gate = breaker({ consecutive: 1, breakMs: () => 10 })
    const { pipeline, clock } = on([gate, one, inner])
    await pipeline.tryRun(() => Promise.reject(new Error('down')))
    inner.now = 1
    await clock.advance(10)
    expect((await pipeline.tryRun(() => 1, { priority: 'low' })).ok).toBe(true)
    expect((await pipeline.tryRun(() => 1, { priority: 'low' })).ok).toBe(false)
    inner.due = true
    expect((await pipeline.tryRun(() => 1, { priority: 'low' })).ok).toBe(true)
  })
})

describe('shed › load of one’s own', () => {
  it('the highest counts, asked at most every 100 ms, and other guards see it', async () => {
    let asked = 0
    let mine = 0.2
    const { call, clock, shed, pipeline } = room({ load: [() => (asked++, mine), () => 0.1] })
    for (let i = 0; i < 10; i++) await call('low')
    expect([asked, shed.pressure()]).toEqual([1, 0.2])
    mine = 0.9
    await clock.advance(99)
    expect(await call('low')).toBe(true)
    await clock.advance(1)
    expect([await call('low'), await call('high'), asked, shed.pressure()]).toEqual([false, true, 2, 0.9])
    expect(shed.busy!()).toBe(false)
    expect(pipeline.inFlight).toBe(0)
  })

  it.each<[string, () => unknown, string]>([
    ['throws', () => {
      throw new Error('no sensor')
    }, 'shed: load threw Error: no sensor: it counts as if it had not been asked'],
    ['answers NaN', () => NaN, 'shed: load answered NaN instead of a number from 0 to 1: it counts as if it had not been asked'],
    ['answers a text', () => 'high', 'shed: load answered "high" instead of a number from 0 to 1: it counts as if it had not been asked'],
    ['answers a promise', async () => 1, 'shed: load answered a promise: it must be synchronous instead of a number from 0 to 1: it counts as if it had not been asked'],
  ])('one that %s counts as not asked, and that is told once', async (_what, load, message) => {
    const { call, clock, events, internal } = room({ load: load as () => number })
    for (let i = 0; i < 3; i++) {
      expect(await call('low')).toBe(true)
      await clock.advance(100)
    }
    expect(events).toMatchObject([{ type: 'policy.warned', policy: 'shed', pipeline: 'quotes', message }])
    expect(internal).toEqual([])
  })

  it('values beyond 0 and 1 count as 0 and 1', async () => {
    let mine = 7
    const { passing, clock, shed } = room({ load: () => mine })
    expect([await passing(), shed.pressure()]).toEqual(['critical', 1])
    mine = -3
    await clock.advance(100)
    expect([await passing(), shed.pressure()]).toEqual(['critical high normal low', 0])
  })
})

describe('shed › by share', () => {
  const load = async (call: (priority: Priority) => Promise<boolean>, rounds: number): Promise<Record<Priority, number>> => {
    const passed = { critical: 0, high: 0, normal: 0, low: 0 }
    for (let i = 0; i < rounds; i++) {
      for (const priority of ['critical', 'high', 'normal', 'normal', 'normal', 'low', 'low', 'low', 'low', 'low'] as const) if (await call(priority)) passed[priority]++
    }
    return passed
  }

  it('what may pass goes to the most important first', async () => {
    let share = 1
    const { call, clock, events } = room({ share: () => share }, [], seededRandom(1))
    await load(call, 10)
    share = 0.35
    await clock.advance(100)
    // 10 % critical and 10 % high leave 15 of the 30 % normal.
    const passed = await load(async (priority) => (await clock.advance(1), call(priority)), 100)
    expect([passed.critical, passed.high, passed.low]).toEqual([100, 100, 0])
    expect(passed.normal).toBeGreaterThanOrEqual(147)
    expect(passed.normal).toBeLessThanOrEqual(153)
    expect(events).toMatchObject([{ type: 'shed.changed', level: 'normal', from: 'none', share: 0.35, pressure: 0 }])
  })

  it('nothing passes at 0, and all at 1 again', async () => {
    let share = 0
    const { call, clock, pipeline } = room({ share: () => share })
    expect(await load(call, 5)).toEqual({ critical: 0, high: 0, normal: 0, low: 0 })
    await expect(pipeline.run(() => 'never')).rejects.toThrow('Cannot call "quotes": only 0 % of the calls may pass, and more important ones than priority normal come first')
    share = 1
    await clock.advance(100)
    expect(await load(call, 5)).toEqual({ critical: 5, high: 5, normal: 15, low: 25 })
  })

  it('calls of one task share its fate', async () => {
    const { call } = room({ share: () => 0.5 })
    for (let i = 0; i < 100; i++) await call('low')
    const fate = async (subLevel: number): Promise<boolean[]> => [await call('low', { subLevel }), await call('low', { subLevel }), await call('low', { subLevel })]
    expect([await fate(10), await fate(120)]).toEqual([[true, true, true], [false, false, false]])
  })

  it('the share of a guard that leaves it to others counts; that of one that distributes it itself does not, nor does its pressure', async () => {
    for (const distributes of [false, true]) {
      const source = sharing(distributes)
      // As the engine of a pipeline sees a throttle: pressure 1 − share.
      source.part = 0
      source.now = 1
      const { call } = room({}, [source])
      expect(await call('critical')).toBe(distributes)
      expect(await call('low')).toBe(distributes)
    }
  })

  it('what is refused further in is given back', async () => {
    const gate = { open: false }
    const { call } = room({ share: () => 0.5 }, [logged([], 'gate', { admit: () => (gate.open ? {} : no('gate')) })])
    for (let i = 0; i < 20; i++) await call('normal')
    gate.open = true
    expect([await call('normal'), await call('normal'), await call('normal')].filter(Boolean).length).toBeGreaterThanOrEqual(1)
  })
})

describe('shed › by table', () => {
  const count = async (times: number, call: () => Promise<boolean>): Promise<number> => {
    let passed = 0
    for (let i = 0; i < times; i++) if (await call()) passed++
    return passed
  }

  it('each priority has its share, evenly', async () => {
    const { call } = room({ table: { allow: { critical: 1, high: 1, normal: 0.5, low: 0.1 } } })
    expect([await count(100, () => call('critical')), await count(100, () => call('normal')), await count(100, () => call('low'))]).toEqual([100, 50, 10])
  })

  it('or each kind of calls, as you tell them apart', async () => {
    const { call, fails } = room({ table: { allow: { A: 1, C: 0.1 }, of: ({ call: { meta } }) => meta as string } }, [], () => 0)
    const of = (meta: string): Promise<number> => count(100, () => call('normal', { meta }))
    expect([await of('A'), await of('C'), await of('B'), await of('constructor')]).toEqual([100, 10, 100, 100])
    expect(await fails('normal', { meta: 'C' })).toMatchObject({ message: 'Cannot call "quotes": only 10 % of the calls of kind "C" may pass' })
  })

  it('a share of 0 is absolute, also for a trial; another lets it pass', async () => {
    const { call, inner } = room({ table: { allow: { normal: 0.001, low: 0 } } }, [], () => 0)
    inner.due = true
    expect([await call('low'), await call('normal'), await call('high')]).toEqual([false, true, true])
  })

  it('holds only above a pressure, if so said', async () => {
    const { call, inner } = room({ table: { allow: { low: 0 }, above: 0.5 } })
    expect(await call('low')).toBe(true)
    inner.now = 0.5
    expect(await call('low')).toBe(false)
  })

  it('a kind that throws is the error of its call', async () => {
    const { pipeline } = room({
      table: {
        allow: {},
        of: () => {
          throw new Error('bug')
        },
      },
    })
    await expect(pipeline.run(() => 1)).rejects.toThrow('bug')
    expect(pipeline.inFlight).toBe(0)
  })

  it('update takes it away, and another one begins anew', async () => {
    const { call, shed } = room({ table: { allow: { low: 0 } } })
    shed.update({ mode: 'enforce' })
    expect(await call('low')).toBe(false)
    shed.update({ table: false })
    expect(await call('low')).toBe(true)
  })
})

describe('shed › events and modes', () => {
  it('tells a rise at once, and a fall when it has lasted for 1 s', async () => {
    const { inner, call, clock, events, shed } = room()
    const at = async (pressure: number, ms: number): Promise<void> => {
      await clock.advance(ms)
      inner.now = pressure
      await call('critical')
    }
    await at(0.75, 0)
    await at(0.5, 100)
    await at(0.75, 100)
    await at(0.9, 100)
    expect([shed.level, events.length]).toEqual(['normal', 2])
    await at(0.5, 100)
    await at(0.5, 899)
    expect(shed.level).toBe('normal')
    await at(0.5, 1)
    expect(events).toMatchObject([
      { type: 'shed.changed', policy: 'shed', pipeline: 'quotes', level: 'low', from: 'none', pressure: 0.75, share: 1, at: 0 },
      { level: 'normal', from: 'low', at: 300 },
      { level: 'none', from: 'normal', at: 1_300 },
    ])
  })

  it('observers of a pipeline hear of it', async () => {
    const told: AnyEvent[] = []
    const inner = gauge()
    const { pipeline } = on([shed(), inner], { observers: [{ event: (event) => told.push(event) }] })
    inner.now = 1
    await pipeline.tryRun(() => 1)
    expect(told.map(({ type }) => type)).toEqual(['shed.changed', 'call.refused'])
  })

  it('`observe` refuses nobody, presses nobody, and tells what it would have refused', async () => {
    const { inner, passing, pipeline, shed } = room({ mode: 'observe', load: () => 0.5 })
    const told: AnyEvent[] = []
    pipeline.on('refusal.observed', (event) => told.push(event))
    inner.now = 1
    expect([await passing(), shed.pressure(), shed.refused]).toEqual(['critical high normal low', 0, 3])
    expect(told).toMatchObject([{ policy: 'shed', error: 'ShedError', priority: 'high' }, { priority: 'normal' }, { priority: 'low' }])
  })

  it('`off` looks at nothing', async () => {
    const { inner, passing, shed } = room({ mode: 'off', load: () => 1 })
    inner.now = 1
    expect([await passing(), shed.offered, shed.pressure()]).toEqual(['critical high normal low', 0, 0])
  })

  it('works in two steps, without a pipeline, by what is its own', () => {
    const one = shed({ load: () => 0.9 })
    const low = attempt({ priority: 'low' })
    const high = attempt({ priority: 'high' })
    expect(one.admit(low)).toBeInstanceOf(Refusal)
    const permit = one.admit(high)
    expect(permit).not.toBeInstanceOf(Refusal)
    one.settle!(permit, settled('success', high), high)
  })

  it('reads no clock and makes no event where nothing is to be shed', async () => {
    const { shed, pipeline } = room()
    await pipeline.run((one) => expect(one.startedAt).toBeNaN())
    expect(shed.level).toBe('none')
  })
})

describe('shed › event loop', () => {
  it('an idle loop, which reads its own resolution, is no pressure; a reading is of the time since the one before', () => {
    const delays = { mean: 10e6, count: 100 }
    const load = eventLoopDelay(delays)
    expect(load()).toBe(0)
    expect(load()).toBe(0)
    Object.assign(delays, { mean: (100 * 10e6 + 10 * 60e6) / 110, count: 110 })
    expect(load()).toBeCloseTo(0.5)
    expect(load()).toBeCloseTo(0.5)
    // Somebody has reset it.
    Object.assign(delays, { mean: NaN, count: 0 })
    expect(load()).toBeCloseTo(0.5)
    Object.assign(delays, { mean: 35e6, count: 2 })
    expect(load()).toBeCloseTo(0.25)
    expect(eventLoopDelay({ mean: 30e6, count: 1 }, { resolutionMs: 20, fullMs: 20 })()).toBe(0.5)
  })

  it('takes Node’s own histogram', async () => {
    const real = monitorEventLoopDelay({ resolution: 10 })
    real.enable()
    const load = eventLoopDelay(real)
    while (real.count < 3) await new Promise((resolve) => setTimeout(resolve, 10))
    load()
    const before = real.count
    const until = performance.now() + 400
    while (performance.now() < until) Math.sqrt(until)
    while (real.count === before) await new Promise((resolve) => setImmediate(resolve))
    expect(load()).toBeGreaterThan(0.5)
    real.disable()
  })

  it('utilisation counts from 0.9 on, of the time since the last reading', () => {
    let total = { utilization: 0.5 }
    const seen: unknown[] = []
    const read = (now?: { utilization: number }, before?: { utilization: number }): { utilization: number } => {
      if (now === undefined) return total
      seen.push(before)
      return { utilization: now.utilization }
    }
    const load = eventLoopUtilization(read)
    expect(load()).toBe(0)
    total = { utilization: 0.95 }
    expect(load()).toBeCloseTo(0.5)
    expect(seen).toEqual([{ utilization: 0.5 }])
    expect(eventLoopUtilization(() => ({ utilization: 1 }), { above: 0.5 })()).toBe(1)
    expect(eventLoopUtilization(performance.eventLoopUtilization)()).toBeGreaterThanOrEqual(0)
  })

  it.each<[() => unknown, string]>([
    [() => eventLoopDelay(undefined as never), 'eventLoopDelay histogram must be one of monitorEventLoopDelay(), got undefined'],
    [() => eventLoopDelay({ mean: 1 } as never), 'eventLoopDelay histogram.count must be a number from 0 on, got undefined'],
    [() => eventLoopDelay({ mean: 1, count: 1 }, { fullMs: 0 }), 'eventLoopDelay.fullMs must be a finite number over 0, got 0'],
    [() => eventLoopDelay({ mean: 1, count: 1 }, { resolutionMs: -1 }), 'eventLoopDelay.resolutionMs must be a number from 0 on, got -1'],
    [() => eventLoopUtilization(5 as never), 'eventLoopUtilization read must be a function, got 5'],
    [() => eventLoopUtilization(() => ({ utilization: 1 }), { above: 1 }), 'eventLoopUtilization.above must be less than 1, got 1'],
  ])('%s', (make, message) => {
    expect(make).toThrow(message)
  })
})

describe('shed › sub-levels', () => {
  it('are the same for the same id and salt, and spread over 0 to 127', () => {
    const counts = Array.from({ length: 128 }, () => 0)
    for (let i = 0; i < 12_800; i++) counts[subLevelOf(`user-${i}`)]!++
    expect(Math.min(...counts)).toBeGreaterThan(50)
    expect(Math.max(...counts)).toBeLessThan(160)
    expect(subLevelOf('a', 1)).toBe(subLevelOf('a', 1))
    const moved = Array.from({ length: 100 }, (_, i) => subLevelOf(`user-${i}`, 1) !== subLevelOf(`user-${i}`, 2)).filter(Boolean)
    expect(moved.length).toBeGreaterThan(90)
  })
})

describe('shed › options', () => {
  it('has defaults, and tells them', () => {
    expect(shed().options).toEqual({ above: { critical: Infinity, high: 0.95, normal: 0.85, low: 0.7 }, load: [], share: undefined, table: false, mode: 'enforce', name: 'shed' })
  })

  it.each<[unknown, string]>([
    [{ above: { normal: 0.6 } }, 'shed.above.low must be at most that of the priority above it (0.6), got 0.7'],
    [{ above: { critical: 0.5 } }, 'shed.above.high must be at most that of the priority above it (0.5), got 0.95'],
    [{ above: { low: -0.1 } }, 'shed.above.low must be a number from 0 on, got -0.1'],
    [{ above: { low: NaN } }, 'shed.above.low must be a number from 0 on, got NaN'],
    [{ above: { urgent: 1 } }, 'shed.above has no option "urgent"; it has critical, high, normal, low'],
    [{ above: 0.5 }, 'shed.above options must be an object, got 0.5'],
    [{ load: 0.5 }, 'shed.load must be a function or an array of them, got 0.5'],
    [{ load: [() => 1, 0.5] }, 'shed.load[1] must be a function, got 0.5'],
    [{ share: 0.5 }, 'shed.share must be a function, got 0.5'],
    [{ table: { allow: { low: 1.5 } } }, 'shed.table.allow.low must be a ratio from 0 to 1, got 1.5'],
    [{ table: { allow: { critical: 0.5 } } }, 'shed.table.allow.high must be at most that of the priority above it (0.5), got 1'],
    [{ table: { allow: { urgent: 1 } } }, 'shed.table.allow has no option "urgent"'],
    [{ table: { allow: { A: 2 }, of: () => 'A' } }, 'shed.table.allow.A must be a ratio from 0 to 1, got 2'],
    [{ table: { allow: 1 } }, 'shed.table.allow must be an object of shares, got 1'],
    [{ table: { allow: {}, of: 'meta' } }, 'shed.table.of must be a function, got "meta"'],
    [{ table: { allow: {}, above: -1 } }, 'shed.table.above must be a number from 0 on, got -1'],
    [{ table: 5 }, 'shed.table options must be an object, got 5'],
    [{ mode: 'x' }, "shed.mode must be one of 'enforce', 'observe', 'off'"],
    [{ name: '' }, 'shed.name must be a string that is not empty, got ""'],
    [{ levels: 4 }, 'shed has no option "levels"'],
    [5, 'shed options must be an object, got 5'],
  ])('%j is refused', (options, message) => {
    expect(() => shed(options as ShedOptions)).toThrow(message)
  })

  it('update checks all and changes nothing when it fails', () => {
    const one = shed({ above: { low: 0.1 } })
    const before = one.options
    expect(() => one.update({ mode: 'observe', above: { low: 0.9 } })).toThrow('shed.above.low')
    expect(() => one.update({ name: 'other' } as object)).toThrow('shed has no option "name"')
    expect(one.options).toBe(before)
    one.update({ above: { high: 0.9 } })
    expect(one.options.above).toEqual({ critical: Infinity, high: 0.9, normal: 0.85, low: 0.1 })
  })
})

describe('shed › laws', () => {
  const step = fc.record({
    pressure: fc.double({ min: 0, max: 1, noNaN: true }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    priority: fc.constantFrom(...priorities),
    ms: fc.integer({ min: 0, max: 3_000 }),
  })
  const above = fc.array(fc.double({ min: 0, max: 1.2, noNaN: true }), { minLength: 4, maxLength: 4 }).map((list) => {
    const [critical, high, normal, low] = list.toSorted((a, b) => b - a)
    return { critical: critical!, high: high!, normal: normal!, low: low! }
  })

  it('a critical call never starves while anything lower passes: of as many, no more of any other do', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), above, fc.boolean(), async (steps, above, byShare) => {
        let share = 1
        const one = shed({ above, ...(byShare ? { share: () => share } : {}) })
        const inner = gauge()
        const { clock } = on([one, inner] as Guard[])
        const passed = { critical: 0, high: 0, normal: 0, low: 0 }
        for (const { pressure, share: part, priority, ms } of steps) {
          await clock.advance(ms)
          inner.now = pressure
          share = part
          // One of each at the same moment.
          for (const of of new Set<Priority>([priority, 'critical'])) {
            if (!(one.admit(attempt({ clock, priority: of })) instanceof Refusal)) passed[of]++
          }
          // What is not a whole call is carried over: by up to one call another may be ahead.
          for (const of of priorities) expect(passed.critical, of).toBeGreaterThanOrEqual(passed[of] - 1)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('holds nothing: a call that ended leaves nothing behind, however it ended', async () => {
    const { pipeline, clock, call, inner } = room({ load: () => 0.5, share: () => 0.5, table: { allow: { low: 0.5 } } }, [bulkhead({ slots: 1 })])
    for (let i = 0; i < 50; i++) {
      inner.now = (i % 10) / 10
      await call(priorities[i % 4]!)
    }
    expect([pipeline.inFlight, clock.pending]).toEqual([0, 0])
    expect(pipeline.name).toBe('quotes')
  })

  it('the build takes it anywhere in the list', () => {
    expect(() => pipeline('quotes', [breaker(), shed(), bulkhead({ slots: 1 })])).not.toThrow()
  })
})

describe('shed › in the wrong place', () => {
  it('the build warns where it has nothing to go by', () => {
    const warned: string[] = []
    const options = { onWarning: (message: string) => warned.push(message) }
    pipeline('quotes', [shed()], options)
    const useful = [[shed({ load: () => 0 })], [shed({ share: () => 1 })], [shed({ table: { allow: { low: 0.5 } } })], [breaker(), shed()], [shed(), bulkhead({ slots: 2 })]]
    for (const list of useful) pipeline('quotes', list, options)
    expect(warned).toEqual([expect.stringContaining('shed: it refuses nobody, for no other guard of the pipeline presses')])
  })
})
