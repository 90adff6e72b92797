import { describe, expect, it, vi } from 'vitest'
import { bulkhead, DeadlinePassedError, endedByCaller, fallback, pipeline as build, RejectedError, timeout, TimeoutError, type PipelineOptions } from 'spillway'
import { manualClock, scriptedUpstream } from 'spillway/testing'
import { jobs, logged, on, repeat, step, watch } from './support/guards.ts'

const never = (): Promise<never> => new Promise(() => {})

describe('timeout', () => {
  it('answers with a TimeoutError after its span, and not before', async () => {
    const { pipeline, clock } = on([timeout(100)])
    const answer = watch(pipeline.run(never))
    await clock.advance(99)
    expect(answer.state).toBe('pending')
    await clock.advance(1)
    expect(answer.error).toBeInstanceOf(TimeoutError)
    expect(answer.error).not.toBeInstanceOf(RejectedError)
    expect(answer.error).toMatchObject({ name: 'TimeoutError', code: 'TIMEOUT', policy: 'timeout', pipeline: 'quotes', attempts: 1 })
    expect((answer.error as Error).message).toContain('"quotes" timed out after 100 ms')
  })

  it('aborts the signal with that error as its reason', async () => {
    const clock = manualClock()
    const upstream = scriptedUpstream({ clock })
    upstream.hang()
    const answer = watch(build('quotes', [timeout(100)], { clock }).run(upstream))
    await clock.advance(100)
    expect(upstream.calls[0]!.aborted).toBe(true)
    expect(upstream.calls[0]!.signal!.reason).toBe(answer.error)
  })

  it('an answer in time passes, and no timer is left that holds the process', async () => {
    const { pipeline, clock } = on([timeout(100)])
    const { all, work } = jobs()
    const answer = pipeline.run(work)
    await clock.advance(99)
    all[0]!.succeed('just')
    expect(await answer).toBe('just')
    expect(clock.pending).toBe(0)
  })

  it('a thousand calls arm one timer', async () => {
    const { pipeline, clock } = on([timeout(100), repeat(1), timeout(50)])
    const answers = Array.from({ length: 1_000 }, () => pipeline.tryRun(never))
    expect(clock.armed).toBe(1)
    await clock.advance(50)
    expect((await Promise.all(answers)).every(({ ok }) => !ok)).toBe(true)
    expect(clock.pending).toBe(0)
  })

  it('outside retry it bounds the whole call, inside it each attempt', async () => {
    const { pipeline, clock } = on([timeout(100, { name: 'total' }), repeat(9, 10), timeout(60, { name: 'each' })])
    const work = vi.fn(never)
    const answer = watch(pipeline.run(work))
    await clock.advance(99)
    expect(work).toHaveBeenCalledTimes(2)
    await clock.advance(1)
    expect(answer.error).toMatchObject({ policy: 'total', attempts: 2, cause: { policy: 'each' } })
  })

  it('a timeout is overload for the guards of the attempts that it ends, inside and outside', async () => {
    const log: string[] = []
    const { pipeline, clock } = on([logged(log, 'a'), timeout(30), repeat(1), logged(log, 'b')])
    watch(pipeline.run(never))
    await clock.advance(30)
    expect(log).toEqual(['a admit', 'b admit', 'b settle overload/timeout', 'a settle overload/timeout'])
  })

  it('holds the slot of a timed-out attempt until its work ends', async () => {
    const slots = bulkhead({ slots: 1 })
    const { all, work } = jobs()
    const { pipeline, clock } = on([slots, timeout(10)])
    watch(pipeline.run(work))
    await clock.advance(10)
    expect([slots.inFlight, pipeline.inFlight]).toEqual([1, 1])
    await expect(pipeline.run(work)).rejects.toMatchObject({ code: 'BULKHEAD_FULL' })
    all[0]!.fail()
    await clock.flush()
    expect([slots.inFlight, pipeline.inFlight]).toEqual([0, 0])
  })

  it.each<[string, number, PipelineOptions, number]>([
    ['30 s by default', 10, {}, 30_000],
    ['ten times the timeout where that is longer', 4_000, {}, 40_000],
    ['or as told', 10, { abandonAfterMs: 500 }, 500],
    ['or at once', 10, { abandonAfterMs: 0 }, 0],
  ])('work still running after its caller was answered is abandoned: %s', async (_what, ms, options, afterMs) => {
    const slots = bulkhead({ slots: 1 })
    const { all, work } = jobs()
    const { pipeline, clock } = on([slots, timeout(ms)], options)
    watch(pipeline.run(work))
    await clock.advance(ms)
    expect(clock.pending).toBe(0)
    if (afterMs > 0) {
      await clock.advance(afterMs - 1)
      await expect(pipeline.run(work)).rejects.toMatchObject({ code: 'BULKHEAD_FULL' })
    }
    await clock.advance(1)
    // Found lazily, when a slot is wanted: no timer waits for it.
    expect([clock.pending, slots.inFlight]).toEqual([0, 1])
    const second = watch(pipeline.run(work))
    expect([slots.inFlight, all.length]).toEqual([1, 2])
    // The abandoned work ends after all: it frees nothing that is not its own.
    all[0]!.succeed('very late')
    await clock.flush()
    expect(slots.inFlight).toBe(1)
    all[1]!.succeed('second')
    await clock.flush()
    expect([second.value, slots.inFlight, pipeline.inFlight]).toEqual(['second', 0, 0])
  })

  it('with abandonAfterMs: Infinity nothing is abandoned', async () => {
    const slots = bulkhead({ slots: 1 })
    const { pipeline, clock } = on([slots, timeout(10)], { abandonAfterMs: Infinity })
    watch(pipeline.run(never))
    await clock.advance(1e9)
    await expect(pipeline.run(never)).rejects.toMatchObject({ code: 'BULKHEAD_FULL' })
  })

  it('late values are discarded, late rejections are nobody’s', async () => {
    const { all, work } = jobs()
    const { pipeline, clock, discarded, internal } = on([timeout(10)])
    watch(pipeline.run(work))
    watch(pipeline.run(work))
    await clock.advance(10)
    all[0]!.succeed('late')
    all[1]!.fail()
    await clock.flush()
    expect(discarded).toEqual(['late'])
    expect(internal).toEqual([])
  })

  it('a discard that throws is told to onInternalError', async () => {
    const bug = new Error('bug')
    const { all, work } = jobs()
    const { pipeline, clock, internal } = on([timeout(10)], { discard: () => { throw bug } })
    watch(pipeline.run(work))
    await clock.advance(10)
    all[0]!.succeed('late')
    await clock.flush()
    expect(internal).toEqual([bug])
    expect(pipeline.inFlight).toBe(0)
  })

  it.each([
    [100, 50, 'overload'],
    [100, 51, 'ignored'],
    [1_000, 100, 'overload'],
    [1_000, 101, 'ignored'],
    [10, 50, 'overload'],
    [10, 51, 'ignored'],
  ])('a timer of %s ms that comes %s ms late: %s', async (ms, lateMs, verdict) => {
    const log: string[] = []
    // A clock whose timers come late, as they do after a blocked event loop.
    const still = manualClock()
    let pauseMs = 0
    const clock = { now: () => still.now() + pauseMs, after: still.after.bind(still) }
    const made = build('quotes', [logged(log, 'a'), timeout(ms)], { clock })
    const answer = watch(made.run(never))
    pauseMs = lateMs
    await still.advance(ms)
    expect(answer.error).toBeInstanceOf(TimeoutError)
    expect(log).toEqual(['a admit', `a settle ${verdict}/timeout`])
  })

  it('tells `timeout.expired`, when the guards know it already', async () => {
    const log: string[] = []
    const { pipeline, clock } = on([logged(log, 'a'), timeout(100, { name: 'mine' })])
    pipeline.on('timeout.expired', ({ type, policy, timeoutMs, number, verdict, at }) => log.push(JSON.stringify({ type, policy, timeoutMs, number, verdict, at })))
    watch(pipeline.run(never))
    await clock.advance(100)
    expect(log).toEqual(['a admit', 'a settle overload/timeout', JSON.stringify({ type: 'timeout.expired', policy: 'mine', timeoutMs: 100, number: 1, verdict: 'overload', at: 100 })])
  })

  it('a TimeoutError has a cause only where an attempt has failed before', async () => {
    const { pipeline, clock } = on([timeout(100)])
    const answer = watch(pipeline.run(never))
    await clock.advance(100)
    expect(Object.hasOwn(answer.error as object, 'cause')).toBe(false)
  })

  it('carries no stack, and one with `stacks: true`', async () => {
    for (const stacks of [false, true]) {
      const { pipeline, clock } = on([timeout(10)], { stacks })
      const answer = watch(pipeline.run(never))
      await clock.advance(10)
      expect((answer.error as Error).stack!.includes('\n    at ')).toBe(stacks)
    }
  })

  it('Infinity is no limit', async () => {
    const { pipeline, clock } = on([timeout(Infinity)])
    const { all, work } = jobs()
    const answer = pipeline.run(work)
    expect(clock.armed).toBe(0)
    await clock.advance(1e12)
    all[0]!.succeed('at last')
    expect(await answer).toBe('at last')
  })

  it('a span over 2³¹−1 ms holds', async () => {
    const { pipeline, clock } = on([timeout(3e9)])
    const answer = watch(pipeline.run(never))
    await clock.advance(3e9 - 1)
    expect(answer.state).toBe('pending')
    await clock.advance(1)
    expect(answer.error).toBeInstanceOf(TimeoutError)
  })

  it('update changes the span of attempts to come', async () => {
    const policy = timeout(100)
    const { pipeline, clock } = on([policy])
    const before = watch(pipeline.run(never))
    policy.update({ ms: 10 })
    const after = watch(pipeline.run(never))
    await clock.advance(10)
    expect([before.state, after.state]).toEqual(['pending', 'rejected'])
    await clock.advance(90)
    expect(before.state).toBe('rejected')
    expect(policy.timeoutMs).toBe(10)
  })

  it('warns of one that never ends anything, inside a shorter one', () => {
    const warnings: string[] = []
    const onWarning = (message: string): void => void warnings.push(message)
    on([timeout(100), repeat(2), timeout(100)], { onWarning })
    on([timeout(100), repeat(2), timeout(99)], { onWarning })
    expect(warnings).toEqual([expect.stringMatching(/100 ms.*never ends anything/)])
  })

  describe('and the caller’s deadline or abort', () => {
    it('are answered at once whatever the function does, and are ignored', async () => {
      const log: string[] = []
      const controller = new AbortController()
      const { pipeline, clock } = on([logged(log, 'a')])
      const aborted = watch(pipeline.run(never, { signal: controller.signal }))
      controller.abort('gone')
      await clock.flush()
      expect(aborted.error).toBe('gone')
      const late = watch(pipeline.run(never, { timeoutMs: 20 }))
      await clock.advance(20)
      expect(late.error).toBeInstanceOf(TimeoutError)
      expect(late.error).toMatchObject({ policy: undefined, attempts: 1 })
      expect(log).toEqual(['a admit', 'a settle ignored/caller', 'a admit', 'a settle ignored/caller'])
      expect(clock.pending).toBe(0)
    })

    it('the reason is passed on to the function’s signal', async () => {
      const reason = { any: 'thing' }
      const controller = new AbortController()
      const { all, work } = jobs()
      const { pipeline } = on([repeat(1), timeout(10)])
      watch(pipeline.run(work, { signal: controller.signal }))
      expect(all[0]!.attempt.signal).not.toBe(controller.signal)
      controller.abort(reason)
      expect(all[0]!.attempt.signal.reason).toBe(reason)
    })

    it('a signal aborted already starts nothing', async () => {
      const log: string[] = []
      const work = vi.fn(never)
      const { pipeline } = on([logged(log, 'a')])
      await expect(pipeline.run(work, { signal: AbortSignal.abort('gone') })).rejects.toBe('gone')
      expect(work).not.toHaveBeenCalled()
      expect([log, pipeline.inFlight]).toEqual([[], 0])
    })

    it('a deadline in the past starts nothing', async () => {
      const clock = manualClock(1_000)
      const work = vi.fn(never)
      const { pipeline } = on([], { clock })
      for (const call of [{ deadline: 1_000 }, { deadline: 3 }, { deadline: -Infinity }, { timeoutMs: 0 }, { deadline: new Date(Date.now() - 1) }]) {
        await expect(pipeline.run(work, call)).rejects.toThrow(DeadlinePassedError)
      }
      expect(work).not.toHaveBeenCalled()
      expect(pipeline.inFlight).toBe(0)
    })

    it('the earliest of timeoutMs and deadline holds', async () => {
      for (const call of [{ timeoutMs: 10, deadline: 50 }, { timeoutMs: 50, deadline: 10 }, { timeoutMs: Infinity, deadline: 10 }]) {
        const { pipeline, clock } = on([])
        const answer = watch(pipeline.run(never, call))
        await clock.advance(9)
        expect(answer.state).toBe('pending')
        await clock.advance(1)
        expect(answer.state).toBe('rejected')
      }
    })

    it('a Date is a deadline', async () => {
      vi.useFakeTimers({ now: 1_700_000_000_000, toFake: ['Date'] })
      try {
        const { pipeline, clock } = on([])
        const answer = watch(pipeline.run(never, { deadline: new Date(1_700_000_000_040) }))
        await clock.advance(39)
        expect(answer.state).toBe('pending')
        await clock.advance(1)
        expect(answer.error).toBeInstanceOf(TimeoutError)
      } finally {
        vi.useRealTimers()
      }
    })

    it('a number that looks like Date.now() is a RangeError that says what to pass', async () => {
      await expect(on([]).pipeline.run(never, { deadline: Date.now() + 500 })).rejects.toThrow(RangeError)
      await expect(on([]).pipeline.run(never, { deadline: Date.now() + 500 })).rejects.toThrow(/call\.deadline.*performance\.now\(\).*Date/)
    })

    it('a deadline of Infinity is none', async () => {
      const { pipeline, clock } = on([])
      const answer = pipeline.run((a) => a.deadline, { deadline: Infinity, timeoutMs: Infinity })
      expect([await answer, clock.armed]).toEqual([Infinity, 0])
    })

    it('the listener on the caller’s signal is one per call, and removed when it is over', async () => {
      const controller = new AbortController()
      const add = vi.spyOn(controller.signal, 'addEventListener')
      const remove = vi.spyOn(controller.signal, 'removeEventListener')
      const { pipeline } = on([repeat(3), timeout(50)])
      await pipeline.tryRun(() => Promise.reject(new Error('down')), { signal: controller.signal })
      expect(add).toHaveBeenCalledOnce()
      expect(remove).toHaveBeenCalledOnce()
    })

    it('a step sees who ended the call', async () => {
      const seen: unknown[] = []
      const controller = new AbortController()
      const { pipeline, clock } = on([step('see', (outcome) => (seen.push([endedByCaller(outcome), outcome.verdict, outcome.endedBy]), outcome)), timeout(50)])
      watch(pipeline.run(never, { signal: controller.signal }))
      controller.abort()
      watch(pipeline.run(never, { timeoutMs: 10 }))
      watch(pipeline.run(never))
      await clock.advance(50)
      expect(seen).toEqual([[true, 'ignored', 'caller'], [true, 'ignored', 'caller'], [false, 'overload', 'timeout']])
    })

    it('of a timeout and a caller’s deadline at the same instant one answers, once', async () => {
      const log: string[] = []
      const { pipeline, clock } = on([logged(log, 'a'), timeout(10)])
      const answer = watch(pipeline.run(never, { timeoutMs: 10 }))
      await clock.advance(10)
      expect(answer.error).toBeInstanceOf(TimeoutError)
      expect(log).toEqual(['a admit', expect.stringMatching(/^a settle (ignored\/caller|overload\/timeout)$/)])
    })

    it('a fallback does not answer the caller’s abort, but a timeout', async () => {
      const controller = new AbortController()
      const { pipeline, clock } = on([fallback(() => 'instead'), timeout(20)])
      const aborted = watch(pipeline.run(never, { signal: controller.signal }))
      controller.abort('gone')
      const timedOut = watch(pipeline.run(never))
      await clock.advance(20)
      expect([aborted.error, timedOut.value]).toEqual(['gone', 'instead'])
    })
  })

  it.each<[unknown, unknown, RegExp]>([
    [0, undefined, /timeout\.ms must be a number over 0, got 0/],
    [-1, undefined, /timeout\.ms must be a number over 0, got -1/],
    [NaN, undefined, /timeout\.ms must be a number over 0, got NaN/],
    ['500', undefined, /timeout\.ms must be a number over 0, got "500"/],
    [undefined, undefined, /timeout\.ms must be a number over 0, got undefined/],
    [{ ms: 5 }, undefined, /timeout\.ms must be a number over 0, got an object/],
    [5, { nam: 'x' }, /timeout has no option "nam"; did you mean "name"\?/],
    [5, { name: '' }, /timeout\.name must be a string that is not empty, got ""/],
    [5, { name: 5 }, /timeout\.name must be a string that is not empty, got 5/],
    [5, null, /timeout options must be an object, got null/],
    [5, 'x', /timeout options must be an object, got "x"/],
  ])('timeout(%j, %j) is refused at build', (ms, options, message) => {
    expect(() => timeout(ms as never, options as never)).toThrow(message)
  })

  it('update is checked as a whole, and a wrong one changes nothing', () => {
    const policy = timeout(5)
    expect(() => policy.update({ ms: 0 })).toThrow(RangeError)
    expect(() => policy.update({ name: 'x' } as never)).toThrow(/no option "name"/)
    policy.update({})
    policy.update({ ms: undefined })
    expect(policy.timeoutMs).toBe(5)
    expect(policy.options).toEqual({ ms: 5, name: 'timeout' })
  })
})
