import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it, vi } from 'vitest'
import { bulkhead } from '../src/bulkhead/index.ts'
import type { AnyEvent } from '../src/core/events.ts'
import { BreakerOpenError, BulkheadFullError, DeadlinePassedError, TimeoutError } from '../src/core/errors.ts'
import { pipeline as build } from '../src/core/pipeline.ts'
import { type Guard, type Policy, refuse } from '../src/core/policy.ts'
import type { Classify, Verdict } from '../src/core/verdict.ts'
import { constant, retry, retryBudget, type RetryOptions } from '../src/retry/index.ts'
import { manualClock, scriptedUpstream, seededRandom } from '../src/testing/index.ts'
import { timeout } from '../src/timeout/index.ts'

const busy = (retryAfterMs?: number): Error => Object.assign(new Error('busy'), { status: 503, retryAfterMs })

/** A guard whose answer the test decides, and which writes down what it is told. */
function gate() {
  const told: string[] = []
  const guard: Guard & { open: boolean; told: string[] } = {
    kind: 'guard',
    name: 'gate',
    open: true,
    told,
    admit: () => (guard.open ? {} : refuse(guard, BreakerOpenError, () => 'gate closed')),
    settle: (_permit, { verdict }) => void told.push(verdict),
  }
  return guard
}

/** A pipeline on a manual clock, whose calls go to a scripted upstream. */
function stage(policies: Policy[], options: { classify?: Classify; discard?: (value: unknown) => void } = {}) {
  const clock = manualClock()
  const upstream = scriptedUpstream({ clock })
  const pipeline = build('quotes', policies, { clock, random: seededRandom(7), onWarning: () => {}, ...options })
  const events: AnyEvent[] = []
  pipeline.on('*', (event) => events.push(event))
  return { clock, upstream, pipeline, events, times: () => upstream.calls.map((call) => call.at) }
}

const again = (options: RetryOptions = {}): Policy => retry({ backoff: constant(100), ...options })

