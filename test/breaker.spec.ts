import { describe, expect, it, vi } from 'vitest'
import { breaker, type BreakerOptions } from '../src/breaker/index.ts'
import type { Attempt } from '../src/core/attempt.ts'
import { BreakerOpenError } from '../src/core/errors.ts'
import type { AnyEvent } from '../src/core/events.ts'
import { pipeline } from '../src/core/pipeline.ts'
import { type Policy, Refusal, unguarded } from '../src/core/policy.ts'
import { attempt, settled } from '../src/core/two-step.ts'
import type { Verdict } from '../src/core/verdict.ts'
import { manualClock, seededRandom } from '../src/testing/index.ts'
import { timeout } from '../src/timeout/index.ts'

/** A breaker on a manual clock, and verbs to tell its story. Breaks last just as long as said, unless `random` says otherwise. */
function story(options: BreakerOptions = {}, { random = () => 0.5, startMs = 0 }: { random?: () => number, startMs?: number } = {}) {
  const clock = manualClock(startMs)
  const one = breaker(options)
  const warnings: string[] = []
  const errors: unknown[] = []
  pipeline('payments', [one], { clock, random, onWarning: (warning) => warnings.push(warning), onInternalError: (error) => errors.push(error) })
  const events: AnyEvent[] = []
  one.on('*', (event) => events.push(event))
  const begin = () => {
    const a = attempt({ clock })
    const permit = one.admit(a)
    return {
      attempt: a,
      permit,
      refused: permit instanceof Refusal,
      end(verdict: Verdict = 'success', retryAfterMs?: number): void {
        one.settle(permit, settled(verdict, a, { retryAfterMs }), a)
      },
    }
  }
  const call = (verdict: Verdict, times: number): void => {
    for (let i = 0; i < times; i++) begin().end(verdict)
  }
  return {
    circuit: one,
    clock,
    events,
    warnings,
    errors,
    begin,
    succeed: (times = 1) => call('success', times),
    fail: (times = 1) => call('failure', times),
    pass: (ms: number) => clock.tick(ms),
    told: () => events.map(({ type }) => type),
  }
}

/** Opens at the second failure of two, closes at the first success. */
const brisk: BreakerOptions = { minimumThroughput: 2, breakMs: 1_000 }

