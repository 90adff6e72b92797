import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { attempt, bulkhead, hintOf, pipeline, Refusal, settled, throttle, ThrottledError, timeout, unguarded, type AnyEvent, type Host, type Policy, type Priority, type ThrottleOptions, type Verdict } from 'spillway'
import { manualClock, seededRandom } from 'spillway/testing'

/** A throttle on a manual clock, and verbs to tell its story. */
function story(options: ThrottleOptions = {}, { random = (): number => 0, around = (one: Policy): Policy[] => [one] } = {}) {
  const clock = manualClock()
  const one = throttle(options)
  const warnings: string[] = []
  const events: AnyEvent[] = []
  const made = pipeline('search', around(one), { clock, random, onWarning: (warning) => warnings.push(warning) })
  made.on('*', (event) => events.push(event))
  const begin = (priority: Priority = 'normal') => {
    const a = attempt({ clock, priority })
    const permit = one.admit(a)
    return {
      attempt: a,
      permit,
      passed: !(permit instanceof Refusal),
      end: (verdict: Verdict = 'success', more: { retryAfterMs?: number; endedBy?: 'refusal' } = {}) => one.settle(permit, settled(verdict, a, more), a),
    }
  }
  /** Calls at this rate; says how many passed. */
  const call = (times: number, verdict: Verdict | ((n: number) => Verdict) = 'success', perSecond = 100, priority?: Priority): number => {
    let passed = 0
    for (let i = 0; i < times; i++) {
      const it = begin(priority)
      if (it.passed) it.end(typeof verdict === 'function' ? verdict(passed) : verdict)
      if (it.passed) passed++
      clock.tick(1_000 / perSecond)
    }
    return passed
  }
  return { one, made, clock, events, warnings, begin, call, told: () => events.filter(({ type }) => type === 'throttle.changed') }
}

describe('throttle', () => {
  it('lets all pass until told otherwise', () => {
    const { one, call } = story()
    expect(call(1_000)).toBe(1_000)
    expect([one.allow, one.pressure(), one.share(), one.busy(), one.acceptance]).toEqual([1, 0, 1, false, 1])
  })

  it('lets 30 of every 100 pass, evenly', () => {
    const { one, begin } = story({ allow: 0.3 })
    const passed = Array.from({ length: 100 }, () => begin().passed)
    expect(passed.filter(Boolean)).toHaveLength(30)
    for (let i = 0; i + 10 <= 100; i++) expect([2, 3, 4]).toContain(passed.slice(i, i + 10).filter(Boolean).length)
    expect([one.allow, one.pressure()]).toEqual([0.3, 0.7])
  })

  it('refuses with a ThrottledError: nothing was started', async () => {
    const { made } = story({ allow: 0.3 })
    const answer = await made.tryRun(() => expect.unreachable())
    expect(answer).toMatchObject({ ok: false, attempts: 0 })
    expect((answer as { error: unknown }).error).toBeInstanceOf(ThrottledError)
    expect((answer as { error: Error }).error.message).toBe('Cannot call "search": only 30 % of the calls may pass')
  })

  it('gives each priority its own share; one that is not named is not throttled', () => {
    const { one, call } = story({ allow: { critical: 1, low: 0.1 } })
    expect([call(100, 'success', 100, 'critical'), call(100, 'success', 100, 'normal'), call(100, 'success', 100, 'low')]).toEqual([100, 100, 10])
    expect(one.allowByPriority).toEqual({ critical: 1, high: 1, normal: 1, low: 0.1 })
    expect(one.allow).toBeCloseTo(0.7)
  })

  it('takes another share at once', () => {
    const { one, begin, call } = story({ allow: 0.5 })
    call(100)
    one.update({ allow: 0 })
    expect(call(100)).toBe(0)
    expect((begin().permit as Refusal).reason()).toBe('no calls may pass')
    one.update({ allow: { low: 0 } })
    expect(call(100)).toBe(100)
    expect((begin('low').permit as Refusal).reason()).toBe('no calls of priority low may pass')
  })

  it('counts what was offered, sent and accepted; what was refused further in was not sent', () => {
    const { one, begin } = story({ allow: 0.5 })
    begin()
    begin().end('overload')
    begin()
    begin().end('failure')
    begin()
    begin().end('unused', { endedBy: 'refusal' })
    expect([one.offered, one.sent, one.accepted]).toEqual([6, 2, 1])
    // Its place goes to the next one.
    expect(begin().passed).toBe(true)
  })

  it('a caller who has gone says nothing', () => {
    const { one, begin } = story({ adaptive: true })
    for (let i = 0; i < 100; i++) begin().end('ignored')
    expect([one.offered, one.sent, one.accepted, one.allow]).toEqual([100, 100, 0, 1])
  })

  it('a permit that is not its own changes nothing', () => {
    const { one, clock } = story({ adaptive: true })
    const a = attempt({ clock })
    one.settle({}, settled('unused', a), a)
    one.settle(unguarded, settled('overload', a), a)
    expect([one.sent, one.accepted]).toEqual([0, 0])
  })

  it('processes of a fleet begin at different phases', () => {
    const random = seededRandom(7)
    const first = Array.from({ length: 20 }, () => {
      const { begin } = story({ allow: 0.1 }, { random })
      return Array.from({ length: 10 }, () => begin().passed).indexOf(true)
    })
    expect(new Set(first).size).toBeGreaterThan(4)
  })
})

