import { adaptiveLimit, breaker, bulkhead, constant, fallback, type Guard, keyed, pipeline, type Policy, rateLimit, retry, shed, throttle, timeout } from 'spillway'
import { recorder, type RecorderOptions, type Snapshot, type PipelineSnapshot } from 'spillway/metrics'
import { manualClock } from 'spillway/testing'
import { describe, expect, it, vi } from 'vitest'
import { collect, heapGrowth } from './support/heap.ts'

/** 1970 plus some: a whole minute. */
const START = 1_800_000_000_000 - (1_800_000_000_000 % 60_000)

function world(options: RecorderOptions = {}) {
  const clock = manualClock()
  const metrics = recorder({ now: () => START + clock.now(), ...options })
  const errors: unknown[] = []
  const more = { clock, observers: [metrics], random: () => 0.5, onWarning: () => {}, onInternalError: (error: unknown) => void errors.push(error) }
  const one = (snapshot: Snapshot = metrics.snapshot()): PipelineSnapshot => snapshot.pipelines[0]!
  return { clock, metrics, more, errors, one, make: <const P extends readonly Policy[]>(name: string, policies: P) => pipeline(name, policies, more) }
}

const down = (): Promise<never> => Promise.reject(new Error('down'))
const never = (): Promise<never> => new Promise(() => {})
const last = <T>(list: readonly T[]): T => list.at(-1)!

describe('metrics › outcomes', () => {
  it('counts calls by how they ended for their caller', async () => {
    const { clock, make, one, errors } = world()
    const calls = make('quotes', [timeout(1_000), bulkhead({ slots: 2 })])
    await calls.run(() => 1)
    await calls.tryRun(down)
    const hung = [calls.tryRun(never), calls.tryRun(never)]
    await calls.tryRun(() => 1)
    await clock.advance(1_000)
    await Promise.all(hung)
    const aborted = new AbortController()
    const { totals } = one()
    expect(totals.calls).toEqual({ success: 1, failure: 1, timeout: 2, rejected: 1, cancelled: 0, fallback: 0 })
    aborted.abort()
    await calls.tryRun(never, { signal: aborted.signal })
    expect(one().totals.calls.cancelled).toBe(1)
    expect(totals.attemptSeconds).toMatchObject({ success: { count: 1 }, failure: { count: 1 }, overload: { count: 2, sumSeconds: 2 }, ignored: { count: 0 } })
    expect(totals.rejections).toEqual([{ policy: 'bulkhead', priority: 'normal', count: 1 }])
    expect(errors).toEqual([])
  })

  it("tells a fallback's answer from a success, and a caller's deadline from an abort", async () => {
    const { make, one, clock } = world()
    const calls = make('quotes', [fallback(() => 'kept')])
    expect(await calls.run(down)).toBe('kept')
    expect(await calls.run(() => 'fresh')).toBe('fresh')
    const late = calls.tryRun(never, { timeoutMs: 100 })
    await clock.advance(100)
    await late
    expect(one().totals.calls).toEqual({ success: 1, failure: 0, timeout: 1, rejected: 0, cancelled: 0, fallback: 1 })
  })

  it('counts a failing value as a failure, and a refusal by a deadline that passed as rejected', async () => {
    const { metrics, clock, more } = world()
    const calls = pipeline('quotes', [], { ...more, classify: (outcome) => (outcome.ok && outcome.value === 500 ? 'failure' : 'success') })
    await calls.run(() => 500)
    await calls.tryRun(() => 1, { deadline: clock.now() })
    expect(metrics.snapshot().pipelines[0]!.totals.calls).toMatchObject({ failure: 1, rejected: 1 })
  })

  it('counts attempts, retries by reason, amplification, and how calls fared with retries', async () => {
    const { clock, make, one } = world()
    const calls = make('quotes', [retry({ maxAttempts: 3, backoff: constant(10), budget: false })])
    const run = async (fails: number): Promise<void> => {
      const call = calls.tryRun(({ number }) => (number > fails ? 1 : down()))
      await clock.advance(50)
      await call
    }
    await run(0)
    await run(1)
    await run(3)
    const { totals, window } = one()
    expect([totals.attempts, totals.retries, totals.retriesByReason]).toEqual([6, 3, { failure: 3, overload: 0 }])
    expect(totals.retriedCalls).toEqual({ succeeded: 1, succeededRetried: 1, failed: 0, failedRetried: 1 })
    expect([window.amplification, window.attempts, window.retries, window.retriesByReason.failure]).toEqual([2, 6, 3, 3])
  })

  it('counts refusals by policy and priority, also those that a retry or a fallback hides', async () => {
    const { make, one } = world()
    const slots = bulkhead({ slots: 0, name: 'slots' })
    const calls = make('quotes', [fallback(() => 0), slots])
    await calls.run(() => 1, { priority: 'low' })
    await calls.run(() => 1, { priority: 'critical' })
    slots.update({ mode: 'observe' })
    await calls.run(() => 1)
    const { totals, window, series } = one()
    expect(totals.rejections).toEqual([{ policy: 'slots', priority: 'critical', count: 1 }, { policy: 'slots', priority: 'low', count: 1 }])
    expect(totals.observedRejections).toEqual([{ policy: 'slots', priority: 'normal', count: 1 }])
    expect(totals.calls).toMatchObject({ fallback: 2, success: 1 })
    expect([window.rejections, window.rejectionsByPriority.low, window.rejectionsByPolicy]).toEqual([2, 1, { slots: 2 }])
    expect([last(series!.rejections), last(series!.rejectionsByPriority.critical), last(series!.rejectionsByPolicy['slots']!)]).toEqual([2, 1, 2])
  })
})