describe('retry in a pipeline', () => {
  it('tries again until it succeeds', async () => {
    const { pipeline, upstream, clock, times, events } = stage([again()])
    upstream.fail(busy(), { times: 2 }).succeed('quote')
    const answer = pipeline.tryRun(upstream)
    await clock.runAll()
    expect(await answer).toEqual({ ok: true, value: 'quote', attempts: 3 })
    expect(times()).toEqual([0, 100, 200])
    expect(events.filter(({ type }) => type === 'retry.scheduled')).toMatchObject([
      { policy: 'retry', pipeline: 'quotes', number: 1, delayMs: 100, verdict: 'overload', at: 0 },
      { policy: 'retry', pipeline: 'quotes', number: 2, delayMs: 100, verdict: 'overload', at: 100 },
    ])
  })

  it('the user’s own error passes through untouched', async () => {
    const { pipeline, upstream, clock } = stage([again()])
    const last = busy()
    upstream.fail(busy(), { times: 2 }).fail(last)
    const answer = pipeline.run(upstream).catch((error: unknown) => error)
    await clock.runAll()
    expect(await answer).toBe(last)
  })

  it('retries failure values, and discards what it drops before it waits', async () => {
    const discard = vi.fn()
    const classify: Classify = (outcome) => (outcome.ok && (outcome.value as { status: number }).status === 503 ? { verdict: 'overload', retryAfterMs: 300 } : 'success')
    const { pipeline, upstream, clock, times } = stage([again()], { classify, discard })
    const first = { status: 503 }
    upstream.succeed(first).succeed({ status: 200 })
    const answer = pipeline.run(upstream)
    await clock.flush()
    expect(discard).toHaveBeenCalledExactlyOnceWith(first)
    await clock.runAll()
    expect(await answer).toEqual({ status: 200 })
    expect(times()).toEqual([0, 300])
  })

  it('a final failure value is the answer', async () => {
    const { pipeline, upstream, clock } = stage([again({ maxAttempts: 2 })], { classify: () => 'failure' })
    upstream.always.succeed(503)
    const answer = pipeline.tryRun(upstream)
    await clock.runAll()
    expect(await answer).toEqual({ ok: true, value: 503, attempts: 2 })
  })

  it('retried or not: failure and overload only, values too', async () => {
    for (const ok of [true, false]) {
      for (const [verdict, attempts] of [['success', 1], ['failure', 2], ['overload', 2], ['ignored', 1]] as [Verdict, number][]) {
        const { pipeline, upstream, clock } = stage([again({ maxAttempts: 2 })], { classify: () => verdict })
        if (ok) upstream.always.succeed(0)
        else upstream.always.fail(0)
        const answer = pipeline.tryRun(upstream)
        await clock.runAll()
        expect(await answer).toMatchObject({ ok, attempts })
      }
    }
  })

  it('waits no less than the dependency asked, and gives up above its cap', async () => {
    const { pipeline, upstream, clock, times } = stage([again()])
    upstream.fail(busy(2_000)).succeed('quote')
    const patient = pipeline.run(upstream)
    await clock.runAll()
    expect(await patient).toBe('quote')
    expect(times()).toEqual([0, 2_000])
    upstream.fail(busy(10_001))
    expect(await pipeline.tryRun(upstream)).toMatchObject({ ok: false, attempts: 1, error: { message: 'busy' } })
    expect(clock.pending).toBe(0)
  })

  it('never retries a refusal: nothing was started', async () => {
    const guard = gate()
    guard.open = false
    const { pipeline, upstream } = stage([again({ when: () => true }), guard])
    expect(await pipeline.tryRun(upstream)).toMatchObject({ ok: false, attempts: 0, error: { code: 'BREAKER_OPEN' } })
  })

  it('a refusal after an attempt ran ends retrying, and the last real outcome comes out', async () => {
    const guard = gate()
    const budget = retryBudget({ minPerSecond: 0.1 })
    const { pipeline, upstream, clock, events } = stage([again({ budget }), guard])
    const last = busy()
    upstream.fail(last)
    const answer = pipeline.run(upstream).catch((error: unknown) => error)
    await clock.flush()
    guard.open = false
    await clock.runAll()
    expect(await answer).toBe(last)
    expect(events.map(({ type }) => type)).toContain('call.refused')
    // What was withdrawn for the refused try has come back.
    expect(budget.withdraw(clock.now())).toBe(true)
  })

  it('a full bulkhead is refused by name, and not retried', async () => {
    const { pipeline, upstream, clock } = stage([again(), bulkhead({ slots: 1 })])
    upstream.hang()
    void pipeline.run(upstream)
    await expect(pipeline.run(upstream)).rejects.toBeInstanceOf(BulkheadFullError)
    expect(clock.pending).toBe(0)
    expect(upstream.calls.length).toBe(1)
  })

  it('the slot of a failed attempt is free during the back-off', async () => {
    const { pipeline, upstream, clock } = stage([again(), bulkhead({ slots: 1 })])
    upstream.fail(busy()).succeed('between').succeed('retried')
    const answer = pipeline.run(upstream)
    await clock.flush()
    expect(await pipeline.run(upstream)).toBe('between')
    await clock.runAll()
    expect(await answer).toBe('retried')
  })

  it('idempotent: false is retried only where it never started', async () => {
    const { pipeline, upstream, clock } = stage([again()])
    upstream.fail(busy())
    expect(await pipeline.tryRun(upstream, { idempotent: false })).toMatchObject({ ok: false, attempts: 1 })
    upstream.fail(Object.assign(new Error('fetch failed'), { cause: { code: 'ECONNREFUSED' } })).succeed('sent')
    const answer = pipeline.tryRun(upstream, { idempotent: false })
    await clock.runAll()
    expect(await answer).toEqual({ ok: true, value: 'sent', attempts: 2 })
  })

  it('repeatable: false is never retried; a function is asked each time', async () => {
    const { pipeline, upstream, clock } = stage([again()])
    const unreached = (): Error => Object.assign(new Error('fetch failed'), { cause: { code: 'ECONNREFUSED' } })
    upstream.fail(unreached())
    expect(await pipeline.tryRun(upstream, { repeatable: false })).toMatchObject({ ok: false, attempts: 1 })
    let left = 1
    upstream.fail(unreached()).fail(unreached())
    const answer = pipeline.tryRun(upstream, { repeatable: () => left-- > 0 })
    await clock.runAll()
    expect(await answer).toMatchObject({ ok: false, attempts: 2 })
  })

  it('retries each attempt’s own timeout', async () => {
    const { pipeline, upstream, clock, times } = stage([again(), timeout(500)])
    upstream.hang().succeed('quote')
    const answer = pipeline.run(upstream)
    await clock.runAll()
    expect(await answer).toBe('quote')
    expect(times()).toEqual([0, 600])
    expect(upstream.calls[0]!.aborted).toBe(true)
  })
})

