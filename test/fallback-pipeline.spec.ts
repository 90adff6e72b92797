import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it, vi } from 'vitest'
import type { AnyEvent } from '../src/core/events.ts'
import { BreakerOpenError, FallbackFailedError, TimeoutError } from '../src/core/errors.ts'
import { pipeline as build } from '../src/core/pipeline.ts'
import { type Guard, type Policy, refuse } from '../src/core/policy.ts'
import type { Classify } from '../src/core/verdict.ts'
import { fallback } from '../src/fallback/index.ts'
import { constant, retry } from '../src/retry/index.ts'
import { manualClock, scriptedUpstream } from '../src/testing/index.ts'
import { timeout } from '../src/timeout/index.ts'

const down = (): Error => new Error('down')

/** A guard whose answer the test decides, and which writes down what it is told. */
function gate(open = true) {
  const told: string[] = []
  const guard: Guard & { told: string[] } = {
    kind: 'guard',
    name: 'gate',
    told,
    admit: () => (open ? {} : refuse(guard, BreakerOpenError, () => 'gate closed')),
    settle: (_permit, { verdict, endedBy }) => void told.push(`${verdict} by ${endedBy}`),
  }
  return guard
}

function stage(policies: Policy[], options: { classify?: Classify; discard?: (value: unknown) => void } = {}) {
  const clock = manualClock()
  const upstream = scriptedUpstream({ clock })
  const pipeline = build('quotes', policies, { clock, onWarning: () => {}, ...options })
  const events: AnyEvent[] = []
  pipeline.on('fallback.used', (event) => events.push(event))
  return { clock, upstream, pipeline, events }
}

const cached = (name = 'cached'): Policy => fallback(() => name, { name })

describe('fallback in a pipeline', () => {
  it('answers in the place of a call that failed', async () => {
    const { pipeline, upstream, events } = stage([cached()])
    upstream.fail(down())
    expect(await pipeline.tryRun(upstream)).toEqual({ ok: true, value: 'cached', attempts: 1 })
    expect(events).toMatchObject([{ policy: 'cached', pipeline: 'quotes', verdict: 'failure', at: 0 }])
    upstream.succeed('quote')
    expect(await pipeline.run(upstream)).toBe('quote')
    expect(events.length).toBe(1)
  })

  it('answers a failure value, such as a final 503, which is then discarded', async () => {
    const discard = vi.fn()
    const { pipeline, upstream, clock } = stage([cached(), retry({ backoff: constant(100), maxAttempts: 2 })], { discard, classify: () => 'overload' })
    upstream.succeed('first').succeed('last')
    const answer = pipeline.run(upstream)
    await clock.runAll()
    expect(await answer).toBe('cached')
    expect(discard.mock.calls).toEqual([['first'], ['last']])
  })

  it('may hand out the value that it was to answer, which is not discarded', async () => {
    const discard = vi.fn()
    const { pipeline, upstream } = stage([fallback((outcome) => (outcome.ok ? outcome.value : 'cached'))], { discard, classify: () => 'failure' })
    upstream.succeed(503)
    expect(await pipeline.run(upstream)).toBe(503)
    expect(discard).not.toHaveBeenCalled()
  })

  it('answers a refusal: nothing was started', async () => {
    const { pipeline, upstream } = stage([cached(), gate(false)])
    expect(await pipeline.tryRun(upstream)).toEqual({ ok: true, value: 'cached', attempts: 0 })
  })

  it('answers the refusal of another pipeline, although that is ignored', async () => {
    const inner = build('inner', [gate(false)])
    const { pipeline } = stage([cached()])
    expect(await pipeline.run(() => inner.run(() => 0))).toBe('cached')
  })

  it('answers a timeout, also one that says nothing about the dependency', async () => {
    for (const lateMs of [0, 5_000]) {
      const { pipeline, upstream, clock } = stage([cached(), timeout(500)])
      upstream.hang()
      const answer = pipeline.run(upstream)
      // The process itself slept: the timer comes late, the verdict is ignored.
      clock.tick(lateMs)
      await clock.advance(500)
      expect(await answer).toBe('cached')
    }
  })

  it('answers a call to a closed pipeline', async () => {
    const { pipeline, upstream } = stage([cached()])
    await pipeline.close()
    expect(await pipeline.run(upstream)).toBe('cached')
  })

  it('never answers the caller’s abort: before, during, between attempts', async () => {
    const gone = AbortSignal.abort('gone')
    const first = stage([cached()])
    await expect(first.pipeline.run(first.upstream, { signal: gone })).rejects.toBe('gone')
    for (const start of ['hang', 'fail'] as const) {
      const { pipeline, upstream, clock } = stage([cached(), retry({ backoff: constant(100) })])
      upstream[start]()
      const controller = new AbortController()
      const answer = pipeline.run(upstream, { signal: controller.signal }).catch((error: unknown) => error)
      await clock.flush()
      controller.abort('gone')
      expect(await answer).toBe('gone')
    }
  })

  it('never answers the caller’s deadline', async () => {
    const { pipeline, upstream, clock } = stage([cached()])
    upstream.hang()
    const answer = pipeline.run(upstream, { timeoutMs: 300 }).catch((error: unknown) => error)
    await clock.runAll()
    expect(await answer).toBeInstanceOf(TimeoutError)
    await expect(pipeline.run(upstream, { timeoutMs: 0 })).rejects.toMatchObject({ code: 'DEADLINE_PASSED' })
  })

  it('nor other ignored outcomes', async () => {
    const { pipeline, upstream } = stage([cached()], { classify: () => 'ignored' })
    upstream.fail(down())
    await expect(pipeline.run(upstream)).rejects.toThrow('down')
    upstream.succeed(404)
    expect(await pipeline.run(upstream)).toBe(404)
  })

  it('unless `when` says so', async () => {
    const { pipeline, upstream } = stage([fallback(() => 'cached', { when: () => true })], { classify: () => 'ignored' })
    upstream.fail(down())
    expect(await pipeline.run(upstream)).toBe('cached')
    expect(await pipeline.run(upstream, { signal: AbortSignal.abort('gone') })).toBe('cached')
  })

  it('a `when` that throws: that error is the call’s, with the verdict ignored', async () => {
    const outer = gate()
    const { pipeline, upstream } = stage([outer, fallback(() => 0, { when: () => { throw new Error('boom') } })])
    upstream.fail(down())
    await expect(pipeline.run(upstream)).rejects.toThrow('boom')
    expect(outer.told).toEqual(['ignored by work'])
  })

  it('its answer is ignored: an outer retry does not repeat it, an outer breaker learns nothing from it', async () => {
    const outer = gate()
    const { pipeline, upstream } = stage([outer, retry(), cached()])
    upstream.fail(down())
    expect(await pipeline.tryRun(upstream)).toEqual({ ok: true, value: 'cached', attempts: 1 })
    expect(outer.told).toEqual(['ignored by work'])
  })

  it('that fails: FallbackFailedError with both, and the verdict it was to answer', async () => {
    for (const fn of [() => { throw new Error('empty') }, async () => { throw new Error('empty') }]) {
      const outer = gate()
      const original = Object.assign(down(), { status: 503 })
      const { pipeline, upstream } = stage([outer, fallback(fn)])
      upstream.fail(original)
      const error = await pipeline.run(upstream).catch((one: unknown) => one)
      expect(error).toBeInstanceOf(FallbackFailedError)
      expect(error).toMatchObject({ cause: { message: 'empty' }, original, pipeline: 'quotes', policy: 'fallback', attempts: 1 })
      expect(outer.told).toEqual(['overload by work'])
    }
  })

  it('chained: the outer one answers where the inner one failed', async () => {
    const { pipeline, upstream, events } = stage([cached('static'), fallback(async () => { throw new Error('empty') }, { name: 'cached' })])
    upstream.fail(down())
    expect(await pipeline.run(upstream)).toBe('static')
    expect(events.map((event) => 'policy' in event && event.policy)).toEqual(['cached', 'static'])
  })

  it('chained: the outer one sees nothing where the inner one answered', async () => {
    const { pipeline, upstream, events } = stage([cached('static'), cached()])
    upstream.fail(down())
    expect(await pipeline.run(upstream)).toBe('cached')
    expect(events.length).toBe(1)
  })
})