describe('metrics › time', () => {
  it('draws two minutes second by second on one axis', async () => {
    const { clock, make, metrics, one } = world()
    const calls = make('quotes', [])
    for (let second = 0; second < 3; second++) {
      for (let i = 0; i <= second; i++) await calls.run(() => 1)
      await calls.tryRun(down)
      await clock.advance(1_000)
    }
    const { axis, at } = metrics.snapshot()
    expect(axis).toEqual({ from: START + 3_000 - 119_000, stepMs: 1_000, steps: 120 })
    expect(at).toBe(START + 3_000)
    const { series } = one()
    expect(series!.calls.success.slice(-5)).toEqual([0, 1, 2, 3, 0])
    expect(series!.calls.failure.slice(-5)).toEqual([0, 1, 1, 1, 0])
    expect(series!.attempts.slice(-4)).toEqual([2, 3, 4, 0])
    expect(series!.calls.success).toHaveLength(120)
    await clock.advance(118_000)
    expect(one().series!.calls.success.reduce((a, b) => a + b)).toBe(3)
    await clock.advance(1_000)
    expect(one().series!.calls.success.reduce((a, b) => a + b)).toBe(0)
    expect(one().totals.calls.success).toBe(6)
  })

  it('has percentiles of the sliding window and of each second', async () => {
    const { clock, make, one } = world()
    const calls = make('quotes', [])
    const runs = Array.from({ length: 100 }, (_, i) => calls.run(() => new Promise<void>((resolve) => void clock.after(i + 1, resolve))))
    await clock.advance(200)
    await Promise.all(runs)
    const { window, series } = one()
    expect(window.p50).toBeGreaterThan(47)
    expect(window.p50).toBeLessThan(54)
    expect(window.p90).toBeGreaterThan(84)
    expect(window.p90).toBeLessThan(96)
    expect([window.p99! > 92, window.p99! <= 100, window.maxMs, window.meanMs]).toEqual([true, true, 100, 50.5])
    expect(last(series!.p50)).toBeCloseTo(window.p50!, 0)
    await clock.advance(5_000)
    expect(one().series!.p99.filter((ms) => ms !== null)).toHaveLength(1)
    expect(one().window.p99).not.toBe(null)
    await clock.advance(5_000)
    expect(one().window).toMatchObject({ p99: null, calls: 0, callsPerSecond: 0, failureRatio: null, amplification: null })
    expect(one().series!.p99.filter((ms) => ms !== null)).toHaveLength(1)
  })

  it('rates are per second of the window, and shares of it', async () => {
    const { clock, make, one } = world()
    const calls = make('quotes', [bulkhead({ slots: 1 })])
    for (let second = 0; second < 20; second++) {
      const slow = calls.run(() => new Promise<void>((resolve) => void clock.after(100, resolve)))
      await calls.tryRun(() => 1)
      await clock.advance(100)
      await slow
      await calls.tryRun(down)
      await clock.advance(900)
    }
    const { window } = one()
    expect(window.callsPerSecond).toBeCloseTo(3, 1)
    expect([window.failureRatio, window.rejectedRatio]).toEqual([0.5, 1 / 3])
  })

  it('has 15 minutes coarsely, the running seconds included', async () => {
    const { clock, make, one } = world()
    const calls = make('quotes', [])
    await calls.run(() => 1)
    await clock.advance(10_000)
    await calls.tryRun(down)
    const { past } = one()
    expect([past.calls.slice(-3), past.bad.slice(-3), past.from, past.stepMs]).toEqual([[0, 1, 1], [0, 0, 1], START + 10_000 - 890_000, 10_000])
  })

  it('a clock that goes back hides nothing', async () => {
    let at = START
    const { clock, metrics, make } = world({ now: () => at })
    const calls = make('quotes', [])
    await calls.run(() => 1)
    await clock.advance(3_000)
    await calls.run(() => 1)
    at = START - 3_000
    expect(metrics.snapshot().pipelines[0]!.window.calls).toBe(2)
  })
})

