import { describe, expect, it, test } from 'vitest'
import {
  adaptiveLimit, breaker, bulkhead, type CallOptions, constant, fallback, park, pipeline, type Pipeline, type PipelineOptions, type Policy, rateLimit, retry, shed, throttle, timeout,
} from 'spillway'
import { manualClock } from 'spillway/testing'
import { counting, hedging, queueing, refusing, surround } from '../support/policies.ts'
import { promisesMade } from '../support/promises.ts'

const ready = Promise.resolve('answer')
const failed = Promise.reject(new Error('down'))
failed.catch(() => {})
const work = (): Promise<string> => ready
const failing = (): Promise<never> => failed as Promise<never>

const clock = manualClock()
const again = (delayMs = 0) => retry({ backoff: constant(delayMs), budget: false, maxAttempts: 3 })
const calm = () => breaker({ minimumThroughput: 1_000_000 })
const instead = () => fallback(() => 'instead')
const five = () => [instead(), again(), calm(), bulkhead({ slots: 5 }), counting()]

function made(policies: readonly Policy[], use: (p: Pipeline<unknown>) => PromiseLike<unknown>, options: PipelineOptions = {}): Promise<number> {
  const p = pipeline('cost', policies, { clock, onWarning: () => {}, ...options }) as Pipeline<unknown>
  return promisesMade(() => {
    const answer = use(p)
    // In callbacks, which make no promise: twice, so that two back-offs pass.
    setImmediate(() => (clock.tick(10), setImmediate(() => clock.tick(10))))
    return answer
  })
}

const free: CallOptions = {}
const signalled: CallOptions = { signal: new AbortController().signal }

// Each row is measured: a change of the core that costs or saves a promise shows here. The function's own promise is not counted.
describe('promises per call that succeeds', () => {
  test.each<[string, () => readonly Policy[], number, number]>([
    // configuration                                             plain  with a caller's signal
    ['nothing', () => [], 1, 2],
    ['a guard', () => [counting()], 1, 2],
    ['breaker', () => [calm()], 1, 2],
    ['bulkhead', () => [bulkhead({ slots: 5 })], 1, 2],
    ['adaptive limit', () => [adaptiveLimit()], 1, 2],
    ['rate limit', () => [rateLimit({ permits: 1_000, everyMs: 1_000 })], 1, 2],
    ['throttle', () => [throttle({ adaptive: true })], 1, 2],
    ['shed', () => [shed()], 1, 2],
    ['park', () => [park({ classes: ['normal'] })], 1, 2],
    ['retry', () => [again()], 1, 3],
    ['fallback', () => [instead()], 1, 3],
    ['fallback, retry, breaker, bulkhead, a guard', five, 1, 3],
    ['five guards', () => [calm(), bulkhead({ slots: 5 }), counting('a'), counting('b'), counting('c')], 1, 2],
    ['timeout', () => [timeout(500)], 2, 2],
    ['timeout(Infinity)', () => [timeout(Infinity)], 1, 2],
    ['breaker, bulkhead, timeout', () => [calm(), bulkhead({ slots: 5 }), timeout(500)], 2, 2],
    ['fallback, timeout', () => [instead(), timeout(500)], 3, 3],
    ['timeout, retry', () => [timeout(500), again()], 3, 3],
    ['retry, timeout', () => [again(), timeout(500)], 3, 3],
    ['timeout, retry, timeout', () => [timeout(2_000), again(), timeout(500)], 3, 3],
    ['fallback, retry, breaker, throttle, bulkhead, timeout', () => [instead(), again(), calm(), throttle(), bulkhead({ slots: 5 }), timeout(500)], 3, 3],
    ['fallback, timeout, retry, breaker, bulkhead, timeout', () => [instead(), timeout(2_000), again(), calm(), bulkhead({ slots: 5 }), timeout(500)], 3, 3],
    ['a surround', () => [surround((next, attempt) => next(attempt))], 3, 4],
    ['a surround, timeout', () => [surround((next, attempt) => next(attempt)), timeout(500)], 3, 4],
    ['a surround of two attempts, which makes five of its own', () => [hedging()], 10, 11],
  ])('%s', async (_configuration, policies, plain, withSignal) => {
    expect({
      plain: await made(policies(), (p) => p.run(work, free)),
      withSignal: await made(policies(), (p) => p.run(work, signalled)),
      withDeadline: await made(policies(), (p) => p.run(work, { timeoutMs: 1_000 })),
      tryRun: await made(policies(), (p) => p.tryRun(work)),
      observed: await made(policies(), (p) => p.run(work), { observers: [{ callSettled() {} }] }),
    }).toEqual({ plain, withSignal, withDeadline: withSignal, tryRun: plain, observed: plain })
  })

  it('wraps a plain value in one promise, and run by wrap or bind costs no more', async () => {
    expect(await made([], (p) => p.run(() => 'plain'))).toBe(2)
    expect(await made([], (p) => p.wrap(work)())).toBe(1)
    expect(await made([], (p) => p.bind(work)())).toBe(1)
  })
})