describe('an adaptive throttle', () => {
  const down = (): Verdict => 'overload'

  it('holds back when the dependency has too much to do, and says so', () => {
    const { one, call, told } = story({ adaptive: true })
    call(400)
    call(800, (n) => (n % 2 === 0 ? 'success' : 'overload'))
    expect(one.allow).toBeLessThan(0.95)
    expect(one.busy()).toBe(true)
    expect(one.pressure()).toBeCloseTo(1 - one.allow)
    expect(one.acceptance).toBeGreaterThan(0.4)
    expect(told()[0]).toMatchObject({ policy: 'throttle', pipeline: 'search', from: 1 })
  })

  it('does not tell of each call', () => {
    const { call, told } = story({ adaptive: true })
    call(400)
    call(4_000, (n) => (n % 3 === 0 ? 'overload' : 'success'))
    call(4_000)
    expect(told().length).toBeGreaterThan(1)
    expect(told().length).toBeLessThan(30)
    expect(told().at(-1)).toMatchObject({ allow: 1 })
  })

  it('takes a failure for no overload: a bug is not load', () => {
    const { one, call } = story({ adaptive: true })
    expect(call(1_000, 'failure')).toBe(1_000)
    expect([one.allow, one.accepted]).toEqual([1, 1_000])
  })

  it('sends a probe a second through an outage, and learns from the first that come back', () => {
    const { one, call } = story({ adaptive: true })
    call(400)
    call(1_000, down)
    expect(one.allow).toBe(0)
    const probes = call(3_000, down)
    expect(probes).toBeGreaterThanOrEqual(30)
    expect(probes).toBeLessThanOrEqual(90)
    call(1_500)
    expect(one.allow).toBe(1)
  })

  it('says when something will pass, once hardly anything does', () => {
    const { call, begin } = story({ adaptive: true })
    call(1_000, down)
    const refusal = begin().permit as Refusal
    expect(refusal.retryAfterMs).toBeGreaterThan(0)
    expect(refusal.retryAfterMs).toBeLessThanOrEqual(1_200)
    expect(refusal.reason()).toBe('it can bear 0 % of the calls now')
  })

  it('lets the most important pass first', () => {
    const { one, clock, begin } = story({ adaptive: true })
    const mix: Priority[] = ['critical', 'high', 'normal', 'normal', 'normal', 'low', 'low', 'low', 'low', 'low']
    const passed: Record<Priority, number> = { critical: 0, high: 0, normal: 0, low: 0 }
    let capacity = 0
    for (let i = 0; i < 20_000; i++) {
      const priority = mix[i % 10]!
      const it = begin(priority)
      // Every tenth of a second it has room for three of ten calls.
      if (i % 10 === 0) capacity = 3
      if (it.passed) it.end(capacity-- > 0 ? 'success' : 'overload')
      if (it.passed && i >= 10_000) passed[priority]++
      clock.tick(10)
    }
    expect(passed.critical).toBe(1_000)
    expect(passed.high).toBe(1_000)
    expect(passed.normal).toBeGreaterThan(800)
    expect(passed.normal).toBeLessThan(2_200)
    expect(passed.low).toBeLessThan(200)
    expect(one.allowByPriority).toMatchObject({ critical: 1, high: 1, low: 0 })
    expect(one.distributes).toBe(true)
  })

  it('the same share of each, where that is wanted', () => {
    const { one, clock, begin } = story({ adaptive: true, distribute: 'evenly' })
    for (let i = 0; i < 300; i++) {
      const it = begin(i % 2 === 0 ? 'critical' : 'low')
      if (it.passed) it.end(i % 4 < 2 ? 'success' : 'overload')
      clock.tick(10)
    }
    expect(one.allow).toBeLessThan(0.95)
    expect(new Set(Object.values(one.allowByPriority)).size).toBe(1)
  })

  it('leaves it to a shed, where that is wanted: refuses nobody, and counts what the shed refuses', () => {
    const { one, clock, begin } = story({ adaptive: true, distribute: 'shed' })
    let sent = 0
    for (let i = 0; i < 4_000; i++) {
      const it = begin()
      expect(it.passed).toBe(true)
      if (it.attempt.probe || i < 2_000) {
        it.end('overload')
        sent++
      } else it.end('unused', { endedBy: 'refusal' })
      clock.tick(10)
    }
    expect(one.distributes).toBe(false)
    expect(one.share()).toBe(0)
    expect(one.allowByPriority).toEqual({ critical: 0, high: 0, normal: 0, low: 0 })
    // Probes are marked as such: a shed lets them pass.
    expect(sent - 2_000).toBeGreaterThan(15)
    expect(sent - 2_000).toBeLessThan(60)
  })

  it("lets a breaker's probe pass, and one that is due", () => {
    let due = false
    const waits = { kind: 'guard', name: 'waits', admit: () => ({}), probeDue: () => due } as const
    const { one, call, clock } = story({ adaptive: true }, { around: (it) => [it, waits] })
    call(1_000, down)
    const refusedOf = (probe: boolean): boolean => {
      const a = attempt({ clock })
      a.probe = probe
      return one.admit(a) instanceof Refusal
    }
    expect([refusedOf(false), refusedOf(true)]).toEqual([true, false])
    due = true
    expect(refusedOf(false)).toBe(false)
    one.update({ allow: 0 })
    expect(refusedOf(true)).toBe(true)
  })

  it("by the book's formula: twice what is accepted, a tenth at least", () => {
    const { one, call } = story({ adaptive: { algorithm: 'sre' } })
    call(2_000, (n) => (n % 4 === 0 ? 'success' : 'overload'))
    expect(one.allow).toBeGreaterThan(0.09)
    expect(one.allow).toBeLessThan(0.5)
    call(2_000, down)
    expect(one.allow).toBeCloseTo(0.1)
    expect(one.busy()).toBe(true)
    call(3_000)
    expect(one.allow).toBe(1)
  })

  it('begins anew at a share, for a dependency that comes back', () => {
    let host: Host | undefined
    const breaks = { kind: 'guard', name: 'breaks', admit: () => ({}), bind: (said: Host) => void (host = said) } as const
    const { one, call } = story({ adaptive: true }, { around: (it) => [breaks, it] })
    expect(host!.ramp(0.1)).toBe(true)
    expect(one.allow).toBeCloseTo(0.1)
    const passed = call(100)
    expect(passed).toBeGreaterThan(7)
    expect(passed).toBeLessThan(40)
    call(2_000)
    expect(one.allow).toBe(1)
  })

  it('one that is not adaptive, or only observes, takes on no ramp', () => {
    expect(story({ allow: 0.5 }).one.ramp!(0.1)).toBe(false)
    expect(story({ adaptive: true, mode: 'observe' }).one.ramp!(0.1)).toBe(false)
    expect(throttle({ adaptive: true }).ramp!(0.1)).toBe(false)
  })

  it('warns once of a hundred failures and no overload', () => {
    const { call, warnings, events } = story({ adaptive: true })
    call(99, 'failure')
    expect(warnings).toEqual([])
    call(500, 'failure')
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('pipeline "search": throttle: has seen 100 failures and no overload')
    expect(events.filter(({ type }) => type === 'policy.warned')).toHaveLength(1)
  })

  it('does not warn once it has seen an overload', () => {
    const { call, warnings } = story({ adaptive: true })
    call(50, 'failure')
    call(1, 'overload')
    call(500, 'failure')
    expect(warnings).toEqual([])
  })

  it('its window is four times the timeout within', () => {
    const slow = story({ adaptive: true }, { around: (it) => [it, timeout(10_000)] })
    slow.call(200, down)
    slow.call(2_000)
    // 20 s later those of the outage still count.
    expect(slow.one.acceptance).toBeLessThan(0.95)
    slow.call(2_500)
    expect(slow.one.acceptance).toBe(1)
  })
})