describe('breaker', () => {
  it('lets calls pass while they succeed', () => {
    const { circuit, succeed, begin } = story()
    succeed(1_000)
    expect(circuit.state).toBe('closed')
    expect(begin().refused).toBe(false)
  })

  it('says what it has counted while closed, in a window of time and in one of calls', () => {
    const { circuit, succeed, fail, pass } = story()
    succeed(3)
    fail(2)
    expect(circuit.counted).toEqual({ calls: 5, failed: 2, slow: 0 })
    pass(11_000)
    expect(circuit.counted).toEqual({ calls: 0, failed: 0, slow: 0 })
    circuit.open()
    expect(circuit.counted).toBe(undefined)
    const last = story({ windowCalls: 3, minimumThroughput: 100, failureRatio: 1 })
    last.fail()
    last.succeed(3)
    expect(last.circuit.counted).toEqual({ calls: 3, failed: 0, slow: 0 })
  })

  it('opens when half of twenty calls failed', () => {
    const { circuit, succeed, fail } = story()
    succeed(10)
    fail(9)
    expect(circuit.state).toBe('closed')
    fail()
    expect(circuit.state).toBe('open')
    expect(circuit.reason).toBe('50 % of 20 calls in 10 s failed')
  })

  it('refuses at once while its break runs, and says for how long', () => {
    const { circuit, fail, begin, pass } = story(brisk)
    fail(2)
    pass(300.5)
    const { permit } = begin()
    expect(permit).toBeInstanceOf(Refusal)
    const refusal = permit as Refusal
    expect(refusal.kind).toBe(BreakerOpenError)
    expect(refusal.reason()).toBe('breaker open for 700 ms more')
    expect(refusal.retryAfterMs).toBe(700)
    expect(circuit.retryAfterMs).toBe(700)
  })

  it('lets one probe through after the break, and closes when it succeeds', () => {
    const { circuit, fail, begin, pass, told } = story(brisk)
    fail(2)
    pass(999)
    expect(begin().refused).toBe(true)
    pass(1)
    expect(circuit.state).toBe('open')
    const probe = begin()
    expect(probe.attempt.probe).toBe(true)
    expect(circuit.state).toBe('halfOpen')
    probe.end('success')
    expect(circuit.state).toBe('closed')
    expect(circuit.reason).toBeUndefined()
    expect(begin().attempt.probe).toBe(false)
    expect(told()).toEqual(['breaker.opened', 'breaker.halfOpened', 'breaker.closed'])
  })

  it('works on a clock that starts anywhere', () => {
    const { circuit, fail, begin, pass } = story(brisk, { startMs: -1e9 })
    fail(2)
    pass(1_000)
    begin().end()
    expect(circuit.state).toBe('closed')
  })

  it('starts with an empty window after it has closed', () => {
    const { circuit, fail, begin, pass } = story(brisk)
    fail(2)
    pass(1_000)
    begin().end()
    fail()
    expect(circuit.state).toBe('closed')
    fail()
    expect(circuit.state).toBe('open')
  })

  it('rests twice as long each time that it opens again, up to maxBreakMs, and as at first once it has closed', () => {
    const { circuit, fail, begin, pass, events } = story({ ...brisk, maxBreakMs: 3_000 })
    fail(2)
    for (const breakMs of [1_000, 2_000, 3_000, 3_000]) {
      expect(circuit.retryAfterMs).toBe(breakMs)
      pass(breakMs)
      begin().end('overload')
    }
    expect(events.filter((event) => event.type === 'breaker.opened').map(({ breakMs, opensInARow }) => [breakMs, opensInARow])).toEqual([[1_000, 1], [2_000, 2], [3_000, 3], [3_000, 4], [3_000, 5]])
    pass(3_000)
    begin().end()
    fail(2)
    expect(circuit.retryAfterMs).toBe(1_000)
  })

  it.each([[0, 4_000], [0.1, 4_200], [0.25, 4_500], [0.999, 5_998]])('spreads its break by chance: random %d gives %d ms', (random, breakMs) => {
    const { circuit, fail } = story({ minimumThroughput: 1 }, { random: () => random })
    fail()
    expect(circuit.retryAfterMs).toBe(breakMs)
  })

  it('rests no longer than maxBreakMs, whatever chance says', () => {
    const { circuit, fail } = story({ minimumThroughput: 1, maxBreakMs: 5_000 }, { random: () => 0.999 })
    fail()
    expect(circuit.retryAfterMs).toBe(5_000)
  })

  it('takes a breakMs above 60 000 as its own maximum, unless told', () => {
    expect(breaker({ breakMs: 120_000 }).options).toMatchObject({ maxBreakMs: 120_000 })
    expect(() => breaker({ breakMs: 120_000, maxBreakMs: 60_000 })).toThrow(new RangeError('breaker.maxBreakMs must be at least breakMs (120000), got 60000'))
  })

  it('uses what a breakMs function returns, without spreading or capping it', () => {
    const asked: number[] = []
    const { circuit, fail, begin, pass } = story(
      { minimumThroughput: 1, breakMs: (opensInARow) => (asked.push(opensInARow), opensInARow * 100_000) },
      { random: () => 0.9 },
    )
    fail()
    expect(circuit.retryAfterMs).toBe(100_000)
    pass(100_000)
    begin().end('failure')
    expect(circuit.retryAfterMs).toBe(200_000)
    expect(asked).toEqual([1, 2])
  })

  it.each([
    ['throws', () => { throw new Error('oops') }, 'oops'],
    ['answers nonsense', () => NaN, 'breaker.breakMs(…) must be a number from 0 on, got NaN'],
  ])('opens all the same when the breakMs function %s, and tells of it', (_how, breakMs, message) => {
    const { circuit, fail, errors } = story({ minimumThroughput: 1, breakMs })
    fail()
    expect(circuit.state).toBe('open')
    expect(circuit.retryAfterMs).toBe(5_000)
    expect(errors).toEqual([expect.objectContaining({ message })])
  })

  it('with an endless break stays open until it is closed by hand', () => {
    const { circuit, fail, begin, pass, succeed } = story({ minimumThroughput: 1, breakMs: Infinity })
    fail()
    pass(1e12)
    expect((begin().permit as Refusal).reason()).toBe('breaker open until it is closed by hand')
    expect(circuit.retryAfterMs).toBeUndefined()
    circuit.close()
    succeed()
    expect(circuit.state).toBe('closed')
  })

  it('a break of fractions of a ms is over when it is over', () => {
    for (let i = 0; i < 200; i++) {
      const random = seededRandom(i)
      const { circuit, fail, begin, pass, events } = story({ minimumThroughput: 1 }, { random, startMs: random() * 1e6 })
      fail()
      const [opened] = events
      pass((opened as AnyEvent & { type: 'breaker.opened' }).breakMs)
      expect(circuit.retryAfterMs).toBe(0)
      expect(begin().refused).toBe(false)
    }
  })
})