describe('retry and deadlines', () => {
  it('a back-off that does not fit the deadline is not slept: the last outcome is returned at once', async () => {
    for (const [policies, call] of [[[timeout(250), again()], {}], [[again()], { timeoutMs: 250 }], [[again()], { deadline: 250 }]] as const) {
      const { pipeline, upstream, clock } = stage([...policies])
      const last = busy()
      upstream.fail(busy(), { times: 2 }).fail(last)
      const answer = pipeline.run(upstream, call).catch((error: unknown) => error)
      await clock.advance(200)
      expect(await answer).toBe(last)
      expect(clock.now()).toBe(200)
      expect(clock.pending).toBe(0)
    }
  })

  it('what the dependency asks for that does not fit is not slept either', async () => {
    const { pipeline, upstream } = stage([again()])
    upstream.fail(busy(2_000))
    await expect(pipeline.run(upstream, { timeoutMs: 1_000 })).rejects.toThrow('busy')
  })

  it('an attempt under way when the whole call times out is not retried', async () => {
    const { pipeline, upstream, clock } = stage([timeout(1_000), again(), timeout(600)])
    upstream.hang({ times: 2 })
    const answer = pipeline.run(upstream).catch((error: unknown) => error)
    await clock.runAll()
    expect(await answer).toBeInstanceOf(TimeoutError)
    expect(clock.now()).toBe(1_000)
    expect(upstream.calls.length).toBe(2)
  })

  it('does not try again when what is left is under the median latency', async () => {
    const { pipeline, upstream, clock } = stage([timeout(1_000), again(), timeout(900)])
    upstream.later(400, { ok: true, value: 0 }, { times: 120 })
    for (let i = 0; i < 120; i++) {
      const answer = pipeline.run(upstream)
      await clock.advance(400)
      await answer
    }
    upstream.later(500, { ok: false, error: busy() })
    const hopeless = pipeline.tryRun(upstream)
    await clock.advance(500)
    expect(await hopeless).toMatchObject({ ok: false, attempts: 1, error: { message: 'busy' } })
    // One that has not learnt it yet tries.
    const fresh = stage([timeout(1_000), again(), timeout(900)])
    fresh.upstream.later(500, { ok: false, error: busy() }).succeed('lucky')
    const answer = fresh.pipeline.run(fresh.upstream)
    await fresh.clock.runAll()
    expect(await answer).toBe('lucky')
  })
})