describe('metrics › states', () => {
  it('says why a breaker is open, since when, how long still, and what it was before', async () => {
    const { clock, make, metrics, one } = world()
    const calls = make('quotes', [breaker({ minimumThroughput: 2, breakMs: 5_000 })])
    await clock.advance(10_000)
    await calls.run(() => 1)
    const shown = (): object => one().policies[0]!.breaker!
    expect(shown()).toMatchObject({ state: 'closed', reason: null, retryAfterMs: null, since: START, counted: { calls: 1, failed: 0, slow: 0 } })
    await calls.tryRun(down)
    await clock.advance(2_000)
    expect(shown()).toEqual({
      state: 'open', reason: '50 % of 2 calls in 10 s failed', retryAfterMs: 3_000, since: START + 10_000, counted: null,
      history: [
        { state: 'closed', from: START, to: START + 10_000, reason: null },
        { state: 'open', from: START + 10_000, to: null, reason: '50 % of 2 calls in 10 s failed' },
      ],
    })
    await clock.advance(3_000)
    await calls.run(() => 1)
    expect(one().policies[0]!.breaker!.history.map(({ state, from, to }) => [state, from - START, to === null ? null : to - START])).toEqual([
      ['closed', 0, 10_000], ['open', 10_000, 15_000], ['halfOpen', 15_000, 15_000], ['closed', 15_000, null],
    ])
    expect(one().totals.transitions).toEqual([
      { policy: 'breaker', from: 'closed', to: 'open', count: 1 }, { policy: 'breaker', from: 'open', to: 'halfOpen', count: 1 }, { policy: 'breaker', from: 'halfOpen', to: 'closed', count: 1 },
    ])
    expect(metrics.snapshot().log.map(({ at, severity, type, text, policy, pipeline: name }) => [at - START, severity, type, text, policy, name])).toEqual([
      [10_000, 'error', 'breaker.opened', 'opened: 50 % of 2 calls in 10 s failed; rests 5 s', 'breaker', 'quotes'],
      [15_000, 'warning', 'breaker.halfOpened', 'half-open: a probe is out', 'breaker', 'quotes'],
      [15_000, 'information', 'breaker.closed', 'closed after 5 s', 'breaker', 'quotes'],
    ])
  })

  it('two breakers of one name are two', async () => {
    const { make, one, clock } = world()
    const outer = breaker()
    const inner = breaker()
    make('quotes', [outer, retry(), inner])
    await clock.advance(1)
    const undo = inner.isolate()
    expect(one().policies.filter(({ type }) => type === 'breaker').map(({ name, breaker: facts }) => [name, facts!.state, facts!.history.length])).toEqual([['breaker', 'closed', 1], ['breaker#2', 'isolated', 2]])
    undo()
    expect(one().policies.at(-1)!.breaker).toMatchObject({ state: 'closed', reason: null })
  })

  it('shows the gauges of bulkheads, rate limits and budgets', async () => {
    const { make, one } = world()
    const calls = make('quotes', [retry(), rateLimit({ permits: 5, everyMs: 1_000, queue: 1 }), bulkhead({ slots: 1, queue: 3 })])
    void calls.run(never)
    void calls.run(never)
    const { policies, inFlight } = one()
    expect(inFlight).toBe(2)
    expect(policies).toMatchObject([
      { type: 'retry', budget: { available: 10 } },
      { type: 'rateLimit', rateLimit: { available: 3, queued: 0, permits: 5, everyMs: 1_000 }, mode: 'enforce' },
      { type: 'bulkhead', bulkhead: { inFlight: 1, queued: 1, slots: 1 }, pressure: 1 },
    ])
  })

  it('knows throttles, sheds, parks and adaptive limits by their type and fields', async () => {
    const { metrics, more, clock, one } = world()
    const permit = {}
    let allow = 0.4
    const guard = (type: string, fields: object): Guard => Object.defineProperties({ kind: 'guard', type, name: type, admit: () => permit }, Object.getOwnPropertyDescriptors(fields)) as Guard
    const throttle = guard('throttle', { get allow() { return { critical: 1, low: allow } }, acceptance: 0.75, share: () => allow })
    const calls = pipeline('quotes', [throttle, guard('shed', { allow: { low: 0 } }), guard('park', { queued: 7, parked: 99 }), guard('adaptiveLimit', { limit: 12.5, inFlight: 3, queued: 1 })], more)
    await calls.run(() => 1)
    await clock.advance(1_000)
    allow = 0.6
    await calls.run(() => 1)
    const { policies, series } = one()
    expect(policies).toMatchObject([
      { throttle: { allow: 0.6, allowByPriority: { critical: 1, high: 1, normal: 1, low: 0.6 }, acceptance: 0.75, history: [{ at: START, allow: 0.4 }] } },
      { shed: { byPriority: { critical: 0, low: 0 }, allowByPriority: { low: 0, critical: 1 }, level: null } },
      { park: { parked: 7 } },
      { limit: { limit: 12.5, inFlight: 3, queued: 1 } },
    ])
    expect([series!.share.slice(-2), series!.limit.slice(-2)]).toEqual([[0.6, 0.6], [12.5, 12.5]])
    expect(metrics.snapshot().pipelines).toHaveLength(1)
  })

  it('survives policies whose fields throw or say nonsense', () => {
    const { metrics, more } = world()
    const odd = { kind: 'guard', type: 'breaker', name: 'odd', admit: () => ({}), get state() { throw new Error('no') }, retryAfterMs: NaN, pressure: () => 7, options: { get x() { throw new Error('no') } } } as unknown as Guard
    pipeline('quotes', [odd, { kind: 'guard', admit: () => ({}), name: 'odd', type: 'throttle', share: () => { throw new Error('no') } } as unknown as Guard], more)
    expect(metrics.snapshot().pipelines[0]!.policies).toMatchObject([{ type: 'breaker', pressure: 0, breaker: { state: 'closed', retryAfterMs: null } }, { name: 'odd#2', throttle: { allow: 1 } }])
  })

  it('shows the fold with effective options and warnings, as JSON can say it', () => {
    const { make, one } = world()
    make('quotes', [breaker({ breakMs: () => 5, maxBreakMs: Infinity }), fallback(() => 0), timeout(500)])
    const { nodes, fold, warnings } = one()
    expect(fold).toBe('stage[breaker] ─▶ fallback ─▶ stage[timeout 500 ms] ─▶ your function')
    expect(nodes).toMatchObject([
      { kind: 'stage', guards: [{ type: 'breaker', options: { breakMs: 'a function', maxBreakMs: 'Infinity', failureRatio: 0.5, probes: { total: 1 } } }] },
      { kind: 'layer', type: 'fallback' },
      { kind: 'stage', guards: [{ type: 'timeout', options: { ms: 500 } }] },
    ])
    expect(warnings).toHaveLength(1)
  })
})