describe('breaker › late results', () => {
  it('a success that began before it opened does not close it half-open', () => {
    const { circuit, fail, begin, pass } = story(brisk)
    const early = begin()
    fail(2)
    pass(1_000)
    const probe = begin()
    early.end('success')
    expect(circuit.state).toBe('halfOpen')
    probe.end()
    expect(circuit.state).toBe('closed')
  })

  it('a failure of an earlier closed time does not count in a later one', () => {
    const { circuit, fail, begin, pass } = story(brisk)
    const early = [begin(), begin()]
    fail(2)
    pass(1_000)
    begin().end()
    for (const one of early) one.end('failure')
    expect(circuit.state).toBe('closed')
    fail()
    expect(circuit.state).toBe('closed')
  })

  it('a probe of an earlier half-open time decides nothing and frees nothing', () => {
    const { circuit, fail, begin, pass } = story({ ...brisk, probes: { total: 2, concurrent: 2 } })
    fail(2)
    pass(1_000)
    const [one, two] = [begin(), begin()]
    one.end('failure')
    pass(2_000)
    const [three, four] = [begin(), begin()]
    two.end('success')
    expect(begin().refused).toBe(true)
    expect(circuit.state).toBe('halfOpen')
    three.end()
    expect(circuit.state).toBe('halfOpen')
    four.end()
    expect(circuit.state).toBe('closed')
  })

  it('a probe past its lease decides nothing and frees nothing', () => {
    const { circuit, fail, begin, pass } = story({ ...brisk, probes: { leaseMs: 200 } })
    fail(2)
    pass(1_000)
    const slow = begin()
    pass(200)
    const next = begin()
    expect(next.refused).toBe(false)
    slow.end('failure')
    expect(circuit.state).toBe('halfOpen')
    expect(begin().refused).toBe(true)
    next.end()
    expect(circuit.state).toBe('closed')
  })

  it('a probe past its lease decides nothing even if no other has taken its place', () => {
    const { circuit, fail, begin, pass } = story({ ...brisk, probes: { leaseMs: 200 } })
    fail(2)
    pass(1_000)
    const slow = begin()
    pass(200)
    slow.end('failure')
    expect(circuit.state).toBe('halfOpen')
    begin().end()
    expect(circuit.state).toBe('closed')
  })

  it('a permit that is not its own changes nothing', () => {
    const { circuit, fail, begin, pass } = story(brisk)
    const a = attempt()
    for (const permit of [unguarded, {}, breaker().admit(a)]) for (let i = 0; i < 5; i++) circuit.settle(permit, settled('failure', a), a)
    expect(circuit.state).toBe('closed')
    fail(2)
    pass(1_000)
    begin()
    for (const permit of [unguarded, {}]) circuit.settle(permit, settled('success', a), a)
    expect(circuit.state).toBe('halfOpen')
  })
})

describe('breaker › when it trips', () => {
  it('looks at the ratio after every result, a success too', () => {
    const { circuit, fail, succeed } = story({ minimumThroughput: 3, failureRatio: 0.5 })
    fail(2)
    succeed()
    expect(circuit.state).toBe('open')
    expect(circuit.reason).toBe('67 % of 3 calls in 10 s failed')
  })

  it('a ratio of 1 trips when all failed, and not before', () => {
    const { circuit, fail } = story({ minimumThroughput: 5, failureRatio: 1 })
    fail(4)
    expect(circuit.state).toBe('closed')
    fail()
    expect(circuit.state).toBe('open')
    const other = story({ minimumThroughput: 5, failureRatio: 1 })
    other.succeed()
    other.fail(50)
    expect(other.circuit.state).toBe('closed')
  })

  it('trips at the ratio itself, also where it is no round binary number', () => {
    for (let percent = 1; percent <= 100; percent++) {
      const { circuit, fail, succeed } = story({ minimumThroughput: 100, windowMs: 1_000, failureRatio: percent / 100 })
      succeed(100 - percent)
      fail(percent - 1)
      expect(circuit.state).toBe('closed')
      fail()
      expect(circuit.state).toBe('open')
    }
  })

  it('a ratio of 0 trips at one failure, never without any', () => {
    const { circuit, fail, succeed } = story({ minimumThroughput: 5, failureRatio: 0 })
    succeed(50)
    expect(circuit.state).toBe('closed')
    fail()
    expect(circuit.state).toBe('open')
  })

  it('counts calls when they end, not when they start: those in flight hide no outage', () => {
    const { circuit, fail, begin } = story(brisk)
    for (let i = 0; i < 1_000; i++) begin()
    fail(2)
    expect(circuit.state).toBe('open')
  })

  it('failure and overload count as failed; ignored and unused count nowhere', () => {
    const { circuit, begin } = story(brisk)
    for (const verdict of ['ignored', 'unused', 'ignored'] as const) begin().end(verdict)
    begin().end('failure')
    begin().end('ignored')
    expect(circuit.state).toBe('closed')
    begin().end('overload')
    expect(circuit.reason).toBe('100 % of 2 calls in 10 s failed')
  })

  it('forgets by the time that has passed: hour-old failures do not count after a silence', () => {
    const { circuit, fail, pass } = story({ minimumThroughput: 10 })
    fail(9)
    pass(3_600_000)
    fail()
    expect(circuit.state).toBe('closed')
  })

  it('looks at the last windowCalls results, if told, and then reads no clock', () => {
    const { circuit, fail, succeed, clock, begin } = story({ windowCalls: 4, minimumThroughput: 4 })
    const read = vi.spyOn(clock, 'now')
    succeed(3)
    fail(1)
    begin().end('ignored')
    expect(circuit.state).toBe('closed')
    expect(read).not.toHaveBeenCalled()
    fail(1)
    expect(circuit.state).toBe('open')
    expect(circuit.reason).toBe('50 % of the last 4 calls failed')
  })

  it('a minimumThroughput above windowCalls counts as windowCalls, with a warning at build', () => {
    const { circuit, fail, warnings } = story({ windowCalls: 10, minimumThroughput: 50, name: 'db' })
    expect(warnings).toEqual(['pipeline "payments": db: minimumThroughput 50 is above windowCalls 10 and could never be reached: it counts as 10'])
    fail(9)
    expect(circuit.state).toBe('closed')
    fail()
    expect(circuit.state).toBe('open')
  })

  it('without minimumThroughput a smaller windowCalls is the minimum, and that is no mistake', () => {
    const { circuit, warnings } = story({ windowCalls: 10 })
    expect(warnings).toEqual([])
    expect(circuit.options).toMatchObject({ minimumThroughput: 10 })
    expect(story({ windowCalls: 10, minimumThroughput: 10 }).warnings).toEqual([])
    expect(story({ windowCalls: 10, minimumThroughput: Infinity }).warnings).toEqual([])
  })

  it('opens after so many failures in a row; a success begins the row anew, ignored results do not', () => {
    const { circuit, fail, succeed, begin } = story({ consecutive: 3 })
    fail(2)
    succeed()
    fail(2)
    begin().end('ignored')
    expect(circuit.state).toBe('closed')
    fail()
    expect(circuit.state).toBe('open')
    expect(circuit.reason).toBe('3 failures in a row')
  })

  it('a row of one opens at the first failure', () => {
    const { circuit, fail } = story({ consecutive: 1 })
    fail()
    expect(circuit.reason).toBe('1 failure in a row')
  })

  it('whichever rule trips first wins', () => {
    const { circuit, fail } = story({ consecutive: 3, minimumThroughput: 2 })
    fail(2)
    expect(circuit.reason).toBe('100 % of 2 calls in 10 s failed')
  })

  it('an endless minimumThroughput leaves only the row, and then it reads no clock', () => {
    const { circuit, fail, succeed, clock } = story({ consecutive: 100, minimumThroughput: Infinity })
    const read = vi.spyOn(clock, 'now')
    fail(99)
    succeed()
    fail(99)
    expect(read).not.toHaveBeenCalled()
    expect(circuit.state).toBe('closed')
    fail()
    expect(circuit.state).toBe('open')
  })

  it('admitting reads no clock and gives all calls the same permit while it is closed', () => {
    const { begin, clock } = story()
    const read = vi.spyOn(clock, 'now')
    expect(begin().permit).toBe(begin().permit)
    expect(read).not.toHaveBeenCalled()
  })

  it('opens when too many calls were slow, failed or not', () => {
    const { circuit, begin, pass } = story({ slowMs: 500, slowRatio: 0.5, minimumThroughput: 4, failureRatio: 1 })
    const take = (ms: number, verdict: Verdict): void => {
      const one = begin()
      pass(ms)
      one.end(verdict)
    }
    take(499, 'success')
    take(0, 'failure')
    take(500, 'success')
    expect(circuit.state).toBe('closed')
    take(2_000, 'failure')
    expect(circuit.state).toBe('open')
    expect(circuit.reason).toBe('50 % of 4 calls in 10 s took 500 ms or more')
  })

  it('without slowMs no call is slow', () => {
    const { circuit, begin, pass } = story({ slowRatio: 0, minimumThroughput: 1 })
    const one = begin()
    pass(60_000)
    one.end()
    expect(circuit.state).toBe('closed')
    expect(circuit.timed).toBe(false)
    expect(story({ slowMs: 1 }).circuit.timed).toBe(true)
  })

  it('a slowRatio of 0 opens at one slow call, never without any', () => {
    const { circuit, begin, pass, succeed } = story({ slowMs: 100, slowRatio: 0, minimumThroughput: 1 })
    succeed(5)
    expect(circuit.state).toBe('closed')
    const slow = begin()
    pass(100)
    slow.end()
    expect(circuit.state).toBe('open')
  })

  it('slowMs switched on later counts for calls that begin from then on', () => {
    const { circuit, begin, pass } = story({ minimumThroughput: 1, slowRatio: 0.1 })
    const before = begin()
    circuit.update({ slowMs: 100 })
    pass(100)
    before.end()
    expect(circuit.state).toBe('closed')
    const after = begin()
    pass(100)
    after.end()
    expect(circuit.state).toBe('open')
  })
})