describe('a fallback that takes time', () => {
  it('is waited for', async () => {
    const { pipeline, clock, upstream } = stage([fallback(() => new Promise((resolve) => void clock.after(50, () => resolve('slow cache'))))])
    upstream.fail(down())
    const answer = pipeline.run(upstream)
    await clock.advance(50)
    expect(await answer).toBe('slow cache')
  })

  it('the caller’s abort is answered at once meanwhile', async () => {
    const discard = vi.fn()
    let resolve!: (value: string) => void
    const { pipeline, upstream, clock } = stage([fallback(() => new Promise<string>((yes) => { resolve = yes }))], { discard })
    upstream.fail(down())
    const controller = new AbortController()
    const answer = pipeline.run(upstream, { signal: controller.signal }).catch((error: unknown) => error)
    await clock.flush()
    controller.abort('gone')
    expect(await answer).toBe('gone')
    resolve('late')
    await clock.flush()
    expect(discard).toHaveBeenCalledExactlyOnceWith('late')
  })

  it('an outer timeout bounds it too', async () => {
    const { pipeline, upstream, clock } = stage([timeout(1_000), fallback(() => new Promise<string>(() => {}))])
    upstream.fail(down())
    const answer = pipeline.run(upstream).catch((error: unknown) => error)
    await clock.runAll()
    expect(await answer).toBeInstanceOf(TimeoutError)
    expect(clock.now()).toBe(1_000)
  })

  it('runs in the caller’s async context, also after a timer', async () => {
    const user = new AsyncLocalStorage<string>()
    const { pipeline, upstream, clock } = stage([fallback(() => user.getStore()), timeout(500)])
    upstream.hang()
    const answer = user.run('ann', () => pipeline.run(upstream))
    await user.run('bob', () => clock.runAll())
    expect(await answer).toBe('ann')
  })
})

describe('fallback in the wrong place', () => {
  it('inside a retry is warned of at build', () => {
    const onWarning = vi.fn()
    build('quotes', [retry({ name: 'again' }), cached()], { onWarning })
    expect(onWarning).toHaveBeenCalledExactlyOnceWith('pipeline "quotes": fallback "cached" stands inside retry "again": what it answers is never tried again; put it before')
  })
})