describe('metrics › snapshots', () => {
  it('are plain data that survives JSON, and change nothing', async () => {
    const { make, metrics, clock } = world()
    const calls = make('quotes', [retry(), breaker(), rateLimit({ permits: Infinity, everyMs: 1 }), bulkhead({ slots: Infinity }), timeout(Infinity)])
    await calls.run(() => 1)
    const failing = calls.tryRun(down)
    await clock.advance(5_000)
    await failing
    const first = metrics.snapshot()
    expect(JSON.parse(JSON.stringify(first))).toEqual(first)
    expect(metrics.snapshot()).toEqual(first)
    await clock.advance(300)
    metrics.snapshot()
    expect(metrics.snapshot().pipelines[0]!.totals).toEqual(first.pipelines[0]!.totals)
  })

  it('come without series or configuration where those are not wanted', () => {
    const { make, metrics } = world()
    make('a', [])
    make('b', [])
    const has = (options: object) => metrics.snapshot(options).pipelines.map(({ series, nodes }) => [series !== undefined, nodes !== undefined])
    expect(has({ series: false, config: (name: string) => name === 'b' })).toEqual([[false, false], [false, true]])
    expect(has({ series: (name: string) => name === 'a' })).toEqual([[true, true], [false, true]])
  })

  it('of a pipeline without a call are zeros', () => {
    const { make, one } = world()
    make('idle', [])
    const { totals, window, series, inFlight, instances } = one()
    expect([inFlight, instances, totals.attempts, window.calls, window.p50, series!.attempts.length]).toEqual([0, 1, 0, 0, null, 120])
    expect(totals.callSeconds.success).toEqual({ count: 0, sumSeconds: 0, counts: Array.from({ length: 15 }, () => 0) })
  })
})