describe('breaker › half-open', () => {
  it('closes after `total` successful probes, one at a time', () => {
    const { circuit, fail, begin, pass } = story({ ...brisk, probes: { total: 3 } })
    fail(2)
    pass(1_000)
    for (let i = 0; i < 3; i++) {
      expect(circuit.state).not.toBe('closed')
      const probe = begin()
      expect(begin().refused).toBe(true)
      probe.end()
    }
    expect(circuit.state).toBe('closed')
  })

  it('sends no more probes than it may need to close', () => {
    const { fail, begin, pass } = story({ ...brisk, probes: { total: 2, concurrent: 10 } })
    fail(2)
    pass(1_000)
    expect([begin(), begin(), begin()].map(({ refused }) => refused)).toEqual([false, false, true])
  })

  it('the nearer it is to closing the fewer probes it sends', () => {
    const { fail, begin, pass } = story({ ...brisk, probes: { total: 3, concurrent: 2 } })
    fail(2)
    pass(1_000)
    begin().end()
    begin().end()
    expect([begin(), begin()].map(({ refused }) => refused)).toEqual([false, true])
  })

  it('one failed probe opens it again', () => {
    const { circuit, fail, begin, pass, told } = story({ ...brisk, probes: { total: 3, concurrent: 3 } })
    fail(2)
    pass(1_000)
    const [one, two] = [begin(), begin()]
    one.end('success')
    two.end('overload')
    expect(circuit.state).toBe('open')
    expect(circuit.reason).toBe('a probe failed')
    expect(told()).toEqual(['breaker.opened', 'breaker.halfOpened', 'breaker.opened'])
  })

  it('one slow probe opens it again', () => {
    const { circuit, fail, begin, pass } = story({ ...brisk, slowMs: 300 })
    fail(2)
    pass(1_000)
    const probe = begin()
    pass(300)
    probe.end('success')
    expect(circuit.state).toBe('open')
    expect(circuit.reason).toBe('a probe took 300 ms or more')
  })

  it.each(['ignored', 'unused'] as const)('a probe that is %s gives its place back', (verdict) => {
    const { circuit, fail, begin, pass } = story(brisk)
    fail(2)
    pass(1_000)
    for (let i = 0; i < 5; i++) {
      const probe = begin()
      expect(probe.refused).toBe(false)
      probe.end(verdict)
      expect([circuit.state, circuit.retryAfterMs]).toEqual(['halfOpen', 0])
    }
    begin().end()
    expect(circuit.state).toBe('closed')
  })

  it('callers beyond the probes are refused at once', () => {
    const { circuit, fail, begin, pass } = story(brisk)
    fail(2)
    pass(1_000)
    begin()
    const { permit } = begin()
    expect((permit as Refusal).reason()).toBe('breaker half-open, all its probes are out')
    expect((permit as Refusal).retryAfterMs).toBeUndefined()
    expect(circuit.retryAfterMs).toBeUndefined()
  })

  it('after the lease of a probe that hangs another may pass; the lease is breakMs unless told', () => {
    const { fail, begin, pass } = story(brisk, { random: () => 0 })
    fail(2)
    pass(800)
    expect(begin().refused).toBe(false)
    pass(999)
    expect(begin().refused).toBe(true)
    pass(1)
    expect(begin().refused).toBe(false)
  })

  it.each([[300, 300], [0, 5_000]])('with a breakMs function that returns %d the lease is %d ms', (breakMs, leaseMs) => {
    const { fail, begin, pass } = story({ minimumThroughput: 1, breakMs: () => breakMs })
    fail()
    pass(breakMs)
    expect(begin().refused).toBe(false)
    pass(leaseMs - 1)
    expect(begin().refused).toBe(true)
    pass(1)
    expect(begin().refused).toBe(false)
  })

  it('a total lowered below what has succeeded leaves room for the probe that closes it', () => {
    const { circuit, fail, begin, pass } = story({ ...brisk, probes: { total: 5 } })
    fail(2)
    pass(1_000)
    for (let i = 0; i < 3; i++) begin().end()
    circuit.update({ probes: { total: 2 } })
    expect(circuit.probeDue()).toBe(true)
    begin().end()
    expect(circuit.state).toBe('closed')
  })

  it('warns of a lease shorter than the timeout inside', () => {
    const warnings: string[] = []
    const onWarning = (warning: string): void => void warnings.push(warning)
    pipeline('payments', [timeout(20_000), breaker({ probes: { leaseMs: 1_000 } }), timeout(2_000)], { clock: manualClock(), onWarning })
    pipeline('payments', [timeout(20_000), breaker({ probes: { leaseMs: 2_000 } }), timeout(2_000)], { clock: manualClock(), onWarning })
    pipeline('payments', [timeout(2_000), breaker({ probes: { leaseMs: 1_000 } })], { clock: manualClock(), onWarning })
    pipeline('payments', [breaker({ breakMs: () => 1 }), timeout(2_000)], { clock: manualClock(), onWarning })
    expect(warnings).toEqual(['pipeline "payments": breaker: a probe may take 2000 ms (the timeout inside), but decides nothing once its lease of 1000 ms has ended: raise probes.leaseMs'])
  })

  it('pressure is 1 while the break runs, 0.9 with every probe out, else 0', () => {
    const { circuit, fail, begin, pass } = story(brisk)
    const now = (): [number, boolean] => [circuit.pressure(), circuit.probeDue()]
    expect(now()).toEqual([0, false])
    fail(2)
    expect(now()).toEqual([1, false])
    pass(999)
    expect(now()).toEqual([1, false])
    pass(1)
    expect(now()).toEqual([0, true])
    const probe = begin()
    expect(now()).toEqual([0.9, false])
    probe.end('ignored')
    expect(now()).toEqual([0, true])
    begin()
    pass(1_000)
    expect(now()).toEqual([0, true])
    begin().end()
    expect(now()).toEqual([0, false])
    circuit.isolate()
    expect(now()).toEqual([1, false])
  })
})