describe('retry and the caller', () => {
  it('an abort during the back-off is answered at once, with its reason; no further attempt starts', async () => {
    const { pipeline, upstream, clock } = stage([again()])
    upstream.fail(busy())
    const controller = new AbortController()
    const answer = pipeline.run(upstream, { signal: controller.signal }).catch((error: unknown) => error)
    await clock.advance(50)
    const reason = new Error('gone')
    controller.abort(reason)
    expect(await answer).toBe(reason)
    await clock.advance(1_000)
    expect(upstream.calls.length).toBe(1)
    expect(clock.pending).toBe(0)
  })

  it('an abort during an attempt is not retried, whatever `when` says', async () => {
    const { pipeline, upstream, clock } = stage([again({ when: () => true })])
    upstream.always.hang({ ignoreAbort: true })
    const controller = new AbortController()
    const answer = pipeline.run(upstream, { signal: controller.signal }).catch((error: unknown) => error)
    controller.abort('gone')
    expect(await answer).toBe('gone')
    await clock.advance(1_000)
    expect(upstream.calls.length).toBe(1)
  })

  it('the caller’s deadline during an attempt is not retried', async () => {
    const { pipeline, upstream, clock } = stage([again({ when: () => true })])
    upstream.hang()
    const answer = pipeline.run(upstream, { timeoutMs: 300 }).catch((error: unknown) => error)
    await clock.runAll()
    expect(await answer).toBeInstanceOf(TimeoutError)
    expect(upstream.calls.length).toBe(1)
  })

  it('a deadline that has passed starts nothing', async () => {
    const { pipeline, upstream } = stage([again({ when: () => true })])
    await expect(pipeline.run(upstream, { timeoutMs: 0 })).rejects.toBeInstanceOf(DeadlinePassedError)
    expect(upstream.calls.length).toBe(0)
  })

  it('close ends the back-off with the last outcome', async () => {
    const { pipeline, upstream, clock } = stage([again()])
    upstream.fail(busy())
    const answer = pipeline.run(upstream).catch((error: unknown) => error)
    await clock.flush()
    void pipeline.close()
    expect(await answer).toMatchObject({ message: 'busy' })
    expect(upstream.calls.length).toBe(1)
  })

  it('every attempt runs in the caller’s async context', async () => {
    const { pipeline, upstream, clock } = stage([again({ maxAttempts: 4 }), timeout(500)])
    upstream.fail(busy()).hang().fail(busy()).succeed()
    const user = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const answer = user.run('ann', () => pipeline.run((attempt) => (seen.push(user.getStore()), upstream(attempt))))
    await user.run('bob', () => clock.runAll())
    await answer
    expect(seen).toEqual(['ann', 'ann', 'ann', 'ann'])
  })
})

describe('retry and the functions of the user', () => {
  it.each([
    ['when', () => again({ when: () => { throw new Error('boom') } })],
    ['backoff', () => again({ backoff: () => { throw new Error('boom') } })],
  ])('a %s that throws: that error is the call’s, nothing outside learns from it, permits come back', async (_what, policy) => {
    const outer = gate()
    const inner = bulkhead({ slots: 1 })
    const { pipeline, upstream } = stage([outer, policy(), inner])
    upstream.always.fail(busy())
    await expect(pipeline.run(upstream)).rejects.toThrow('boom')
    expect(outer.told).toEqual(['ignored'])
    expect(inner.inFlight).toBe(0)
  })

  it('nonsense of a backoff is the call’s error', async () => {
    const { pipeline, upstream } = stage([again({ backoff: () => NaN })])
    upstream.fail(busy())
    await expect(pipeline.run(upstream)).rejects.toThrow(new RangeError('the delay that retry.backoff returned must be a number from 0 on, got NaN'))
  })

  it('polls with a classifier that says ignored, or with `when`', async () => {
    const { pipeline, upstream, clock, times } = stage([again({ maxAttempts: Infinity, budget: false, when: (outcome) => outcome.ok && outcome.value === 'pending' })])
    upstream.succeed('pending', { times: 3 }).succeed('done')
    const answer = pipeline.run(upstream)
    await clock.runAll()
    expect(await answer).toBe('done')
    expect(times()).toEqual([0, 100, 200, 300])
  })
})