describe('metrics › labels', () => {
  it('pipelines of keyed are told apart by their key', async () => {
    const { metrics, more } = world()
    const { clock } = more
    const family = keyed(() => pipeline('search', [breaker({ consecutive: 1 })], { clock }), { max: 1, observers: [metrics] })
    await family.tryRun('tenant-a', down)
    await family.run('tenant-b', () => 1)
    const hosts = keyed((host) => pipeline(host, [], { clock }), { observers: [metrics] })
    await hosts.run('api.test', () => 1)
    const shown = metrics.snapshot()
    expect(shown.pipelines.map(({ name, totals }) => [name, totals.attempts])).toEqual([['search/tenant-a', 1], ['search', 1], ['api.test', 1]])
    expect(shown.pipelines[0]!.policies[0]!.breaker!.state).toBe('open')
    expect(shown.log.map(({ pipeline: name }) => name)).toEqual(['search/tenant-a'])
  })

  it('a recorder given to the pipeline and to keyed counts once', async () => {
    const { metrics, more } = world()
    const family = keyed(() => pipeline('search', [breaker({ consecutive: 1 })], more), { observers: [metrics] })
    await family.run('a', () => 1)
    await more.clock.advance(1)
    await family.tryRun('a', down)
    const [one] = metrics.snapshot().pipelines
    expect([one!.totals.attempts, one!.totals.events, one!.policies[0]!.breaker!.history.length]).toEqual([2, { 'breaker.opened': 1 }, 2])
  })

  it('pipelines of one name are one, with the worst of their states and the sum of their slots', async () => {
    const { make, one } = world()
    const [a, b] = [0, 1].map(() => make('twin', [breaker({ consecutive: 1 }), bulkhead({ slots: 3 })])) as [ReturnType<typeof make>, ReturnType<typeof make>]
    void a.run(never)
    await b.tryRun(down)
    const { policies, instances, totals } = one()
    expect([instances, totals.attempts]).toEqual([2, 1])
    expect(policies).toMatchObject([{ breaker: { state: 'open' } }, { bulkhead: { inFlight: 1, slots: 6 } }])
  })

  it('beyond maxPipelines they share one label, whose policies are not shown', async () => {
    const { make, metrics } = world({ maxPipelines: 2, overflow: 'rest' })
    for (const name of ['a', 'b', 'c', 'd']) await make(name, [breaker()]).run(() => 1)
    expect(metrics.snapshot().pipelines.map(({ name, totals, policies, instances }) => [name, totals.calls.success, policies.length, instances])).toEqual([['a', 1, 1, 1], ['b', 1, 1, 1], ['rest', 2, 0, 2]])
    expect(metrics.live('rest').map(({ name }) => name)).toEqual(['c', 'd'])
  })

  it('long names are cut and stay apart, names of any kind are kept', async () => {
    const { make, metrics } = world()
    const names = ['x'.repeat(10_000), `${'x'.repeat(10_000)}y`, '<script>', '__proto__', 'a:b|c@d\n', '😀'.repeat(5_000)]
    for (const name of names) await make(name, [bulkhead({ slots: 0, name: '__proto__' })]).tryRun(() => 1)
    const { pipelines } = metrics.snapshot()
    expect(new Set(pipelines.map(({ name }) => name)).size).toBe(6)
    expect(pipelines.every(({ name }) => name.length <= 120 && !/[\uD800-\uDBFF](?![\uDC00-\uDFFF])/.test(name))).toBe(true)
    expect(pipelines[3]!.window.rejectionsByPolicy).toEqual(Object.fromEntries([['__proto__', 1]]))
  })

  it('a guard that refuses under ever new names is told apart up to a bound', async () => {
    const { make, one } = world()
    const { refuse, ShedError } = await import('spillway')
    let n = 0
    const calls = make('quotes', [{ kind: 'guard', name: 'g', admit: () => refuse({ name: `g${n++}` }, ShedError, () => 'no') } satisfies Guard])
    for (let i = 0; i < 100; i++) await calls.tryRun(() => 1)
    expect(one().totals.rejections).toHaveLength(33)
    expect(one().totals.rejections.at(-1)).toEqual({ policy: '(other)', priority: 'normal', count: 68 })
  })
})