describe('breaker › Retry-After', () => {
  it('rests no less than the outcome that opened it asked for', () => {
    const { circuit, begin } = story({ minimumThroughput: 1 })
    begin().end('overload', 30_000)
    expect(circuit.retryAfterMs).toBe(30_000)
  })

  it('but no longer than maxBreakMs', () => {
    const { circuit, begin } = story({ minimumThroughput: 1, maxBreakMs: 20_000 })
    begin().end('overload', 3_600_000)
    expect(circuit.retryAfterMs).toBe(20_000)
  })

  it('a shorter one shortens nothing, and a break of one’s own may be longer than maxBreakMs', () => {
    const { circuit, begin } = story({ minimumThroughput: 1 })
    begin().end('overload', 10)
    expect(circuit.retryAfterMs).toBe(5_000)
    const other = story({ minimumThroughput: 1, breakMs: () => 90_000 })
    other.begin().end('overload', 100_000)
    expect(other.circuit.retryAfterMs).toBe(90_000)
  })

  it('also lengthens the break after a failed probe', () => {
    const { circuit, fail, begin, pass } = story(brisk)
    fail(2)
    pass(1_000)
    begin().end('overload', 15_000)
    expect(circuit.retryAfterMs).toBe(15_000)
  })
})

describe('breaker › by hand', () => {
  it('isolate shuts it until undone; each holder counts once', () => {
    const { circuit, begin, told, pass } = story()
    const undoOne = circuit.isolate()
    const undoTwo = circuit.isolate()
    expect(circuit.state).toBe('isolated')
    expect(circuit.reason).toBe('isolated by hand')
    expect((begin().permit as Refusal).reason()).toBe('breaker isolated')
    undoOne()
    undoOne()
    expect(circuit.state).toBe('isolated')
    pass(1e9)
    expect(begin().refused).toBe(true)
    undoTwo()
    expect(circuit.state).toBe('closed')
    undoTwo()
    expect(told()).toEqual(['breaker.isolated', 'breaker.closed'])
  })

  it('results of calls that began before the isolation no longer count', () => {
    const { circuit, begin } = story(brisk)
    const early = [begin(), begin()]
    const undo = circuit.isolate()
    early[0]!.end('failure')
    undo()
    early[1]!.end('failure')
    early[1]!.end('failure')
    expect(circuit.state).toBe('closed')
  })

  it('after an isolation a break goes on, having run meanwhile', () => {
    const { circuit, fail, begin, pass, events } = story(brisk)
    fail(2)
    const undo = circuit.isolate()
    pass(400)
    undo()
    expect(circuit.state).toBe('open')
    expect(circuit.retryAfterMs).toBe(600)
    expect(events.at(-1)).toMatchObject({ type: 'breaker.opened', from: 'isolated', breakMs: 600, opensInARow: 1, reason: '100 % of 2 calls in 10 s failed' })
    const again = circuit.isolate()
    pass(600)
    again()
    expect(begin().attempt.probe).toBe(true)
  })

  it('isolated while half-open, it is open with its break over when that ends', () => {
    const { circuit, fail, begin, pass } = story(brisk)
    fail(2)
    pass(1_000)
    const probe = begin()
    const undo = circuit.isolate()
    probe.end('success')
    undo()
    expect(circuit.state).toBe('open')
    expect(circuit.probeDue()).toBe(true)
    begin().end()
    expect(circuit.state).toBe('closed')
  })

  it('open and close under an isolation say what comes after it, and nobody is told before', () => {
    const { circuit, told } = story(brisk)
    const undo = circuit.isolate()
    circuit.open()
    expect(circuit.state).toBe('isolated')
    circuit.close()
    circuit.open()
    expect(told()).toEqual(['breaker.isolated'])
    undo()
    expect(circuit.state).toBe('open')
    const again = circuit.isolate()
    circuit.close()
    again()
    expect(circuit.state).toBe('closed')
  })

  it('open rests as after a trip; again, its break begins anew and does not double', () => {
    const { circuit, begin, pass, events } = story(brisk)
    circuit.open()
    expect(circuit.reason).toBe('opened by hand')
    pass(600)
    circuit.open()
    expect(circuit.retryAfterMs).toBe(1_000)
    pass(1_000)
    expect(begin().refused).toBe(false)
    circuit.open()
    expect(circuit.retryAfterMs).toBe(2_000)
    expect(events).toMatchObject([
      { type: 'breaker.opened', from: 'closed', at: 0, opensInARow: 1 },
      { type: 'breaker.opened', from: 'open', at: 600, opensInARow: 1 },
      { type: 'breaker.halfOpened', from: 'open', at: 1_600 },
      { type: 'breaker.opened', from: 'halfOpen', at: 1_600, opensInARow: 2 },
    ])
  })

  it('close closes from open and half-open, and leaves a closed one as it is', () => {
    const { circuit, fail, begin, pass, told } = story(brisk)
    fail()
    circuit.close()
    expect(told()).toEqual([])
    fail()
    expect(circuit.state).toBe('open')
    circuit.close()
    expect(circuit.state).toBe('closed')
    fail(2)
    pass(1_000)
    const probe = begin()
    circuit.close()
    probe.end('failure')
    expect(circuit.state).toBe('closed')
    expect(told()).toEqual(['breaker.opened', 'breaker.closed', 'breaker.opened', 'breaker.halfOpened', 'breaker.closed'])
  })

  it('reset makes it as if new: nothing counted, no isolation, no doubling, no late result', () => {
    const { circuit, fail, begin, pass, told } = story(brisk)
    fail()
    const early = begin()
    circuit.reset()
    expect(told()).toEqual([])
    early.end('failure')
    fail()
    expect(circuit.state).toBe('closed')
    fail()
    pass(1_000)
    begin().end('failure')
    const undo = circuit.isolate()
    circuit.reset()
    expect(circuit.state).toBe('closed')
    undo()
    expect(circuit.state).toBe('closed')
    fail(2)
    expect(circuit.retryAfterMs).toBe(1_000)
  })

  it('reading its state changes nothing', () => {
    const { circuit, fail, pass, told } = story(brisk)
    fail(2)
    pass(5_000)
    for (let i = 0; i < 3; i++) expect([circuit.state, circuit.reason, circuit.retryAfterMs, circuit.pressure(), circuit.probeDue()]).toEqual(['open', '100 % of 2 calls in 10 s failed', 0, 0, true])
    circuit.snapshot()
    expect(circuit.state).toBe('open')
    expect(told()).toEqual(['breaker.opened'])
  })
})