describe('what the server says', () => {
  it('a hint holds for its time', () => {
    const { one, clock, call, begin } = story({ adaptive: true })
    one.hint({ allow: 0.25, forMs: 10_000 })
    expect([one.allow, one.busy()]).toEqual([0.25, true])
    expect(call(400)).toBeGreaterThanOrEqual(100)
    expect((begin().permit as Refusal).reason()).toBe('it asked for 25 % of the calls for 6000 ms more')
    clock.tick(6_000)
    expect(call(100)).toBeGreaterThan(98)
    expect([one.allow, one.busy()]).toEqual([1, false])
  })

  it('so many calls in a time, of those that come', () => {
    const { one, call } = story()
    call(1_000)
    one.hint({ calls: 100, forMs: 5_000 })
    expect(one.allow).toBeCloseTo(0.2, 1)
    one.hint({ calls: 1_000, forMs: 5_000 })
    expect(one.allow).toBe(1)
  })

  it('Retry-After is heeded where that is wanted, up to a bound: then nothing passes', () => {
    const deaf = story({ adaptive: true })
    deaf.begin().end('overload', { retryAfterMs: 60_000 })
    expect(deaf.call(10)).toBe(10)
    const { clock, begin, call } = story({ adaptive: true, maxRetryAfterMs: 5_000 })
    begin().end('overload', { retryAfterMs: 60_000 })
    begin().end('success', { retryAfterMs: 60_000 })
    const refusal = begin().permit as Refusal
    expect([refusal.retryAfterMs, refusal.reason()]).toEqual([5_000, 'it asked to be left alone for 5000 ms more'])
    expect(call(490)).toBe(0)
    clock.tick(100)
    expect(call(10)).toBe(10)
  })

  it('a shorter pause does not end a longer one', () => {
    const { begin } = story({ maxRetryAfterMs: 60_000 })
    const [first, second] = [begin(), begin()]
    first.end('overload', { retryAfterMs: 9_000 })
    second.end('overload', { retryAfterMs: 1_000 })
    expect((begin().permit as Refusal).retryAfterMs).toBe(9_000)
  })

  it('given before there is a clock, it begins with the fold', () => {
    const one = throttle()
    one.hint({ allow: 0, forMs: 1_000 })
    const clock = manualClock(5_000)
    pipeline('late', [one], { clock })
    const refused = (): boolean => one.admit(attempt({ clock })) instanceof Refusal
    expect(refused()).toBe(true)
    clock.tick(1_000)
    expect(refused()).toBe(false)
  })

  it.each([
    [{ ratelimit: '"default";r=10;t=5' }, { calls: 10, forMs: 5_000 }],
    [{ 'ratelimit-remaining': '0', 'ratelimit-reset': '30' }, { calls: 0, forMs: 30_000 }],
    [{ 'x-level': '0.25' }, { allow: 0.25, forMs: 10_000 }],
    [{ 'x-level': '7', 'ratelimit': 'r=1' }, undefined],
    [{ 'ratelimit-remaining': 'many', 'ratelimit-reset': '30' }, undefined],
    [{ 'ratelimit-remaining': '1', 'ratelimit-reset': '0' }, undefined],
    [{}, undefined],
  ])('reads %j', (headers, hint) => {
    expect(hintOf(new Headers(headers as Record<string, string>), { level: 'x-level' })).toEqual(hint)
    if (!('x-level' in headers)) expect(hintOf(new Headers(headers as Record<string, string>))).toEqual(hint)
  })
})