describe('metrics › bounds', () => {
  it('keep the log short, the latest last, and repeated events in one entry', async () => {
    const { clock, make, metrics } = world({ maxEvents: 3 })
    const gate = breaker()
    make('quotes', [gate])
    for (let i = 0; i < 4; i++) {
      gate.open()
      await clock.advance(1_500)
    }
    for (let i = 0; i < 5; i++) gate.open()
    const { log } = metrics.snapshot()
    expect(log.map(({ id, count, at }) => [id, count, at - START])).toEqual([[2, 1, 3_000], [3, 1, 4_500], [4, 5, 6_000]])
  })

  it('a thousand pipelines with traffic take less than 45 kB each', async () => {
    const { make, metrics } = world()
    const all: unknown[] = []
    const memory = async (): Promise<number> => {
      await collect()
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      return heapUsed + arrayBuffers
    }
    const before = await memory()
    for (let i = 0; i < 1_000; i++) {
      const calls = make(`p${i}`, [breaker()])
      await calls.run(() => 1)
      await calls.tryRun(down)
      all.push(calls)
    }
    const bytes = (await memory()) - before
    console.log(`${Math.round(bytes / 1_000)} bytes per pipeline with traffic`)
    expect(metrics.snapshot({ series: false, config: false }).pipelines).toHaveLength(1_000)
    expect(bytes / 1_000).toBeLessThan(45_000)
    expect(all).toHaveLength(1_000)
  })

  it('calls leave nothing behind', async () => {
    const { clock, make } = world()
    const calls = make('quotes', [breaker(), bulkhead({ slots: 10 })])
    const grown = await heapGrowth(100_000, async (times) => {
      for (let i = 0; i < times; i++) {
        if (i % 100 === 0) clock.tick(100)
        await calls.run(() => 1)
      }
    })
    expect(grown).toBeLessThan(1_000_000)
  })

  it('hold no pipeline, and let its place go when it has long been quiet', async () => {
    const { clock, metrics } = world({ maxPipelines: 1 })
    const makeOne = async (name: string): Promise<void> => void (await pipeline(name, [breaker()], { clock, observers: [metrics] }).run(() => 1))
    await makeOne('a')
    await collect()
    expect(metrics.snapshot().pipelines[0]).toMatchObject({ name: 'a', instances: 0, policies: [], totals: { attempts: 1 } })
    await clock.advance(1_000_000)
    await makeOne('b')
    expect(metrics.snapshot().pipelines.map(({ name }) => name)).toEqual(['b'])
  })
})