describe('breaker › modes', () => {
  it('observe tells what it would refuse, and lets it by', async () => {
    const clock = manualClock()
    const one = breaker({ ...brisk, mode: 'observe' })
    const payments = pipeline('payments', [one], { clock, random: () => 0.5 })
    const events: AnyEvent[] = []
    payments.on('*', (event) => events.push(event))
    for (let i = 0; i < 2; i++) await payments.tryRun(() => Promise.reject(new Error('down')))
    expect([one.state, one.pressure()]).toEqual(['open', 0])
    expect(await payments.tryRun(() => 'fine')).toMatchObject({ ok: true, value: 'fine' })
    expect(events.find(({ type }) => type === 'refusal.observed')).toMatchObject({ policy: 'breaker', reason: 'breaker open for 1000 ms more', retryAfterMs: 1_000, pipeline: 'payments' })
    expect(one.state).toBe('open')
    clock.tick(1_000)
    expect(one.probeDue()).toBe(false)
    expect(await payments.run((a) => a.probe)).toBe(false)
    expect(one.state).toBe('closed')
  })

  it('off admits everything, learns nothing and exerts no pressure', () => {
    const { circuit, fail, begin } = story({ ...brisk, mode: 'off' })
    expect(begin().permit).toBe(unguarded)
    fail(100)
    expect(circuit.state).toBe('closed')
    circuit.open()
    expect(begin().refused).toBe(false)
    expect(circuit.pressure()).toBe(0)
  })

  it('switched off live, results of calls that began before count nowhere, and a probe gives its place back', () => {
    const { circuit, fail, begin, pass } = story(brisk)
    const early = [begin(), begin()]
    circuit.update({ mode: 'off' })
    for (const one of early) one.end('failure')
    circuit.update({ mode: 'enforce' })
    expect(circuit.state).toBe('closed')
    fail(2)
    pass(1_000)
    const probe = begin()
    circuit.update({ mode: 'off' })
    probe.end('failure')
    circuit.update({ mode: 'enforce' })
    expect(circuit.state).toBe('halfOpen')
    expect(begin().refused).toBe(false)
  })
})

