import { describe, expect, it } from 'vitest'
import { type Breaker, breaker, type BreakerOptions, type BreakerSnapshot } from '../src/breaker/index.ts'
import type { AnyEvent } from '../src/core/events.ts'
import { pipeline } from '../src/core/pipeline.ts'
import { Refusal } from '../src/core/policy.ts'
import { attempt, settled } from '../src/core/two-step.ts'
import type { Verdict } from '../src/core/verdict.ts'
import { manualClock, type ManualClock } from '../src/testing/index.ts'

const brisk: BreakerOptions = { minimumThroughput: 2, breakMs: 1_000 }

/** A breaker on a machine of its own, whose clock shows `startMs`. `unbound`: folded later, by `fold()`. */
function machine(startMs: number, options: BreakerOptions = brisk) {
  const clock = manualClock(startMs)
  const one = breaker(options)
  return { clock, breaker: one, call: (verdict: Verdict, times = 1) => make(one, clock, verdict, times), fold: () => pipeline('payments', [one], { clock, random: () => 0.5 }) }
}

function make(one: Breaker, clock: ManualClock, verdict: Verdict, times = 1): void {
  for (let i = 0; i < times; i++) {
    const a = attempt({ clock })
    one.settle(one.admit(a), settled(verdict, a), a)
  }
}

const sent = (one: Breaker): BreakerSnapshot => JSON.parse(JSON.stringify(one.snapshot())) as BreakerSnapshot