describe('metrics › options', () => {
  it.each<[RecorderOptions, RegExp]>([
    [{ windowMs: 0 }, /recorder.windowMs must be a number over 0, got 0/],
    [{ windowMs: 1_500 }, /recorder.windowMs must be whole seconds from 1 000 to 120 000, got 1500/],
    [{ windowMs: 121_000 }, /windowMs/],
    [{ maxPipelines: -1 }, /recorder.maxPipelines/],
    [{ maxEvents: Infinity }, /recorder.maxEvents must be finite/],
    [{ overflow: '' }, /recorder.overflow/],
    [{ now: 5 as never }, /recorder.now must be a function/],
    [{ maxEvent: 5 } as never, /no option "maxEvent"; did you mean "maxEvents"\?/],
  ])('%o is refused', (options, message) => {
    expect(() => recorder(options)).toThrow(message)
  })

  it('the default clock is that of the process', async () => {
    const metrics = recorder()
    await pipeline('quotes', [], { observers: [metrics] }).run(() => 1)
    const { at, pipelines } = metrics.snapshot()
    expect(Math.abs(at - Date.now())).toBeLessThan(60_000)
    expect(pipelines[0]!.window.calls).toBe(1)
  })

  it('reads the clock no more than the pipeline does', async () => {
    const now = vi.fn(() => 0)
    const clock = { now, after: () => () => {} }
    const count = async (observers: object[]): Promise<number> => {
      const calls = pipeline('quotes', [], { clock, observers })
      await calls.run(() => 1)
      now.mockClear()
      await calls.run(() => 1)
      return now.mock.calls.length
    }
    expect(await count([recorder()])).toBeLessThanOrEqual(4)
  })
})

describe('metrics › policies that decide who passes', () => {
  it('are drawn, and their refusals counted by priority', async () => {
    const { make, one, clock } = world()
    const gate = throttle({ allow: 0.5 })
    const calls = make('quotes', [shed({ load: () => 0 }), gate, adaptiveLimit()])
    for (let i = 0; i < 10; i++) await calls.tryRun(() => 1)
    await clock.advance(1_000)
    await calls.tryRun(() => 1)
    gate.update({ allow: { low: 0 } })
    await calls.tryRun(() => 1, { priority: 'low' })
    const { policies, totals, series } = one()
    expect(policies).toMatchObject([
      { type: 'shed', shed: { level: 'none' } },
      { type: 'throttle', throttle: { allowByPriority: { critical: 1, low: 0 }, acceptance: 1 } },
      { type: 'adaptiveLimit', limit: { inFlight: 0, queued: 0 } },
    ])
    expect(totals.rejections.filter(({ policy }) => policy === 'throttle')).toEqual([{ policy: 'throttle', priority: 'normal', count: 5 }, { policy: 'throttle', priority: 'low', count: 1 }])
    expect(series!.share.at(-2)).toBe(0.5)
    expect(series!.limit.at(-1)).toBe(policies[2]!.limit!.limit)
  })
})