describe('breaker › events', () => {
  it('say what happened, where, when and why', () => {
    const { fail, begin, pass, events, succeed } = story(brisk, { startMs: 100 })
    succeed()
    pass(50)
    fail()
    pass(1_000)
    begin().end('failure')
    pass(2_000)
    const probe = begin()
    pass(30)
    probe.end()
    const base = { policy: 'breaker', pipeline: 'payments' }
    expect(events).toEqual([
      { ...base, type: 'breaker.opened', from: 'closed', at: 150, reason: '50 % of 2 calls in 10 s failed', breakMs: 1_000, opensInARow: 1 },
      { ...base, type: 'breaker.halfOpened', from: 'open', at: 1_150 },
      { ...base, type: 'breaker.opened', from: 'halfOpen', at: 1_150, reason: 'a probe failed', breakMs: 2_000, opensInARow: 2 },
      { ...base, type: 'breaker.halfOpened', from: 'open', at: 3_150 },
      { ...base, type: 'breaker.closed', from: 'halfOpen', at: 3_180, openedForMs: 3_030 },
    ])
  })

  it('a listener that resets the breaker as it opens finds it open, and leaves it closed', () => {
    const { circuit, fail, begin, told } = story(brisk)
    const seen: string[] = []
    circuit.on('breaker.opened', () => {
      seen.push(circuit.state)
      circuit.reset()
    })
    fail(2)
    expect(seen).toEqual(['open'])
    expect(circuit.state).toBe('closed')
    expect(begin().refused).toBe(false)
    expect(told()).toEqual(['breaker.opened', 'breaker.closed'])
  })

  it('a listener that resets the breaker as it half-opens makes its probe a late one', () => {
    const { circuit, fail, begin, pass } = story(brisk)
    circuit.on('breaker.halfOpened', () => circuit.reset())
    fail(2)
    pass(1_000)
    const probe = begin()
    expect(probe.refused).toBe(false)
    expect(circuit.state).toBe('closed')
    probe.end('failure')
    expect(circuit.state).toBe('closed')
  })

  it('a listener that opens it again as it closes leaves it open', () => {
    const { circuit, fail, begin, pass } = story(brisk)
    const undo = circuit.on('breaker.closed', () => circuit.open())
    fail(2)
    pass(1_000)
    begin().end()
    expect(circuit.state).toBe('open')
    undo()
    pass(1_000)
    begin().end()
    expect(circuit.state).toBe('closed')
  })
})