describe('promises per call that does not', () => {
  test.each<[string, number, () => readonly Policy[], CallOptions?]>([
    ['fails: nothing', 1, () => []],
    ['fails: breaker, bulkhead', 1, () => [calm(), bulkhead({ slots: 5 })]],
    ['fails: timeout', 2, () => [timeout(500)]],
    ['fails: fallback', 1, () => [instead()]],
    ['fails: fallback, timeout', 3, () => [instead(), timeout(500)]],
    ['fails: asynchronous fallback', 6, () => [fallback(async () => 'instead')]],
    ['fails: asynchronous fallback, timeout', 8, () => [fallback(async () => 'instead'), timeout(500)]],
    ['fails three times at once: retry', 9, () => [again()]],
    ['fails three times with a back-off: retry', 9, () => [again(10)]],
    ['fails three times at once: retry, timeout', 15, () => [again(), timeout(500)]],
    ['fails three times with a back-off: retry, timeout', 15, () => [again(10), timeout(500)]],
    ['refused', 1, () => [refusing()]],
    ['refused: timeout outside', 1, () => [timeout(500), refusing()]],
    ['refused: retry, timeout outside', 1, () => [again(), timeout(500), refusing()]],
    ['refused: fallback outside', 1, () => [instead(), refusing()]],
    ['refused: with a signal', 1, () => [refusing()], signalled],
    ['refused: asynchronous fallback outside', 3, () => [fallback(async () => 'instead'), refusing()]],
    ['refused: deadline passed', 1, () => [], { timeoutMs: 0 }],
  ])('%s → %d', async (_what, promises, policies, call) => {
    expect({ run: await made(policies(), (p) => p.run(failing, call)), tryRun: await made(policies(), (p) => p.tryRun(failing, call)) }).toEqual({ run: promises, tryRun: promises })
  })

  it('is refused by a closed pipeline → 1', async () => {
    const p = pipeline('closed', [])
    await p.close()
    expect(await promisesMade(() => p.run(work))).toBe(1)
    expect(await promisesMade(() => p.tryRun(work))).toBe(1)
  })

  it('holds something beyond its answer (until) → 2 more', async () => {
    const held = Promise.resolve()
    expect(await made([], (p) => p.run((attempt) => (attempt.until(held), ready)))).toBe(1 + 2)
    // From then on no timeout can end it early.
    expect(await made([timeout(500)], (p) => p.run((attempt) => (attempt.until(held), ready)))).toBe(1 + 2)
  })

  it('waits in a queue → 5: two to wait in, the work, and the answer in two', async () => {
    const one = async (policies: readonly Policy[]): Promise<number> => {
      const p = pipeline('queue', policies, { clock })
      let least = Infinity
      for (let round = 0; round < 5; round++) {
        let leave!: () => void
        const holder = new Promise<void>((resolve) => (leave = resolve))
        const promises = await promisesMade(() => {
          void p.run(() => holder)
          const answer = p.run(work)
          setImmediate(() => leave())
          return answer
        }, 1)
        least = Math.min(least, promises)
      }
      return least
    }
    // The call that holds the slot makes as many as ever.
    expect(await one([queueing(1)])).toBe(1 + 5)
    expect(await one([queueing(1), timeout(500)])).toBe(2 + 5)
  })
})
