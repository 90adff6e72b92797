import { afterEach, describe, expect, it, test, vi } from 'vitest'
import {
  adaptiveLimit, breaker, bulkhead, type CallOptions, constant, fallback, park, pipeline, type Pipeline, type PipelineOptions, type Policy, retry, shed, SpillwayError, timeout,
} from 'spillway'
import { manualClock, scriptedUpstream } from 'spillway/testing'
import { CallRecord } from '../../src/core/call.ts'
import { Events } from '../../src/core/events.ts'
import { countingClock } from '../support/counting-clock.ts'
import { counting, queueing, refusing, surround } from '../support/policies.ts'

const again = (delayMs = 0) => retry({ backoff: constant(delayMs), budget: false })
const calm = () => breaker({ minimumThroughput: 1_000_000 })
const instead = () => fallback(() => 'instead')
const everything = () => [instead(), timeout(2_000), again(), calm(), bulkhead({ slots: 20_000 }), timeout(500)]
const down = new Error('down')
const succeeding = async (): Promise<string> => 'answer'
const failing = async (): Promise<string> => {
  throw down
}

function made(policies: readonly Policy[], options: PipelineOptions = {}): Pipeline<unknown> {
  return pipeline('cost', policies, { onWarning: () => {}, ...options }) as Pipeline<unknown>
}

afterEach(() => void vi.useRealTimers())

describe('real timers', () => {
  it('10⁴ calls in flight with the same timeouts share one', async () => {
    const p = made(everything())
    const later = scriptedUpstream<string>()
    later.always.hang({ ignoreAbort: true })
    const setTimeoutSpy = vi.spyOn(globalThis, 'setTimeout')
    const calls = Array.from({ length: 10_000 }, () => p.run(later))
    expect(later.inFlight).toBe(10_000)
    // Total and attempt timeout: the first arms for 2 s, the second comes earlier and takes its place.
    expect(setTimeoutSpy).toHaveBeenCalledTimes(2)
    for (const call of later.calls) call.succeed('answer')
    await Promise.all(calls)
    expect(setTimeoutSpy).toHaveBeenCalledTimes(2)
  })

  it('10⁴ calls one after the other arm none anew', async () => {
    const p = made([timeout(60_000)])
    await p.run(succeeding)
    const setTimeoutSpy = vi.spyOn(globalThis, 'setTimeout')
    const clearTimeoutSpy = vi.spyOn(globalThis, 'clearTimeout')
    for (let i = 0; i < 10_000; i++) await p.run(succeeding)
    expect(setTimeoutSpy.mock.calls.length).toBeLessThanOrEqual(1)
    expect(clearTimeoutSpy.mock.calls.length).toBeLessThanOrEqual(1)
  })

  it('calls without a timeout make none, whatever stands around them', async () => {
    const clock = countingClock()
    const p = made([instead(), again(), calm(), bulkhead({ slots: 5 })], { clock })
    for (let i = 0; i < 100; i++) await p.run(i % 2 === 0 ? succeeding : failing)
    expect(clock.timers).toBe(0)
  })

  it('one queue of many waiters arms one', async () => {
    const clock = countingClock()
    const p = made([queueing(1, 1_000)], { clock })
    const upstream = scriptedUpstream<string>({ clock }).hang().hang()
    const first = p.run(upstream)
    const waiters = Array.from({ length: 1_000 }, () => p.run(succeeding))
    expect(clock.timers).toBe(1)
    upstream.calls[0]!.succeed('first')
    await first
    await Promise.resolve()
    upstream.calls[1]?.succeed('second')
    await Promise.all(waiters.slice(0, 1))
    expect(clock.timers).toBe(1)
  })
})