describe('breaker › update', () => {
  it('keeps what was counted', () => {
    const { circuit, fail } = story({ minimumThroughput: 10 })
    fail(4)
    circuit.update({ minimumThroughput: 5 })
    expect(circuit.state).toBe('closed')
    fail()
    expect(circuit.state).toBe('open')
  })

  it('carries its counts into a window of another length', () => {
    const { circuit, fail, pass } = story({ minimumThroughput: 10, windowMs: 10_000 })
    fail(4)
    pass(8_000)
    fail(5)
    circuit.update({ windowMs: 5_000 })
    expect(circuit.snapshot()).toMatchObject({ window: { buckets: [{ calls: 5 }] } })
    circuit.update({ windowMs: 60_000 })
    fail(4)
    expect(circuit.state).toBe('closed')
    fail()
    expect(circuit.state).toBe('open')
  })

  it('carries the latest results into another number of calls', () => {
    const { circuit, fail, succeed } = story({ windowCalls: 10 })
    succeed(4)
    fail(4)
    circuit.update({ windowCalls: 5, failureRatio: 1 })
    expect(circuit.snapshot()).toMatchObject({ window: { results: '01111' } })
    fail()
    expect(circuit.reason).toBe('100 % of the last 5 calls failed')
  })

  it('begins a new window where time and calls change places; the row of failures goes on', () => {
    const { circuit, fail } = story({ minimumThroughput: 4, consecutive: 6 })
    fail(3)
    circuit.update({ windowCalls: 4 })
    expect(circuit.options).toMatchObject({ windowMs: undefined, windowCalls: 4 })
    fail(2)
    circuit.update({ windowMs: 1_000 })
    expect(circuit.options).toMatchObject({ windowMs: 1_000, windowCalls: undefined })
    expect(circuit.state).toBe('closed')
    fail()
    expect(circuit.reason).toBe('6 failures in a row')
  })

  it('leaves the break that runs as long as it was', () => {
    const { circuit, fail } = story(brisk)
    fail(2)
    circuit.update({ breakMs: 10 })
    expect(circuit.retryAfterMs).toBe(1_000)
  })

  it('changes nothing when something is wrong', () => {
    const { circuit } = story(brisk)
    const before = circuit.options
    expect(() => circuit.update({ minimumThroughput: 7, failureRatio: 2 })).toThrow('breaker.failureRatio must be')
    expect(() => circuit.update({ maxBreakMs: 500 })).toThrow('breaker.maxBreakMs must be at least breakMs (1000), got 500')
    expect(() => circuit.update({ name: 'other' })).toThrow('breaker.name must be the one it has ("breaker"), got "other"')
    expect(circuit.options).toEqual(before)
    circuit.update({ name: 'breaker', probes: { total: 4 } })
    expect(circuit.options).toMatchObject({ minimumThroughput: 2, probes: { total: 4, concurrent: 1 } })
  })

  it('leaves what it does not name', () => {
    for (const options of [{ windowMs: 70, breakMs: 9 }, { windowCalls: 7, breakMs: 9 }]) {
      const { circuit } = story(options)
      circuit.update({ consecutive: 3 })
      circuit.update({ windowMs: undefined, windowCalls: undefined })
      expect(circuit.options).toEqual({ ...breaker(options).options, consecutive: 3 })
    }
  })
})

describe('breaker › without a pipeline', () => {
  const clock = manualClock(5_000)
  const use = (one: ReturnType<typeof breaker>, verdict: Verdict): Attempt => {
    const a = attempt({ clock })
    one.settle(one.admit(a), settled(verdict, a), a)
    return a
  }

  it('works by its hooks alone', () => {
    const one = breaker({ ...brisk, breakMs: () => 1_000 })
    use(one, 'failure')
    use(one, 'failure')
    expect(one.state).toBe('open')
    expect(one.admit(attempt({ clock }))).toBeInstanceOf(Refusal)
    clock.tick(1_000)
    expect(use(one, 'success').probe).toBe(true)
    expect(one.state).toBe('closed')
  })

  it('a break begun without a clock starts with the first call', () => {
    const one = breaker({ breakMs: () => 1_000 })
    one.open()
    expect([one.retryAfterMs, one.pressure(), one.probeDue()]).toEqual([1_000, 1, false])
    clock.tick(9_000)
    const refusal = one.admit(attempt({ clock })) as Refusal
    expect(refusal.retryAfterMs).toBe(1_000)
    clock.tick(999)
    expect(one.admit(attempt({ clock }))).toBeInstanceOf(Refusal)
    clock.tick(1)
    expect(one.admit(attempt({ clock }))).not.toBeInstanceOf(Refusal)
  })

  it('or with the fold, whichever comes first', () => {
    const one = breaker({ breakMs: () => 1_000 })
    const events: AnyEvent[] = []
    one.on('breaker.closed', (event) => events.push(event))
    one.open()
    pipeline('payments', [one], { clock })
    clock.tick(1_000)
    expect(one.probeDue()).toBe(true)
    use(one, 'success')
    expect(events).toMatchObject([{ openedForMs: 1_000 }])
  })

  it('methods called before the fold read no clock', () => {
    const now = vi.spyOn(performance, 'now')
    const one: Policy & ReturnType<typeof breaker> = breaker()
    one.open()
    one.isolate()()
    one.restore(one.snapshot())
    one.update({ windowMs: 5 })
    one.close()
    one.reset()
    expect([one.state, one.pressure(), one.probeDue(), one.retryAfterMs, one.reason]).toEqual(['closed', 0, false, undefined, undefined])
    expect(now).not.toHaveBeenCalled()
  })
})
