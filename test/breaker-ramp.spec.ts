import { describe, expect, it } from 'vitest'
import { attempt, breaker, BreakerOpenError, pipeline, Refusal, settled, throttle, timeout, type AnyEvent, type BreakerOptions, type Policy, type Priority, type Verdict } from 'spillway'
import { manualClock, seededRandom } from 'spillway/testing'

/** A breaker that has tripped and whose probe has just succeeded, and verbs to go on. */
function story(options: BreakerOptions = {}, around = (one: Policy): Policy[] => [one]) {
  const clock = manualClock()
  const one = breaker({ minimumThroughput: 10, breakMs: 1_000, recovery: 'ramp', ...options })
  const events: AnyEvent[] = []
  const made = pipeline('search', around(one), { clock, random: seededRandom(3) })
  made.on('*', (event) => events.push(event))
  const begin = (priority: Priority = 'normal') => {
    const a = attempt({ clock, priority })
    const permit = one.admit(a)
    return { attempt: a, permit, passed: !(permit instanceof Refusal), end: (verdict: Verdict) => one.settle(permit, settled(verdict, a), a) }
  }
  const call = (times: number, verdict: Verdict = 'success', priority?: Priority): number => {
    let passed = 0
    for (let i = 0; i < times; i++) {
      const it = begin(priority)
      if (it.passed) it.end(verdict)
      if (it.passed) passed++
      clock.tick(10)
    }
    return passed
  }
  const trip = (): void => {
    call(10, 'failure')
    clock.tick(2_000)
    call(1)
  }
  trip()
  return { one, made, clock, events, begin, call, trip, told: () => events.map(({ type }) => type) }
}

describe('a breaker that ramps up', () => {
  it('lets a tenth pass once its probe has succeeded, and says so', () => {
    const { one, begin, call } = story()
    expect([one.state, one.share(), one.pressure(), one.busy()]).toEqual(['closed', 0.1, 0.9, true])
    expect(call(100)).toBeGreaterThanOrEqual(8)
    expect(one.share()).toBeLessThan(0.4)
    const refusals = Array.from({ length: 10 }, () => begin().permit).filter((permit) => permit instanceof Refusal)
    expect(refusals.length).toBeGreaterThan(0)
    expect(refusals[0]!.kind).toBe(BreakerOpenError)
    expect(refusals[0]!.reason()).toMatch(/^breaker recovering, lets \d+ % of the calls pass$/)
  })

  it('lets all pass some seconds later, if all goes well', () => {
    const { one, call } = story()
    let seconds = 0
    while (one.share() < 1 && seconds < 30) {
      call(100)
      seconds++
    }
    expect(seconds).toBeGreaterThan(2)
    expect(seconds).toBeLessThanOrEqual(12)
    expect([call(100), one.pressure(), one.busy()]).toEqual([100, 0, false])
  })

  it('waits for successes, not for the clock', () => {
    const { one, clock, begin } = story()
    clock.tick(50_000)
    expect(one.share()).toBe(0.1)
    expect([begin(), begin(), begin()].some(({ passed }) => !passed)).toBe(true)
  })

  it('opens again when what it lets pass fails, and rests longer', () => {
    const { one, call, events } = story()
    call(1_500, 'failure')
    expect(one.state).toBe('open')
    expect(events.filter(({ type }) => type === 'breaker.opened')[1]).toMatchObject({ opensInARow: 2, from: 'closed' })
  })

  it('once all pass, a further break is the first in a row', () => {
    const { one, call, events } = story()
    call(2_000)
    call(2_000, 'failure')
    expect(one.state).toBe('open')
    expect(events.filter(({ type }) => type === 'breaker.opened')[1]).toMatchObject({ opensInARow: 1 })
  })

  it('lets the most important pass first', () => {
    const { begin, clock } = story()
    const passed = { critical: 0, low: 0 }
    for (let i = 0; i < 200; i++) {
      const priority = i % 20 === 0 ? 'critical' : 'low'
      const it = begin(priority)
      // At first it does not know what comes.
      if (it.passed) it.end('success')
      if (it.passed && i >= 100) passed[priority]++
      clock.tick(10)
    }
    expect(passed.critical).toBe(5)
    expect(passed.low).toBeLessThan(60)
  })

  it('lets one pass per second at least, however few come', () => {
    const { begin, clock } = story()
    let passed = 0
    for (let i = 0; i < 30; i++) {
      clock.tick(1_250)
      const it = begin()
      if (!it.passed) continue
      passed++
      it.end('ignored')
    }
    expect(passed).toBe(30)
  })

  it('a call refused further in was not sent', () => {
    const { begin } = story()
    const passed = Array.from({ length: 30 }, () => begin()).filter((it) => it.passed)
    for (const it of passed) it.end('unused')
    expect([begin(), begin()].some((it) => it.passed)).toBe(true)
  })

  it("a trial of a breaker further out passes", () => {
    const { one, clock } = story()
    for (let i = 0; i < 20; i++) {
      const a = attempt({ clock })
      a.probe = true
      expect(one.admit(a)).not.toBeInstanceOf(Refusal)
    }
  })

  it('in a dry run refuses nobody, and goes on all the same', () => {
    const { one, events, clock, made, call } = story({ mode: 'observe' })
    expect([one.share(), one.pressure()]).toEqual([1, 0])
    for (let i = 0; i < 20; i++) void made.tryRun(() => i)
    expect(events.some(({ type }) => type === 'refusal.observed')).toBe(true)
    expect(call(1_500)).toBe(1_500)
    expect(one.busy()).toBe(false)
    clock.tick(1)
  })

  it('set to close, it lets all pass at once', () => {
    const { one, call } = story()
    one.update({ recovery: 'close' })
    expect([one.share(), call(100)]).toEqual([1, 100])
  })

  it('closes at once where that is said, and by hand', () => {
    expect(story({ recovery: 'close' }).one.share()).toBe(1)
    const { one } = story()
    one.open()
    one.close()
    expect(one.share()).toBe(1)
  })

  it('an adaptive throttle in the pipeline takes on the ramp: it begins at a tenth, and the breaker lets all pass', () => {
    const share = throttle({ adaptive: true })
    const { one } = story({}, (it) => [it, share, timeout(500)])
    expect([one.share(), one.busy()]).toEqual([1, false])
    expect(share.allow).toBeCloseTo(0.1)
  })

  it('a throttle that is not adaptive does not', () => {
    expect(story({}, (it) => [it, throttle({ allow: 0.5 })]).one.share()).toBe(0.1)
  })

  it('is saved and restored at its share', () => {
    const { one } = story()
    const saved = JSON.parse(JSON.stringify(one.snapshot()))
    expect(saved).toMatchObject({ state: 'closed', rampShare: 0.1 })
    const clock = manualClock()
    const other = breaker({ recovery: 'ramp' })
    pipeline('search', [other], { clock })
    other.restore(saved)
    expect([other.state, other.share()]).toEqual(['closed', 0.1])
    other.reset()
    expect([other.share(), other.snapshot()]).toEqual([1, expect.not.objectContaining({ rampShare: expect.anything() })])
    expect(() => other.restore({ ...saved, rampShare: 2 })).toThrow('snapshot.rampShare must be a ratio from 0 to 1, got 2')
  })

  it('an unknown recovery is refused', () => {
    expect(() => breaker({ recovery: 'slow' as never })).toThrow("breaker.recovery must be one of 'close', 'ramp', got \"slow\"")
  })
})