describe('a dry run', () => {
  it('refuses nobody, tells whom it would have refused, exerts no pressure', async () => {
    const { one, made, events } = story({ allow: 0.5, mode: 'observe' })
    for (let i = 0; i < 10; i++) expect(await made.run(() => i)).toBe(i)
    expect(events.filter(({ type }) => type === 'refusal.observed')).toHaveLength(5)
    expect([one.sent, one.accepted, one.pressure(), one.share(), one.allow]).toEqual([10, 10, 0, 1, 0.5])
  })

  it('learns the share that it would begin with, though it sends everything', () => {
    const { one, call } = story({ adaptive: true, mode: 'observe' })
    expect(call(4_000, (n) => (n % 5 === 0 ? 'success' : 'overload'))).toBe(4_000)
    expect(one.allow).toBeCloseTo(0.22, 1)
  })

  it('off: refuses nobody, counts nothing, learns nothing', () => {
    const { one, call, begin } = story({ adaptive: true, allow: 0.1 })
    const open = begin()
    one.update({ mode: 'off' })
    expect(call(100, 'overload')).toBe(100)
    open.end('overload')
    expect([one.offered, one.accepted, one.pressure()]).toEqual([1, 0, 0])
  })
})

describe('in a pipeline', () => {
  it('a full bulkhead further in is no refusal of the dependency, and what it refuses was not sent', async () => {
    const { one, made } = story({ adaptive: true }, { around: (it) => [it, bulkhead({ slots: 0 })] })
    for (let i = 0; i < 50; i++) await made.tryRun(() => i)
    expect([one.offered, one.sent, one.allow]).toEqual([50, 0, 1])
  })

  it('host.share leaves out who distributes his share himself', () => {
    for (const [distribute, share] of [['priority', 1], ['evenly', 1], ['shed', 0.5]] as const) {
      let host: Host | undefined
      const asks = { kind: 'guard', name: 'asks', admit: () => ({}), bind: (said: Host) => void (host = said) } as const
      const one = throttle({ allow: 0.5, distribute })
      pipeline('x', [one, asks], { clock: manualClock() })
      expect(host!.share()).toBe(share)
    }
  })

  it('without a pipeline it works all the same', () => {
    const one = throttle({ adaptive: true, allow: 0.5 })
    const passed = Array.from({ length: 100 }, () => {
      const a = attempt()
      const permit = one.admit(a)
      if (permit instanceof Refusal) return 0
      one.settle(permit, settled('success', a), a)
      return 1
    })
    expect(passed.filter(Boolean)).toHaveLength(50)
  })
})

