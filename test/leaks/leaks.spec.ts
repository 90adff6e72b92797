import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import {
  type Attempt, breaker, bulkhead, BulkheadFullError, type CallOptions, constant, fallback, type Guard, later, pipeline, type PipelineOptions, type Policy, refuse, RejectedError, retry, timeout, TimeoutError,
} from 'spillway'
import { manualClock } from 'spillway/testing'
import type { Plan } from '../../src/core/plan.ts'
import { collect, FLAT, heapGrowth, kept } from '../support/heap.ts'
import { hedging, queueing, refusing } from '../support/policies.ts'

const N = 100_000
const again = (delayMs = 0) => retry({ backoff: constant(delayMs), budget: false })
const down = new Error('down')
const failing = async (): Promise<string> => {
  throw down
}
/** A turn later. */
const clockless = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const quiet: PipelineOptions = { onWarning: () => {} }

/** A pipeline with a look at what it keeps. */
async function lookedAt(policies: readonly Policy[], options: PipelineOptions = {}) {
  const p = pipeline('leaks', policies, { ...quiet, ...options })
  return { p, plan: await kept(p) }
}

function expectEmpty(plan: Plan): void {
  expect({ live: plan.live.size, parked: plan.parked.size, inFlight: plan.inFlight, watched: plan.timers.watched }).toEqual({ live: 0, parked: 0, inFlight: 0, watched: 0 })
}

