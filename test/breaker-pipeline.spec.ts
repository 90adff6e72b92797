import { describe, expect, it } from 'vitest'
import { breaker, type BreakerOptions } from '../src/breaker/index.ts'
import { bulkhead } from '../src/bulkhead/index.ts'
import { BreakerOpenError, BulkheadFullError, RejectedError, TimeoutError } from '../src/core/errors.ts'
import type { AnyEvent } from '../src/core/events.ts'
import { pipeline as build } from '../src/core/pipeline.ts'
import { type Guard, later, type Policy, refuse } from '../src/core/policy.ts'
import { constant, retry } from '../src/retry/index.ts'
import { manualClock, scriptedUpstream } from '../src/testing/index.ts'
import { timeout } from '../src/timeout/index.ts'

const brisk: BreakerOptions = { minimumThroughput: 2, breakMs: 1_000 }

/** A breaker in a pipeline on a manual clock, whose calls go to a scripted upstream. */
function stand(options: BreakerOptions = brisk, { outside = [], inside = [] }: { outside?: Policy[], inside?: Policy[] } = {}) {
  const clock = manualClock()
  const upstream = scriptedUpstream({ clock })
  const circuit = breaker(options)
  const payments = build('payments', [...outside, circuit, ...inside], { clock, random: () => 0.5, onWarning: () => {} })
  const events: AnyEvent[] = []
  payments.on('*', (event) => events.push(event))
  const run = (call?: { signal?: AbortSignal, timeoutMs?: number }) => payments.tryRun(upstream, call)
  const trip = async (): Promise<void> => {
    upstream.fail(new Error('down'), { times: 2 })
    await run()
    await run()
    expect(circuit.state).toBe('open')
  }
  return { clock, upstream, circuit, payments, events, run, trip }
}