describe('laws of the throttle', () => {
  const verdict = fc.constantFrom<Verdict>('success', 'failure', 'overload', 'overload', 'ignored', 'unused')
  const step = fc.record({ afterMs: fc.nat(400), priority: fc.constantFrom<Priority>('critical', 'high', 'normal', 'low'), verdict, later: fc.boolean() })

  it('offered ≥ sent ≥ accepted ≥ 0, shares within 0..1, whatever happens', () => {
    const options = fc.record({
      allow: fc.double({ min: 0, max: 1, noNaN: true }),
      adaptive: fc.constantFrom(true, false, { algorithm: 'sre' as const, minimumThroughput: 1 }, { minimumThroughput: 1, windowMs: 100 }),
      distribute: fc.constantFrom('priority' as const, 'evenly' as const, 'shed' as const),
      maxRetryAfterMs: fc.constantFrom(0, 1_000),
    })
    fc.assert(
      fc.property(options, fc.array(step, { maxLength: 300, size: 'max' }), (said, steps) => {
        const { one, clock, begin } = story(said, { random: seededRandom(1) })
        const open: ReturnType<typeof begin>[] = []
        for (const { afterMs, priority, verdict: how, later } of steps) {
          clock.tick(afterMs)
          const it = begin(priority)
          if (it.passed) open.push(it)
          if (!later) for (const each of open.splice(0)) each.end(how, { retryAfterMs: 300 })
          const shares = [one.allow, one.share(), one.pressure(), one.acceptance, ...Object.values(one.allowByPriority)]
          const holds = one.offered >= one.sent && one.sent >= one.accepted && one.accepted >= 0 && shares.every((share) => share >= 0 && share <= 1)
          if (!holds) expect.fail(JSON.stringify([one.offered, one.sent, one.accepted, shares]))
        }
      }),
      { numRuns: 200 },
    )
  })

  it('whatever has happened, once all is accepted all pass again', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300, size: 'max' }), fc.constantFrom(0.5, 5, 40), fc.constantFrom('gain' as const, 'sre' as const), (steps, perSecond, algorithm) => {
        const { one, clock, begin, call } = story({ adaptive: { algorithm } }, { random: seededRandom(2) })
        for (const { afterMs, priority, verdict: how } of steps) {
          clock.tick(afterMs)
          const it = begin(priority)
          if (it.passed) it.end(how)
        }
        call(Math.round((perSecond > 10 ? 60 : 150) * perSecond), 'success', perSecond)
        expect(one.allow).toBe(1)
      }),
      { numRuns: 40 },
    )
  })

  it('passes at least one call in two seconds, whatever comes back', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 3, 10), fc.integer({ min: 0, max: 100 }), (perSecond, seed) => {
        const random = seededRandom(seed)
        const { clock, begin } = story({ adaptive: true }, { random })
        let last = 0
        for (let i = 0; i < 120 * perSecond; i++) {
          clock.tick(1_000 / perSecond)
          const it = begin((['critical', 'high', 'normal', 'low'] as const)[Math.floor(random() * 4)])
          if (!it.passed) continue
          it.end('overload')
          expect(clock.now() - last).toBeLessThanOrEqual(2_001)
          last = clock.now()
        }
      }),
      { numRuns: 20 },
    )
  })
})