describe('objects of the platform', () => {
  it('no AbortController is made while nobody reads a signal', async () => {
    const controllers = vi.spyOn(globalThis, 'AbortController')
    const clock = manualClock()
    const p = made(everything(), { clock })
    await p.run(succeeding)
    await p.run(failing)
    const hanging = p.run(() => new Promise<string>(() => {}))
    await clock.runAll()
    expect(await hanging).toBe('instead')
    await p.run(succeeding, { timeoutMs: 100 })
    expect(controllers).not.toHaveBeenCalled()
  })

  it('one AbortController is made for each attempt whose signal is read, however often', async () => {
    const controllers = vi.spyOn(globalThis, 'AbortController')
    const p = made(everything(), { clock: manualClock() })
    await p.run(async (attempt) => {
      expect(attempt.signal).toBe(attempt.signal)
      throw down
    })
    expect(controllers).toHaveBeenCalledTimes(3)
  })

  it('AbortSignal.any and AbortSignal.timeout are never used', async () => {
    const any = vi.spyOn(AbortSignal, 'any')
    const ofTimeout = vi.spyOn(AbortSignal, 'timeout')
    const { signal } = new AbortController()
    const p = made(everything(), { clock: manualClock() })
    await p.run(async (attempt) => String(attempt.signal.aborted), { signal, timeoutMs: 100 })
    expect(any).not.toHaveBeenCalled()
    expect(ofTimeout).not.toHaveBeenCalled()
  })

  it('one listener on the signal of the caller per call, whatever happens in it', async () => {
    const { signal } = new AbortController()
    const add = vi.spyOn(signal, 'addEventListener')
    const remove = vi.spyOn(signal, 'removeEventListener')
    const p = made(everything(), { clock: manualClock() })
    await p.run(failing, { signal })
    expect(add).toHaveBeenCalledTimes(1)
    expect(remove).toHaveBeenCalledTimes(1)
  })
})

/** How many errors the library makes: by the constructors that its own ones call. */
async function errorsMade(run: () => Promise<unknown>): Promise<number> {
  let errors = 0
  class CountedError extends Error {
    constructor(...args: ConstructorParameters<ErrorConstructor>) {
      super(...args)
      errors++
    }
  }
  const spies = (['Error', 'TypeError', 'RangeError', 'DOMException'] as const).map((name) => vi.spyOn(globalThis, name))
  Object.setPrototypeOf(SpillwayError, CountedError)
  try {
    await run()
  } finally {
    Object.setPrototypeOf(SpillwayError, Error)
  }
  errors += spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0)
  for (const spy of spies) spy.mockRestore()
  return errors
}

describe('errors', () => {
  test.each<[string, number, () => Promise<unknown>]>([
    ['a success', 0, () => made(everything(), { clock: manualClock() }).run(succeeding)],
    ['a failure of the function', 0, () => made([calm(), timeout(500)], { clock: manualClock() }).run(failing).catch(() => {})],
    ['a retry that works out', 0, () => made(everything(), { clock: manualClock() }).run(({ number }) => (number === 1 ? failing() : succeeding()))],
    ['a refusal that run tells', 1, () => made([refusing()]).run(succeeding).catch(() => {})],
    ['a refusal that tryRun tells and nobody reads', 0, () => made([refusing()]).tryRun(succeeding)],
    ['a refusal that a fallback answers', 0, () => made([instead(), refusing()]).run(succeeding)],
    ['a refusal after a retry', 0, () => made([instead(), again(), refusing()]).run(succeeding)],
    ['an open breaker', 1, async () => {
      const open = breaker()
      open.open()
      await made([again(), timeout(500), open]).run(succeeding).catch(() => {})
    }],
  ])('%s → %d', async (_what, errors, run) => {
    expect(await errorsMade(run)).toBe(errors)
  })

  it('a refusal captures no stack, and 10⁴ of them made by tryRun none either', async () => {
    const limits: number[] = []
    const p = made([refusing()])
    vi.spyOn(Error, 'captureStackTrace')
    const error: unknown = await p.run(succeeding).catch((reason: unknown) => (limits.push(Error.stackTraceLimit), reason))
    expect((error as Error).stack).not.toContain('\n    at ')
    expect(limits[0]).toBeGreaterThan(0)
  })
})

describe('events', () => {
  it('no payload and no id is made while nobody listens', async () => {
    const emitted = vi.spyOn(Events.prototype, 'emit')
    const told = vi.spyOn(CallRecord.prototype, 'emit')
    const ids = vi.spyOn(CallRecord.prototype, 'id', 'get')
    const clock = manualClock()
    const p = made(everything(), { clock })
    await p.run(succeeding)
    await p.run(failing)
    const hanging = p.run(() => new Promise<string>(() => {}))
    await clock.runAll()
    await hanging
    await made([refusing()]).run(succeeding).catch(() => {})
    expect([emitted.mock.calls.length, told.mock.calls.length, ids.mock.calls.length]).toEqual([0, 0, 0])
  })

  it('none is made any more when the last listener has gone', async () => {
    const p = made(everything(), { clock: manualClock() })
    p.on('*', () => {})()
    const emitted = vi.spyOn(Events.prototype, 'emit')
    await p.run(failing)
    expect(emitted).not.toHaveBeenCalled()
  })

  it('an observer gets no event objects of calls and attempts', async () => {
    const emitted = vi.spyOn(Events.prototype, 'emit')
    let settled = 0
    const p = made([calm(), timeout(500)], { clock: manualClock(), observers: [{ attemptSettled: () => settled++, callSettled: () => settled++ }] })
    await p.run(succeeding)
    expect(settled).toBe(2)
    expect(emitted).not.toHaveBeenCalled()
  })
})