describe('retry: many and nested', () => {
  it('5 000 attempts need no stack, and leave nothing behind', async () => {
    const { pipeline, upstream, clock } = stage([again({ maxAttempts: Infinity, budget: false, backoff: constant(0) })])
    upstream.fail(busy(), { times: 4_999 }).succeed('at last')
    const answer = pipeline.tryRun(upstream)
    await clock.runAll()
    expect(await answer).toEqual({ ok: true, value: 'at last', attempts: 5_000 })
    expect(clock.armed).toBe(0)
  })

  it('5 000 attempts with the default backoff wait 10 s at most each', async () => {
    const { pipeline, upstream, clock } = stage([retry({ maxAttempts: 5_000, budget: false })])
    upstream.always.fail(busy())
    const answer = pipeline.tryRun(upstream)
    await clock.runAll()
    expect(await answer).toMatchObject({ ok: false, attempts: 5_000 })
    expect(clock.now()).toBeGreaterThan(4_000 * 5_000)
    expect(clock.now()).toBeLessThan(6_000 * 5_000)
  })

  it('nested retries each count their own tries; numbers go over the whole call', async () => {
    const { pipeline, upstream, clock, events } = stage([again({ name: 'outer', maxAttempts: 2 }), again({ name: 'inner', maxAttempts: 3 })])
    upstream.always.fail(busy())
    const answer = pipeline.tryRun(upstream)
    await clock.runAll()
    expect(await answer).toMatchObject({ ok: false, attempts: 6 })
    expect(upstream.calls.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6])
    expect(events.filter(({ type }) => type === 'retry.exhausted')).toMatchObject([
      { policy: 'inner', attempts: 3 },
      { policy: 'inner', attempts: 3 },
      { policy: 'outer', attempts: 2 },
    ])
  })

  it('one policy in two pipelines is one policy, with one budget', async () => {
    const policy = again({ budget: retryBudget({ minPerSecond: 0.1 }) })
    const clock = manualClock()
    const run = async (name: string): Promise<number> => {
      const answer = build(name, [policy], { clock }).tryRun(() => Promise.reject(busy()))
      await clock.runAll()
      return (await answer).attempts
    }
    expect(await run('a')).toBe(2)
    expect(await run('b')).toBe(1)
  })

  it('two pipelines on two clocks cannot share a budget', () => {
    const budget = retryBudget()
    stage([again({ budget })])
    expect(() => stage([again({ budget })])).toThrow(TypeError)
  })

  it('retries stay within budget while everything fails: at most ten in a burst, one per second and a tenth of the calls after', async () => {
    const { pipeline, upstream, clock } = stage([again()])
    upstream.always.fail(busy())
    const answers: Promise<unknown>[] = []
    for (let i = 0; i < 1_000; i++) {
      answers.push(pipeline.tryRun(upstream))
      await clock.advance(10)
    }
    await clock.runAll()
    await Promise.all(answers)
    const retries = upstream.calls.length - 1_000
    expect(retries).toBeLessThanOrEqual(10 + 10 + 100)
    expect(retries).toBeGreaterThan(100)
  })
})

describe('retry: what it shows', () => {
  it('its effective options, also as JSON', () => {
    const { pipeline } = stage([retry({ name: 'again' })])
    expect(String(pipeline)).toBe('retry "again" ─▶ stage[] ─▶ your function')
    expect(JSON.parse(JSON.stringify(pipeline.describe().nodes[0]))).toEqual({
      kind: 'layer',
      type: 'retry',
      name: 'again',
      options: { maxAttempts: 3, backoff: 'exponential(100 ms × 2, at most 10000 ms, jitter full)', maxRetryAfterMs: 10_000, budget: { ratio: 0.1, minPerSecond: 1, ttlMs: 10_000 }, name: 'again' },
    })
  })
})