describe('options of throttle', () => {
  const bad: [ThrottleOptions, typeof RangeError | typeof TypeError, string][] = [
    [{ allow: 1.1 }, RangeError, 'throttle.allow must be a ratio from 0 to 1, got 1.1'],
    [{ allow: -0.1 }, RangeError, 'throttle.allow must be a ratio from 0 to 1, got -0.1'],
    [{ allow: NaN }, RangeError, 'throttle.allow must be a ratio from 0 to 1, got NaN'],
    [{ allow: '1' as never }, TypeError, 'throttle.allow must be a ratio from 0 to 1, or one by priority, got "1"'],
    [{ allow: null as never }, TypeError, 'throttle.allow'],
    [{ allow: { low: 2 } }, RangeError, 'throttle.allow.low must be a ratio from 0 to 1, got 2'],
    [{ allow: { lows: 1 } as never }, TypeError, 'throttle.allow has no option "lows"; did you mean "low"?'],
    [{ adaptive: 'yes' as never }, TypeError, 'throttle.adaptive must be true, false or an object, got "yes"'],
    [{ adaptive: { algorithm: 'srs' as never } }, RangeError, "throttle.adaptive.algorithm must be one of 'gain', 'sre'"],
    [{ adaptive: { window: 1 } as never }, TypeError, 'throttle.adaptive has no option "window"; did you mean "windowMs"?'],
    [{ adaptive: { windowMs: 0 } }, RangeError, 'throttle.adaptive.windowMs'],
    [{ adaptive: { windowMs: Infinity } }, RangeError, 'throttle.adaptive.windowMs'],
    [{ adaptive: { minimumThroughput: 0 } }, RangeError, 'throttle.adaptive.minimumThroughput'],
    [{ adaptive: { minimumThroughput: Infinity } }, RangeError, 'throttle.adaptive.minimumThroughput must be finite'],
    [{ adaptive: { probesPerSecond: 0 } }, RangeError, 'throttle.adaptive.probesPerSecond'],
    [{ adaptive: { k: 2 } }, TypeError, "throttle.adaptive.k must be left out where algorithm is not 'sre'"],
    [{ adaptive: { algorithm: 'sre', k: 0.5 } }, RangeError, 'throttle.adaptive.k must be a finite number from 1 on, got 0.5'],
    [{ distribute: 'even' as never }, RangeError, 'throttle.distribute must be one of'],
    [{ maxRetryAfterMs: -1 }, RangeError, 'throttle.maxRetryAfterMs'],
    [{ mode: 'on' as never }, RangeError, 'throttle.mode'],
    [{ name: '' }, TypeError, 'throttle.name'],
    [{ alow: 1 } as never, TypeError, 'throttle has no option "alow"; did you mean "allow"?'],
  ]

  it.each(bad)('%j is refused', (options, kind, message) => {
    expect(() => throttle(options)).toThrow(kind)
    expect(() => throttle(options)).toThrow(message)
  })

  it('an update is checked as a whole and changes nothing when it is wrong', () => {
    const one = throttle({ allow: 0.5 })
    expect(() => one.update({ allow: 0.4, maxRetryAfterMs: -1 })).toThrow(RangeError)
    expect(() => one.update({ name: 'other' } as never)).toThrow(TypeError)
    expect([one.allow, one.name]).toEqual([0.5, 'throttle'])
  })

  it('an update keeps what was learned, as long as it is learned in the same way', () => {
    const { one, call } = story({ adaptive: true })
    call(1_000, 'overload')
    one.update({ adaptive: { probesPerSecond: 5 } })
    expect([one.allow, one.options.adaptive]).toEqual([0, expect.objectContaining({ probesPerSecond: 5, algorithm: 'gain' })])
    one.update({ adaptive: { algorithm: 'sre' } })
    expect([one.allow, one.options.adaptive]).toEqual([1, expect.objectContaining({ probesPerSecond: 5, algorithm: 'sre' })])
    one.update({ adaptive: false })
    expect(one.options.adaptive).toBe(false)
  })

  it('shows its effective options, and never writes to those of the user', () => {
    const said = Object.freeze({ allow: Object.freeze({ low: 0.5 }), adaptive: Object.freeze({}) })
    expect(throttle(said).options).toEqual({
      allow: { critical: 1, high: 1, normal: 1, low: 0.5 },
      adaptive: { algorithm: 'gain', windowMs: undefined, minimumThroughput: 20, probesPerSecond: 1, k: 2 },
      distribute: 'priority',
      maxRetryAfterMs: 0,
      mode: 'enforce',
      name: 'throttle',
    })
  })

  it.each([
    [{ allow: 1, forMs: 0 }, 'throttle.hint.forMs'],
    [{ allow: 2, forMs: 1 }, 'throttle.hint.allow'],
    [{ calls: -1, forMs: 1 }, 'throttle.hint.calls'],
    [{ forMs: 1 }, 'throttle.hint must be given either allow or calls'],
    [{ allow: 1, calls: 1, forMs: 1 }, 'throttle.hint must be given either allow or calls'],
    [{ alow: 1, forMs: 1 } as never, 'did you mean "allow"?'],
  ])('the hint %j is refused', (hint, message) => {
    const one = throttle()
    expect(() => one.hint(hint)).toThrow(message)
    expect(one.busy()).toBe(false)
  })

  it('warns of an adaptive one outside of a retry, and of one without a shed', async () => {
    const { retry } = await import('spillway')
    expect(story({ adaptive: true }, { around: (it) => [it, retry()] }).warnings[0]).toContain('put it inside the retry "retry"')
    expect(story({ adaptive: true, distribute: 'shed' }).warnings[0]).toContain("distribute is 'shed', but no shed stands further in")
    expect(story({ allow: 0.5 }, { around: (it) => [it, retry()] }).warnings).toEqual([])
  })
})