describe('breaker in a pipeline', () => {
  it('refuses with an error that says of whom, why, for how long, and that nothing was started', async () => {
    const { trip, run, clock, upstream } = stand()
    await trip()
    clock.tick(200)
    const sent = upstream.calls.length
    const result = await run()
    expect(result).toMatchObject({ ok: false, attempts: 0 })
    const { error } = result as { error: BreakerOpenError }
    expect(error).toBeInstanceOf(BreakerOpenError)
    expect(error).toBeInstanceOf(RejectedError)
    expect(error).toMatchObject({ message: 'Cannot call "payments": breaker open for 800 ms more', code: 'BREAKER_OPEN', policy: 'breaker', pipeline: 'payments', retryAfterMs: 800, attempts: 0 })
    expect(upstream.calls.length).toBe(sent)
  })

  it('tells of its states through the pipeline, and of what it refuses', async () => {
    const { trip, run, clock, events } = stand()
    await trip()
    await run()
    clock.tick(1_000)
    await run()
    expect(events.map(({ type }) => type).filter((type) => /breaker|refused/.test(type))).toEqual(['breaker.opened', 'call.refused', 'breaker.halfOpened', 'breaker.closed'])
    expect(events.find(({ type }) => type === 'breaker.opened')).toMatchObject({ pipeline: 'payments', policy: 'breaker', reason: '100 % of 2 calls in 10 s failed', breakMs: 1_000 })
  })

  it('a refusal by an inner policy is no failure of the dependency', async () => {
    const { run, upstream, circuit, clock } = stand(brisk, { inside: [bulkhead({ slots: 1 })] })
    upstream.hang()
    const hanging = run()
    for (let i = 0; i < 50; i++) expect(await run()).toMatchObject({ error: expect.any(BulkheadFullError) as unknown })
    expect(circuit.state).toBe('closed')
    upstream.calls[0]!.succeed('late')
    await hanging
    await clock.flush()
    expect(circuit.snapshot()).toMatchObject({ window: { buckets: [{ calls: 1, failed: 0 }] } })
  })

  it('a probe that an inner policy refuses gives its place back', async () => {
    const { trip, run, upstream, circuit, clock } = stand({ ...brisk, probes: { total: 2, concurrent: 2 } }, { inside: [bulkhead({ slots: 1 })] })
    await trip()
    clock.tick(1_000)
    upstream.hang()
    const probe = run()
    expect(await run()).toMatchObject({ error: expect.any(BulkheadFullError) as unknown })
    expect(circuit.probeDue()).toBe(true)
    upstream.calls.at(-1)!.succeed('fine')
    await probe
    await run()
    expect(circuit.state).toBe('closed')
  })

  it('a timeout inside counts as a failure', async () => {
    const { run, upstream, circuit, clock } = stand(brisk, { inside: [timeout(100)] })
    upstream.hang({ times: 2 })
    const calls = [run(), run()]
    await clock.advance(100)
    expect(await calls[1]).toMatchObject({ error: expect.any(TimeoutError) as unknown })
    expect(circuit.state).toBe('open')
  })

  it('work that answers after its timeout does not count again', async () => {
    const { run, upstream, circuit, clock } = stand({ minimumThroughput: 3 }, { inside: [timeout(100)] })
    upstream.hang({ ignoreAbort: true })
    const call = run()
    await clock.advance(100)
    await call
    upstream.calls[0]!.succeed('late')
    await clock.flush()
    expect(circuit.snapshot()).toMatchObject({ window: { buckets: [{ calls: 1, failed: 1 }] } })
  })

  it('the caller’s abort and the caller’s deadline say nothing about the dependency', async () => {
    const { run, upstream, circuit, clock } = stand()
    upstream.always.hang()
    for (let i = 0; i < 5; i++) {
      const controller = new AbortController()
      const call = run({ signal: controller.signal })
      controller.abort(new Error('gone'))
      await call
      const other = run({ timeoutMs: 10 })
      await clock.advance(10)
      await other
    }
    expect(circuit.state).toBe('closed')
    expect(circuit.snapshot()).toMatchObject({ failuresInARow: 0, window: { buckets: [] } })
  })

  it('a probe whose caller goes gives its place back', async () => {
    const { trip, run, upstream, circuit, clock } = stand()
    await trip()
    clock.tick(1_000)
    upstream.hang()
    const controller = new AbortController()
    const probe = run({ signal: controller.signal })
    expect(circuit.probeDue()).toBe(false)
    controller.abort(new Error('gone'))
    await probe
    expect(circuit.state).toBe('halfOpen')
    await run()
    expect(circuit.state).toBe('closed')
  })

  it('the function sees that it is a probe, and a policy further in, too', async () => {
    const seen: boolean[] = []
    const spy: Guard = { kind: 'guard', name: 'spy', admit: (attempt) => (seen.push(attempt.probe), {}) }
    const { trip, payments, clock } = stand(brisk, { inside: [spy] })
    await trip()
    clock.tick(1_000)
    expect(await payments.run((attempt) => attempt.probe)).toBe(true)
    expect(await payments.run((attempt) => attempt.probe)).toBe(false)
    expect(seen).toEqual([false, false, true, false])
  })

  it('a wait in a queue further in is not slowness', async () => {
    const room: Guard = {
      kind: 'guard',
      name: 'waiting room',
      admit: () => later({ maxWaitMs: 1_000, start: (wake) => void clock.after(300, () => wake({})), cancel: () => {}, expired: () => refuse(room, BulkheadFullError, () => 'full') }),
    }
    const { run, upstream, circuit, clock } = stand({ minimumThroughput: 1, slowMs: 100, slowRatio: 0.1 }, { inside: [room] })
    upstream.later(99, { ok: true, value: 1 })
    const quick = run()
    await clock.advance(399)
    expect(await quick).toMatchObject({ ok: true })
    expect(circuit.state).toBe('closed')
    upstream.later(100, { ok: true, value: 1 })
    const slow = run()
    await clock.advance(400)
    expect(await slow).toMatchObject({ ok: true })
    expect(circuit.state).toBe('open')
  })

  it('inside retry every attempt counts, and its refusal ends the retrying with the last real outcome', async () => {
    const { run, upstream, circuit, clock } = stand(brisk, { outside: [retry({ maxAttempts: 5, backoff: constant(10) })] })
    const down = new Error('down')
    upstream.always.fail(down)
    const call = run()
    await clock.runAll()
    expect(await call).toEqual({ ok: false, error: down, attempts: 2 })
    expect(circuit.state).toBe('open')
  })

  it('outside retry a call counts once', async () => {
    const { run, upstream, circuit, clock } = stand(brisk, { inside: [retry({ maxAttempts: 3, backoff: constant(10) })] })
    upstream.always.fail(new Error('down'))
    const call = run()
    await clock.runAll()
    await call
    expect(circuit.state).toBe('closed')
    expect(circuit.snapshot()).toMatchObject({ failuresInARow: 1 })
  })

  it('rests as long as the answer that opened it asks (Retry-After)', async () => {
    const { run, upstream, circuit } = stand()
    upstream.fail(new Error('down')).fail(Object.assign(new Error('busy'), { status: 503, retryAfterMs: 12_000 }))
    await run()
    await run()
    expect(circuit.retryAfterMs).toBe(12_000)
  })

  it('in two pipelines it is one breaker', async () => {
    const clock = manualClock()
    const shared = breaker(brisk)
    const [read, write] = ['read', 'write'].map((name) => build(name, [shared], { clock }))
    for (let i = 0; i < 2; i++) await read!.tryRun(() => Promise.reject(new Error('down')))
    await expect(write!.run(() => 1)).rejects.toThrow('Cannot call "write": breaker open for')
  })

  it('raises the pressure that policies beside it see, and says when it waits for a probe', async () => {
    let host: Parameters<NonNullable<Guard['bind']>>[0] | undefined
    const spy: Guard = { kind: 'guard', name: 'spy', bind: (one) => void (host = one), admit: () => ({}) }
    const { trip, clock } = stand(brisk, { outside: [spy] })
    expect([host!.pressure(), host!.probeDue()]).toEqual([0, false])
    await trip()
    expect([host!.pressure(), host!.probeDue()]).toEqual([1, false])
    clock.tick(1_000)
    expect([host!.pressure(), host!.probeDue()]).toEqual([0, true])
  })

  it('a listener that resets it takes effect before the next call', async () => {
    const { run, upstream, circuit, payments } = stand()
    payments.on('breaker.opened', () => circuit.reset())
    upstream.fail(new Error('down'), { times: 2 })
    await run()
    await run()
    expect(await run()).toMatchObject({ ok: true })
  })

  it('reads no clock when it counts calls and nobody else needs the time', async () => {
    const clock = manualClock()
    const now = clock.now.bind(clock)
    let reads = 0
    clock.now = () => (reads++, now())
    const payments = build('payments', [breaker({ windowCalls: 10 })], { clock })
    reads = 0
    for (let i = 0; i < 100; i++) await payments.run(() => i)
    expect(reads).toBe(0)
    const timed = build('quotes', [breaker()], { clock })
    reads = 0
    for (let i = 0; i < 100; i++) await timed.run(() => i)
    expect(reads).toBe(100)
  })

  it('arms no timer', async () => {
    const { trip, run, clock } = stand()
    await trip()
    await run()
    expect(clock.armed).toBe(0)
  })

  it('describe shows its effective options', () => {
    const { payments, circuit } = stand({ name: 'db' })
    expect(payments.describe().nodes).toEqual([{ kind: 'stage', guards: [{ type: 'breaker', name: 'db', options: circuit.options }] }])
    expect(String(payments)).toBe('stage[breaker "db"] ─▶ your function')
  })
})