describe('breaker › snapshot', () => {
  it('holds spans and counts only, and survives JSON', () => {
    const { breaker: one, clock, call, fold } = machine(1_000_000, { minimumThroughput: 20 })
    fold()
    call('failure', 2)
    clock.tick(2_500)
    call('success')
    clock.tick(500)
    expect(one.snapshot()).toEqual({
      version: 1,
      state: 'closed',
      failuresInARow: 0,
      window: { bucketMs: 1_000, buckets: [{ ageMs: 3_000, calls: 2, failed: 2, slow: 0 }, { ageMs: 1_000, calls: 1, failed: 0, slow: 0 }] },
    })
    expect(sent(one)).toEqual(one.snapshot())
  })

  it.each([true, false])('a break goes on elsewhere, on a clock that shows something else (folded before: %s)', (folded) => {
    const here = machine(5_000_000)
    here.fold()
    here.call('failure', 2)
    here.clock.tick(300)
    const there = machine(17)
    if (folded) there.fold()
    there.breaker.restore(sent(here.breaker))
    if (!folded) {
      there.clock.tick(50_000)
      there.fold()
    }
    expect(there.breaker.state).toBe('open')
    expect(there.breaker.reason).toBe('100 % of 2 calls in 10 s failed')
    expect(there.breaker.retryAfterMs).toBe(700)
    const events: AnyEvent[] = []
    there.breaker.on('*', (event) => events.push(event))
    there.clock.tick(699)
    expect(there.breaker.admit(attempt({ clock: there.clock }))).toBeInstanceOf(Refusal)
    there.clock.tick(1)
    there.call('failure')
    expect(there.breaker.retryAfterMs).toBe(2_000)
    there.clock.tick(2_000)
    there.call('success')
    expect(there.breaker.state).toBe('closed')
    expect(events.at(-1)).toMatchObject({ type: 'breaker.closed', openedForMs: 3_000 })
  })

  it.each([true, false])('counts go on elsewhere with their ages (folded before: %s)', (folded) => {
    const here = machine(900, { minimumThroughput: 10 })
    here.fold()
    here.call('failure', 5)
    here.clock.tick(6_000)
    here.call('failure', 4)
    const there = machine(7_777_777, { minimumThroughput: 10 })
    if (folded) there.fold()
    there.breaker.restore(sent(here.breaker))
    expect(sent(there.breaker)).toEqual(sent(here.breaker))
    if (!folded) {
      there.clock.tick(1e6)
      there.fold()
    }
    there.clock.tick(3_000)
    there.call('success')
    expect(there.breaker.state).toBe('open')
    there.breaker.restore(sent(here.breaker))
    there.clock.tick(4_000)
    there.call('failure', 5)
    expect(there.breaker.state).toBe('closed')
  })

  it('of one that counts calls keeps the results, the row of failures, and what is slow', () => {
    const options = { windowCalls: 4, failureRatio: 1, consecutive: 4, slowMs: 10 }
    const here = machine(0, options)
    here.fold()
    here.call('success')
    here.call('failure', 2)
    const a = attempt({ clock: here.clock })
    const permit = here.breaker.admit(a)
    here.clock.tick(10)
    here.breaker.settle(permit, settled('failure', a), a)
    expect(here.breaker.snapshot()).toEqual({ version: 1, state: 'closed', failuresInARow: 3, window: { results: '0113' } })
    const there = machine(0, options)
    there.breaker.restore(sent(here.breaker))
    expect(sent(there.breaker)).toEqual(sent(here.breaker))
    there.call('failure')
    expect(there.breaker.reason).toBe('4 failures in a row')
  })

  it('of a half-open one is open with its break over: a probe decides', () => {
    const here = machine(0)
    here.fold()
    here.call('failure', 2)
    here.clock.tick(1_500)
    here.breaker.admit(attempt({ clock: here.clock }))
    expect(here.breaker.state).toBe('halfOpen')
    expect(here.breaker.snapshot()).toEqual({ version: 1, state: 'open', reason: '100 % of 2 calls in 10 s failed', opensInARow: 1, openForMs: 1_500, breakMs: 1_000, restMs: 0 })
    const there = machine(0)
    there.fold()
    there.breaker.restore(sent(here.breaker))
    expect([there.breaker.state, there.breaker.probeDue()]).toEqual(['open', true])
    there.call('success')
    expect(there.breaker.state).toBe('closed')
  })

  it('an endless break and an endless window survive JSON', () => {
    const here = machine(0, { minimumThroughput: 2, windowMs: Infinity, breakMs: Infinity })
    here.fold()
    here.call('failure')
    here.clock.tick(1e9)
    const there = machine(0, { minimumThroughput: 2, windowMs: Infinity, breakMs: Infinity })
    there.fold()
    there.breaker.restore(sent(here.breaker))
    there.call('failure')
    expect(there.breaker.state).toBe('open')
    expect(sent(there.breaker)).toMatchObject({ breakMs: null, restMs: null })
    here.breaker.restore(sent(there.breaker))
    here.clock.tick(1e12)
    expect([here.breaker.state, here.breaker.probeDue()]).toEqual(['open', false])
  })

  it('of another kind of window carries over only the row of failures', () => {
    const here = machine(0, { minimumThroughput: 9 })
    here.call('failure', 3)
    const there = machine(0, { windowCalls: 9, consecutive: 5 })
    there.breaker.restore(sent(here.breaker))
    expect(there.breaker.snapshot()).toEqual({ version: 1, state: 'closed', failuresInARow: 3, window: { results: '' } })
    here.breaker.restore(sent(there.breaker))
    expect(here.breaker.snapshot()).toMatchObject({ failuresInARow: 3, window: { buckets: [] } })
  })

  it('is not that of an isolation, which stays where it is held', () => {
    const here = machine(0)
    here.fold()
    here.call('failure', 2)
    const undo = here.breaker.isolate()
    here.clock.tick(100)
    const snapshot = sent(here.breaker)
    expect(snapshot).toMatchObject({ state: 'open', restMs: 900 })
    here.breaker.restore(sent(machine(0).breaker))
    expect(here.breaker.state).toBe('isolated')
    expect(here.breaker.snapshot()).toMatchObject({ state: 'closed', failuresInARow: 0 })
    here.breaker.restore(snapshot)
    undo()
    expect([here.breaker.state, here.breaker.retryAfterMs]).toEqual(['open', 900])
  })

  it('restored, tells of the state it changed, and drops results of calls that began before', () => {
    const here = machine(0)
    here.fold()
    here.call('failure', 2)
    const open = sent(here.breaker)
    const there = machine(0)
    there.fold()
    const events: AnyEvent[] = []
    there.breaker.on('*', (event) => events.push(event))
    const a = attempt({ clock: there.clock })
    const permit = there.breaker.admit(a)
    there.breaker.restore(sent(there.breaker))
    there.breaker.restore(open)
    there.breaker.settle(permit, settled('success', a), a)
    there.breaker.restore(sent(machine(0).breaker))
    there.breaker.settle(permit, settled('failure', a), a)
    expect(there.breaker.snapshot()).toMatchObject({ failuresInARow: 0 })
    expect(events).toMatchObject([{ type: 'breaker.opened', breakMs: 1_000, reason: '100 % of 2 calls in 10 s failed' }, { type: 'breaker.closed', from: 'open' }])
  })

  const open = { version: 1, state: 'open', reason: 'x', opensInARow: 1, openForMs: 0, breakMs: 1, restMs: 1 }
  const closed = { version: 1, state: 'closed', failuresInARow: 0, window: { results: '' } }
  const bucket = { ageMs: 5, calls: 2, failed: 1, slow: 0 }
  const window = { bucketMs: 1, buckets: [bucket] }
  const wrong: [unknown, Error][] = [
    [undefined, new TypeError('snapshot must be an object, got undefined')],
    ['{}', new TypeError('snapshot must be an object, got "{}"')],
    [{}, new RangeError('snapshot.version must be 1, got undefined')],
    [{ ...open, version: 2 }, new RangeError('snapshot.version must be 1, got 2')],
    [{ ...open, state: 'halfOpen' }, new RangeError("snapshot.state must be one of 'closed', 'open', got \"halfOpen\"")],
    [{ ...open, reason: 1 }, new TypeError('snapshot.reason must be a string, got 1')],
    [{ ...open, opensInARow: 0 }, new RangeError('snapshot.opensInARow must be a whole number from 1 on, got 0')],
    [{ ...open, opensInARow: Infinity }, new RangeError('snapshot.opensInARow must be finite, got Infinity')],
    [{ ...open, openForMs: -1 }, new RangeError('snapshot.openForMs must be a number from 0 on, got -1')],
    [{ ...open, breakMs: '1' }, new TypeError('snapshot.breakMs must be a number from 0 on, got "1"')],
    [{ ...open, restMs: NaN }, new RangeError('snapshot.restMs must be a number from 0 on, got NaN')],
    [{ ...closed, failuresInARow: 0.5 }, new RangeError('snapshot.failuresInARow must be a whole number from 0 on, got 0.5')],
    [{ ...closed, window: null }, new TypeError('snapshot.window must be an object, got null')],
    [{ ...closed, window: {} }, new TypeError('snapshot.window.buckets must be a list of buckets, got undefined')],
    [{ ...closed, window: { results: 1 } }, new TypeError('snapshot.window.results must be a string of the digits 0 to 3, got 1')],
    [{ ...closed, window: { results: '04' } }, new RangeError('snapshot.window.results must be a string of the digits 0 to 3, got "04"')],
    [{ ...closed, window: { ...window, bucketMs: 0 } }, new RangeError('snapshot.window.bucketMs must be a number over 0, got 0')],
    [{ ...closed, window: { ...window, buckets: [1] } }, new TypeError('snapshot.window.buckets[0] must be an object, got 1')],
    [{ ...closed, window: { ...window, buckets: [{ ...bucket, ageMs: -1 }] } }, new RangeError('snapshot.window.buckets[0].ageMs must be a number from 0 on, got -1')],
    [{ ...closed, window: { ...window, buckets: [{ ...bucket, failed: 3 }] } }, new RangeError('snapshot.window.buckets[0].failed must be at most calls (2), got 3')],
    [{ ...closed, window: { ...window, buckets: [{ ...bucket, slow: 3 }] } }, new RangeError('snapshot.window.buckets[0].slow must be at most calls (2), got 3')],
    [{ ...closed, window: { ...window, buckets: [bucket, { ...bucket, ageMs: 6 }] } }, new RangeError('snapshot.window.buckets[1].ageMs must be at most that of the bucket before it (5), got 6')],
  ]

  it.each(wrong)('refuses to restore %j, and changes nothing', (snapshot, error) => {
    const { breaker: one, call } = machine(0)
    call('failure')
    const before = one.snapshot()
    expect(() => one.restore(snapshot as BreakerSnapshot)).toThrow(error)
    expect(one.snapshot()).toEqual(before)
  })
})