describe('10⁵ calls with one signal that lives long', { timeout: 60_000 }, () => {
  it.each<[string, () => readonly Policy[], (attempt: Attempt) => unknown]>([
    ['that succeed', () => [], () => 1],
    ['that succeed within everything', () => [fallback(() => 0), timeout(2_000), again(), breaker(), bulkhead({ slots: 5 }), timeout(500)], async () => 1],
    ['that read their own signal', () => [timeout(500)], async ({ signal }) => signal.aborted],
    ['that fail and are tried again', () => [again(), timeout(500)], failing],
    ['that fail and are answered later', () => [fallback(async () => 1)], failing],
    ['that are refused', () => [refusing()], () => 1],
    ['that throw', () => [timeout(500)], () => {
      throw down
    }],
    ['that run twice at once', () => [hedging()], async () => 1],
  ])('%s leave no listener and no memory', async (_which, policies, work) => {
    const { p, plan } = await lookedAt(policies())
    const { signal } = new AbortController()
    const call: CallOptions = { signal }
    let most = 0
    const grown = await heapGrowth(N, async (times) => {
      for (let i = 0; i < times; i++) {
        const answer = p.tryRun(work, call)
        if (i % 1_000 === 0) most = Math.max(most, getEventListeners(signal, 'abort').length)
        await answer
      }
    })
    expect(most).toBeLessThanOrEqual(1)
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(grown).toBeLessThan(FLAT)
    expectEmpty(plan)
  })

  it('share one listener while they run', async () => {
    const { signal } = new AbortController()
    const p = pipeline('many at once', [fallback(() => 0), timeout(1_000), again(), timeout(500)], quiet)
    const ends: (() => void)[] = []
    const calls = Array.from({ length: 1_000 }, () => p.run(() => new Promise<void>((resolve) => ends.push(resolve)), { signal }))
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    for (const end of ends.slice(1)) end()
    await Promise.all(calls.slice(1))
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    ends[0]!()
    await calls[0]
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('may be many at once: nobody is warned of a leak that is none', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error): void => void warnings.push(warning)
    process.on('warning', onWarning)
    const { signal } = new AbortController()
    const p = pipeline('many at once', [timeout(1_000)])
    // Node 20 would warn of the eleventh listener.
    await Promise.all(Array.from({ length: 20 }, () => p.run(async () => 1, { signal })))
    await collect()
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
  })

  it('that it ends leave no listener either', async () => {
    const { p, plan } = await lookedAt([fallback(() => 0), timeout(1_000), again(), timeout(500)])
    for (let i = 0; i < 100; i++) {
      const controller = new AbortController()
      const ends: (() => void)[] = []
      const answers = Array.from({ length: 100 }, () => p.tryRun(() => new Promise<void>((resolve) => ends.push(resolve)), { signal: controller.signal }))
      controller.abort(down)
      expect(getEventListeners(controller.signal, 'abort')).toEqual([])
      for (const answer of await Promise.all(answers)) expect(answer).toMatchObject({ ok: false, error: down })
      for (const end of ends) end()
    }
    await collect()
    expectEmpty(plan)
  })

  it('are all ended by it, though the guard of one throws, and one is started meanwhile', async () => {
    const told: unknown[] = []
    const bad: Guard = {
      kind: 'guard',
      name: 'bad',
      admit: () => later({
        maxWaitMs: Infinity,
        start() {},
        cancel() {
          throw new Error('cancel')
        },
        expired: () => refuse(bad, BulkheadFullError, () => 'full'),
      }),
      settle() {
        throw new Error('settle')
      },
    }
    const controller = new AbortController()
    const { signal } = controller
    const clock = manualClock()
    const throwing = pipeline('throws', [fallback(() => 0), bad], { clock, onInternalError: (error) => told.push(error) })
    const p = pipeline('waits', [fallback(() => 0), timeout(500)], { clock })
    const answers = [
      throwing.tryRun(() => 1, { signal }),
      p.tryRun((attempt) => new Promise(() => attempt.signal.addEventListener('abort', () => answers.push(p.tryRun(() => 1, { signal })))), { signal }),
      p.tryRun(() => new Promise(() => {}), { signal }),
    ]
    controller.abort(down)
    expect(answers).toHaveLength(4)
    for (const answer of await Promise.all(answers)) expect(answer).toMatchObject({ ok: false, error: down })
    expect(told).toEqual([new Error('cancel')])
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

describe('memory stays flat over 10⁵', { timeout: 60_000 }, () => {
  it('calls within timeouts', async () => {
    const { p, plan } = await lookedAt([timeout(60_000), bulkhead({ slots: 200 }), timeout(50_000)])
    expect(await heapGrowth(N, async (times) => {
      for (let i = 0; i < times; i += 100) await Promise.all(Array.from({ length: 100 }, () => p.run(async () => 1)))
    })).toBeLessThan(FLAT)
    expectEmpty(plan)
  })

  it('calls with deadlines of 10⁵ different lengths', async () => {
    const { p, plan } = await lookedAt([timeout(60_000)])
    expect(await heapGrowth(N, async (times) => {
      for (let i = 0; i < times; i++) await p.run(async () => 1, { timeoutMs: 10_000 + i / 7 })
    })).toBeLessThan(FLAT)
    expectEmpty(plan)
  })

  it('timeouts of 10⁵ different lengths, one after the other', async () => {
    const changing = timeout(60_000)
    const { p, plan } = await lookedAt([changing])
    expect(await heapGrowth(N, async (times) => {
      for (let i = 0; i < times; i++) {
        changing.update({ ms: 10_000 + i / 7 })
        await p.run(async () => 1)
      }
    })).toBeLessThan(FLAT)
    expectEmpty(plan)
  })

  it('retries of one call', async () => {
    const { p, plan } = await lookedAt([retry({ maxAttempts: Infinity, backoff: constant(0), budget: false }), timeout(500)])
    let before = 0
    let grown = NaN
    const answer = await p.run(async (attempt) => {
      if (attempt.number === 2_000 || attempt.number === N) {
        await collect()
        const { heapUsed } = process.memoryUsage()
        if (attempt.number === N) grown = heapUsed - before
        else before = heapUsed
      }
      return attempt.number > N ? 'at last' : failing()
    })
    expect(answer).toBe('at last')
    expect(grown).toBeLessThan(FLAT)
    await collect()
    expectEmpty(plan)
  })

  it('calls with retries and back-offs', async () => {
    const clock = manualClock()
    const { p, plan } = await lookedAt([again(10), timeout(500)], { clock })
    expect(await heapGrowth(N / 2, async (times) => {
      for (let i = 0; i < times; i += 1_000) {
        const answers = Promise.all(Array.from({ length: 1_000 }, () => p.tryRun(failing)))
        await clock.advance(10)
        await clock.advance(10)
        await answers
      }
    })).toBeLessThan(FLAT)
    expectEmpty(plan)
    expect(clock.pending).toBe(0)
  })

  it('refused calls, their errors unread', async () => {
    const { p, plan } = await lookedAt([timeout(500), again(), refusing()])
    expect(await heapGrowth(N, async (times) => {
      for (let i = 0; i < times; i++) await p.tryRun(async () => 1)
    })).toBeLessThan(FLAT)
    expectEmpty(plan)
  })

  it('calls that waited in a queue', async () => {
    const { p, plan } = await lookedAt([queueing(2, 60_000), timeout(500)])
    expect(await heapGrowth(N, async (times) => {
      for (let i = 0; i < times; i += 1_000) await Promise.all(Array.from({ length: 1_000 }, () => p.run(async () => 1)))
    })).toBeLessThan(FLAT)
    expectEmpty(plan)
  })

  it('calls that left a queue, their callers gone or waiting no longer', async () => {
    const clock = manualClock()
    const queue = queueing(1, 50)
    const { p, plan } = await lookedAt([queue, timeout(500)], { clock })
    let end!: () => void
    const holder = p.run(() => new Promise<void>((resolve) => (end = resolve))).catch(() => {})
    for (let i = 0; i < 50; i++) {
      const controller = new AbortController()
      const gone = Array.from({ length: 100 }, () => p.tryRun(async () => 1, { signal: controller.signal }))
      expect(queue.waiting).toBe(100)
      controller.abort(down)
      expect(queue.waiting).toBe(0)
      for (const answer of await Promise.all(gone)) expect(answer).toMatchObject({ ok: false, error: down, attempts: 0 })
    }
    const bored = Array.from({ length: 100 }, () => p.tryRun(async () => 1))
    expect(plan.parked.size).toBe(100)
    await clock.advance(50)
    for (const answer of await Promise.all(bored)) expect(answer).toMatchObject({ ok: false, error: expect.any(BulkheadFullError) as unknown })
    expect(queue.waiting).toBe(0)
    end()
    await holder
    expectEmpty(plan)
    expect(clock.pending).toBe(0)
  })
})

describe('work that never ends', { timeout: 60_000 }, () => {
  const forever = (): Promise<never> => new Promise<never>(() => {})

  it('gives its slots back when they are wanted, 30 s after its callers were answered', async () => {
    const clock = manualClock()
    const slots = bulkhead({ slots: 10 })
    const { p, plan } = await lookedAt([slots, timeout(500)], { clock })
    const hung = Array.from({ length: 10 }, () => p.tryRun(forever))
    await clock.advance(500)
    for (const answer of await Promise.all(hung)) expect(answer).toMatchObject({ ok: false, error: expect.any(TimeoutError) as unknown })
    expect(slots.inFlight).toBe(10)
    // Nobody waits, so no timer keeps the process alive.
    expect(clock.pending).toBe(0)
    await clock.advance(29_000)
    expect(await p.tryRun(async () => 1)).toMatchObject({ ok: false, error: expect.any(BulkheadFullError) as unknown })
    await clock.advance(1_000)
    expect(slots.inFlight).toBe(10)
    expect(await p.run(async () => 1)).toBe(1)
    expect(slots.inFlight).toBe(0)
    expectEmpty(plan)
  })

  it('leaves nothing behind once abandoned, 10⁵ times', async () => {
    const clock = manualClock()
    const slots = bulkhead({ slots: 1_000 })
    const { p, plan } = await lookedAt([fallback(() => 0), slots, timeout(500)], { clock, abandonAfterMs: 1_000 })
    expect(await heapGrowth(N, async (times) => {
      for (let i = 0; i < times; i += 1_000) {
        const answers = Promise.all(Array.from({ length: 1_000 }, () => p.run((attempt) => (i % 2_000 === 0 ? attempt.signal : 0, forever()))))
        await clock.advance(500)
        await answers
        await clock.advance(1_000)
      }
      await p.run(async () => 1)
    })).toBeLessThan(FLAT)
    expect(slots.inFlight).toBe(0)
    expectEmpty(plan)
  })

  it('of an aborted call is abandoned the same way, and of an outer attempt too', async () => {
    const clock = manualClock()
    const outer = bulkhead({ slots: 1, name: 'outer' })
    const inner = bulkhead({ slots: 1, name: 'inner' })
    const { p, plan } = await lookedAt([outer, again(), inner, timeout(500)], { clock, abandonAfterMs: 1_000 })
    const controller = new AbortController()
    const hung = p.tryRun(forever, { signal: controller.signal })
    controller.abort(down)
    expect(await hung).toMatchObject({ ok: false, error: down })
    expect([outer.inFlight, inner.inFlight]).toEqual([1, 1])
    await clock.advance(1_000)
    expect(await p.run(async () => 1)).toBe(1)
    expect([outer.inFlight, inner.inFlight]).toEqual([0, 0])
    expectEmpty(plan)
  })

  it('that ends after all, abandoned long ago, frees nothing twice', async () => {
    const clock = manualClock()
    const slots = bulkhead({ slots: 1 })
    const { p, plan } = await lookedAt([slots, timeout(500)], { clock, abandonAfterMs: 1_000 })
    let end!: () => void
    const hung = p.tryRun(() => new Promise<void>((resolve) => (end = resolve)))
    await clock.advance(500)
    await hung
    await clock.advance(1_000)
    const next = p.run(async () => {
      end()
      await clock.flush()
      return slots.inFlight
    })
    expect(await next).toBe(1)
    expect(slots.inFlight).toBe(0)
    expectEmpty(plan)
  })

  it('within no guard at all is abandoned too, when the next call comes', async () => {
    const clock = manualClock()
    const { p, plan } = await lookedAt([fallback(() => 0)], { clock, abandonAfterMs: 1_000 })
    const hung = Promise.all(Array.from({ length: 100 }, () => p.tryRun(forever, { timeoutMs: 10 })))
    await clock.advance(10)
    await hung
    expect(plan.timers.watched).toBe(100)
    await clock.advance(1_000)
    await p.run(() => 1)
    expectEmpty(plan)
    expect(await p.close()).toBe(0)
  })

  it('held by until is abandoned as well', async () => {
    const clock = manualClock()
    const slots = bulkhead({ slots: 1 })
    const { p, plan } = await lookedAt([slots, timeout(500)], { clock, abandonAfterMs: 1_000 })
    expect(await p.run(async (attempt) => (attempt.until(forever()), 'head'))).toBe('head')
    expect(slots.inFlight).toBe(1)
    await clock.advance(1_000)
    expect(await p.run(async () => 1)).toBe(1)
    expect(slots.inFlight).toBe(0)
    expectEmpty(plan)
  })
})

describe('signals that were read', () => {
  it.each<[string, () => readonly Policy[], (attempt: Attempt) => unknown]>([
    ['by the function', () => [timeout(500)], async ({ signal }) => signal.aborted],
    ['by the function after it had failed once', () => [again(), timeout(500)], async ({ signal, number }) => (number === 1 ? failing() : signal.aborted)],
    ['by a fallback', () => [fallback((_outcome, { signal }) => signal.aborted), timeout(500)], failing],
    ['by a fallback after a refusal', () => [fallback((_outcome, { signal }) => signal.aborted), timeout(500), refusing()], failing],
    ['by a fallback after a wait in a queue', () => [fallback((_outcome, { signal }) => signal.aborted), queueing(0, 1)], failing],
    ['by an asynchronous fallback', () => [fallback(async (_outcome, attempt) => (await clockless(), attempt.signal.aborted)), timeout(500)], failing],
    ['by when', () => [retry({ when: (_outcome, { signal }) => signal.aborted, budget: false })], failing],
    ['by both attempts of a surround', () => [hedging()], async ({ signal }) => signal.aborted],
    ['long after the answer', () => [], (attempt) => void setTimeout(() => attempt.signal, 5)],
    ['long after the timeout', () => [timeout(5)], async (attempt) => (await new Promise((resolve) => setTimeout(resolve, 10)), setTimeout(() => attempt.signal, 0))],
  ])('%s are not kept', async (_by, policies, work) => {
    const { p, plan } = await lookedAt(policies())
    await p.tryRun(work)
    await new Promise((resolve) => setTimeout(resolve, 25))
    expectEmpty(plan)
  })

  it('by a step outside do not pile up in memory', async () => {
    const p = pipeline('signals', [fallback((_outcome, { signal }) => signal.aborted), timeout(500)], quiet)
    expect(await heapGrowth(20_000, async (times) => {
      for (let i = 0; i < times; i++) await p.run(failing)
    })).toBeLessThan(FLAT)
  })
})

describe('policies shared by many pipelines that come and go', { timeout: 60_000 }, () => {
  it('keep none of them alive, nor their calls, once their listeners are gone', async () => {
    const shared = [breaker({ minimumThroughput: 1_000_000 }), bulkhead({ slots: 100 })]
    const refs: WeakRef<object>[] = []
    const calls: WeakRef<object>[] = []
    await (async () => {
      for (let i = 0; i < 200; i++) {
        const p = pipeline(`short-lived ${i}`, [fallback(() => 0), again(), ...shared, timeout(500)], quiet)
        const undo = p.on('*', () => {})
        await p.run(async (attempt) => (calls.push(new WeakRef(attempt)), i % 2 === 0 ? failing() : 1))
        undo()
        refs.push(new WeakRef(p))
      }
    })()
    await collect()
    // The first pipeline's host is what the policies are bound to, for ever.
    expect(refs.slice(1).filter((ref) => ref.deref() !== undefined)).toHaveLength(0)
    expect(calls.filter((ref) => ref.deref() !== undefined)).toHaveLength(0)
    expect(shared[0]!.name).toBe('breaker')
  })

  it('10⁴ pipelines leave no memory', async () => {
    const shared = [breaker({ minimumThroughput: 1_000_000 }), bulkhead({ slots: 100 })]
    expect(await heapGrowth(10_000, async (times) => {
      for (let i = 0; i < times; i++) {
        const p = pipeline('short-lived', [retry(), ...shared, timeout(500)])
        const undo = p.on('breaker.opened', () => {})
        await p.run(async () => 1)
        undo()
        if (i % 2 === 0) await p.close()
      }
    })).toBeLessThan(FLAT)
  })

  it('a pipeline that nobody holds is collected, though calls of it were aborted, timed out, refused and queued', async () => {
    const clock = manualClock()
    const ref = await (async () => {
      const p = pipeline('gone', [fallback(() => 0), queueing(1, 50), again(10), timeout(100)], { clock, ...quiet })
      const controller = new AbortController()
      const answers = [p.run(failing), p.run(failing, { signal: controller.signal }), p.run(async () => 1)].map((answer) => answer.catch((error: unknown) => error))
      controller.abort(down)
      await clock.runAll()
      await Promise.all(answers)
      return new WeakRef(p)
    })()
    await collect()
    expect(ref.deref()).toBeUndefined()
    expect(clock.pending).toBe(0)
  })

  it('an answer that is kept does not keep its call: a refusal, a timeout, a result', async () => {
    const clock = manualClock()
    const records: WeakRef<object>[] = []
    const p = pipeline('kept', [bulkhead({ slots: 1 }), timeout(100)], { clock })
    const seen = async (attempt: Attempt): Promise<never> => (records.push(new WeakRef(attempt.call), new WeakRef(attempt)), new Promise<never>(() => {}))
    const slow = p.run(seen).catch((error: unknown) => error)
    const refused = await p.run(seen).catch((error: unknown) => error)
    await clock.advance(100)
    const timedOut = await slow
    await clock.advance(30_000)
    const result = await p.tryRun(async (attempt) => (records.push(new WeakRef(attempt.call), new WeakRef(attempt)), 1))
    await collect()
    expect(refused).toBeInstanceOf(RejectedError)
    expect(timedOut).toBeInstanceOf(TimeoutError)
    expect(result.ok).toBe(true)
    expect(records.filter((ref) => ref.deref() !== undefined)).toHaveLength(0)
  })
})