// Reads of the second call: the first one may start what is started once.
describe('clock reads per call', () => {
  test.each<[string, number, number, () => readonly Policy[], CallOptions?]>([
    // configuration                         succeeds  fails
    ['nothing', 0, 0, () => []],
    ['a guard', 0, 0, () => [counting()]],
    ['bulkhead', 0, 0, () => [bulkhead({ slots: 5 })]],
    ['adaptive limit', 2, 1, () => [adaptiveLimit()]],
    ['shed', 0, 0, () => [shed()]],
    ['park', 0, 0, () => [park()]],
    ['breaker over time', 1, 1, () => [calm()]],
    ['breaker over calls', 0, 0, () => [breaker({ windowCalls: 100, minimumThroughput: 100 })]],
    ['breaker that counts slow calls', 2, 2, () => [breaker({ minimumThroughput: 1_000_000, slowMs: 100 })]],
    ['fallback', 0, 0, () => [instead()]],
    ['retry without budget', 0, 0, () => [again()]],
    ['retry with budget, three attempts', 0, 2, () => [retry({ backoff: constant(0) })]],
    ['timeout', 1, 1, () => [timeout(500)]],
    ['timeout, timeout in one stage', 1, 1, () => [timeout(500), counting(), timeout(600)]],
    ['breaker, bulkhead, timeout', 2, 2, () => [calm(), bulkhead({ slots: 5 }), timeout(500)]],
    ['breaker that counts slow calls, bulkhead, timeout', 2, 2, () => [breaker({ minimumThroughput: 1_000_000, slowMs: 100 }), bulkhead({ slots: 5 }), timeout(500)]],
    ['timeout, surround, timeout', 2, 2, () => [timeout(2_000), surround((next, attempt) => next(attempt)), timeout(500)]],
    ['retry, timeout: three attempts', 1, 3, () => [again(), timeout(500)]],
    ['timeout, retry, timeout: three attempts', 1, 7, () => [timeout(2_000), again(), timeout(500)]],
    ['timeout, retry with budget, timeout: three attempts', 1, 7, () => [timeout(2_000), retry({ backoff: constant(0) }), timeout(500)]],
    ['everything: three attempts', 2, 10, everything],
    ['nothing, with a deadline', 1, 1, () => [], { timeoutMs: 100 }],
    ['everything, with a deadline', 4, 12, everything, { timeoutMs: 100 }],
    ['refused', 0, 0, () => [refusing()]],
    ['refused within a timeout', 1, 1, () => [timeout(500), refusing()]],
  ])('%s → %d, or %d when it fails', async (_configuration, succeeds, fails, policies, call) => {
    const reads = async (work: () => Promise<string>): Promise<number> => {
      const clock = countingClock()
      const p = made(policies(), { clock })
      await p.tryRun(work, call)
      clock.reads = 0
      await p.tryRun(work, call)
      return clock.reads
    }
    expect({ succeeds: await reads(succeeding), fails: await reads(failing) }).toEqual({ succeeds, fails })
  })

  it('one more per stage while timed-out work goes on anywhere on the clock: it might have to be abandoned', async () => {
    const clock = countingClock()
    const p = made([counting('outer'), again(), counting('inner')], { clock })
    let end!: () => void
    const hung = made([timeout(5)], { clock }).tryRun(() => new Promise<void>((resolve) => (end = resolve)))
    await clock.manual.advance(5)
    await hung
    clock.reads = 0
    await p.run(succeeding)
    expect(clock.reads).toBe(2)
    end()
    await clock.manual.flush()
    clock.reads = 0
    await p.run(succeeding)
    expect(clock.reads).toBe(0)
  })

  it('an observed call reads once at its start and once at its end, with its first attempt', async () => {
    const clock = countingClock()
    const p = made([], { clock, observers: [{ attemptSettled: (_attempt, settled) => void settled.settledAt, callSettled: (_call, _outcome, settled) => void settled.settledAt }] })
    await p.run(succeeding)
    clock.reads = 0
    await p.run(succeeding)
    expect(clock.reads).toBe(2)
  })
})
