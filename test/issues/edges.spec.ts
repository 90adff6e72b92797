import { describe, expect, it } from 'vitest'
import { again, attempt as own, breaker, bulkhead, fallback, neverStarted, pipeline, retry, retryBudget, constant, timeout, later, type Attempt, type Guard, type Layer } from 'spillway'
import { manualClock } from 'spillway/testing'
import { deferred, logged, no, on, queue, repeat, step, surround, watch } from '../support/guards.ts'

const ok = () => 'ok'
const fail = () => Promise.reject(new Error('down'))

describe('signals that layers are given', () => {
  it('fallback after a timeout gets a signal that is not aborted', async () => {
    let aborted: unknown
    const { pipeline, clock } = on([fallback(async (_o, a) => { aborted = a.signal.aborted; return 'backup' }), timeout(50)])
    const answer = pipeline.run(() => new Promise(() => {}))
    await clock.advance(50)
    expect(await answer).toBe('backup')
    expect(aborted).toBe(false)
  })
  it('the caller’s abort reaches the signal of an asynchronous fallback', async () => {
    let signal: AbortSignal | undefined
    const c = new AbortController()
    const { pipeline, clock } = on([fallback((_o, a) => { signal = a.signal; return new Promise(() => {}) })])
    const seen = watch(pipeline.run(fail, { signal: c.signal }))
    await clock.flush()
    c.abort('gone')
    await clock.flush()
    expect(seen.state).toBe('rejected')
    expect(signal!.aborted).toBe(true)
  })
  it('a timeout around reaches the signal of an asynchronous fallback', async () => {
    let signal: AbortSignal | undefined
    const { pipeline, clock } = on([timeout(100), fallback((_o, a) => { signal = a.signal; return new Promise(() => {}) })])
    const seen = watch(pipeline.run(fail))
    await clock.advance(200)
    expect(seen.state).toBe('rejected')
    expect(signal!.aborted).toBe(true)
  })
  it('the caller’s abort reaches the signal that around was given', async () => {
    let signal: AbortSignal | undefined
    const c = new AbortController()
    const { pipeline, clock } = on([surround('cache', (_next, a) => { signal = a.signal; return new Promise(() => {}) })])
    const seen = watch(pipeline.run(ok, { signal: c.signal }))
    c.abort('gone')
    await clock.flush()
    expect(seen.state).toBe('rejected')
    expect(signal!.aborted).toBe(true)
  })
  it('cancel() of a fork not yet run aborts a signal already read', () => {
    const a = own()
    const fork = a.fork()
    const { signal } = fork
    fork.cancel('lost')
    expect(signal.aborted).toBe(true)
  })
  it('cancel() of a two-step attempt aborts its signal', () => {
    const a = own()
    const { signal } = a
    a.cancel('lost')
    expect(signal.aborted).toBe(true)
  })
})

describe('queues', () => {
  it('a listener that aborts the caller while a later guard says Later: the caller is not enqueued', async () => {
    const c = new AbortController()
    const q = queue()
    const tell: Guard = logged([], 'tell', { admit: ({ call }) => (call.emit('policy.warned', { policy: 'x', message: 'y' } as never), {}) })
    const { pipeline, clock } = on([tell, q])
    pipeline.on('policy.warned', () => c.abort('gone'))
    const seen = watch(pipeline.run(ok, { signal: c.signal }))
    await clock.flush()
    expect(seen.state).toBe('rejected')
    expect({ waiting: q.waiting.length, inFlight: pipeline.inFlight }).toEqual({ waiting: 0, inFlight: 0 })
  })
  it('the same with a bulkhead in observe mode', async () => {
    const c = new AbortController()
    const q = queue()
    const { pipeline, clock } = on([bulkhead({ slots: 0, mode: 'observe' }), q])
    pipeline.on('refusal.observed', () => c.abort('gone'))
    const seen = watch(pipeline.run(ok, { signal: c.signal }))
    await clock.advance(60_000)
    expect(seen.state).toBe('rejected')
    expect({ waiting: q.waiting.length, inFlight: pipeline.inFlight }).toEqual({ waiting: 0, inFlight: 0 })
  })
  it('close() ends also a queue that is entered after it', async () => {
    const q = queue()
    const first = queue('first')
    const { pipeline, clock } = on([surround('late', async (next, a) => { await gate.promise; return next(a) }), q])
    const gate = deferred()
    const seen = watch(pipeline.run(ok))
    const closed = watch(pipeline.close({ graceMs: Infinity }))
    gate.resolve(1)
    await clock.advance(60_000)
    expect([seen.state, closed.state]).toEqual(['rejected', 'fulfilled'])
    void first
  })
  it('after a wait, a guard further in whose admit aborts the caller: every permit comes back', async () => {
    const log: string[] = []
    const c = new AbortController()
    const q = queue()
    const { pipeline, clock } = on([q, logged(log, 'a', { admit: () => (c.abort('gone'), {}) }), logged(log, 'b')])
    const seen = watch(pipeline.run(ok, { signal: c.signal }))
    q.wake()
    await clock.flush()
    expect(seen.state).toBe('rejected')
    for (const n of 'ab') expect(log.filter((l) => l === `${n} release`).length).toBe(log.filter((l) => l === `${n} admit`).length)
    expect(q.held).toBe(0)
    expect(pipeline.inFlight).toBe(0)
  })
  it('a guard whose admit cancels the attempt: every permit comes back', async () => {
    const log: string[] = []
    const { pipeline, clock } = on([logged(log, 'a'), logged(log, 'b', { admit: (a) => (a.cancel('no'), {}) }), logged(log, 'c')])
    const seen = watch(pipeline.run(ok))
    await clock.flush()
    expect(seen.state).toBe('rejected')
    for (const n of 'abc') expect([n, log.filter((l) => l === `${n} release`).length]).toEqual([n, log.filter((l) => l === `${n} admit`).length])
  })
  it('a reason that throws, of who waited too long: the call is over', async () => {
    const q = queue('q', { maxWaitMs: 10, expired: no })
    const { pipeline, clock } = on([ { ...q, admit: () => later({ maxWaitMs: 10, start() {}, cancel() {}, expired: () => { const r = no(); (r as any).reason = () => { throw new Error('reason') }; return r } }) } as Guard ])
    const seen = watch(pipeline.run(ok))
    await clock.advance(20)
    expect(seen.state).toBe('rejected')
    expect(pipeline.inFlight).toBe(0)
  })
})

describe('steps', () => {
  it('a `when` that aborts the caller and says true: no back-off stays armed, no token is taken', async () => {
    const c = new AbortController()
    const budget = retryBudget({ minPerSecond: 1, ratio: 0 })
    const { pipeline, clock } = on([retry({ backoff: constant(10_000), budget, when: (o) => o.endedBy !== 'caller' && (c.abort('gone'), true) })])
    const seen = watch(pipeline.run(fail, { signal: c.signal }))
    await clock.flush()
    expect(seen.state).toBe('rejected')
    expect(pipeline.inFlight).toBe(0)
    expect(clock.pending).toBe(0)
  })
  it('the same, then close: the value is discarded once', async () => {
    const c = new AbortController()
    const { pipeline, clock, discarded } = on([retry({ backoff: constant(10_000), when: (o) => o.endedBy !== 'caller' && (c.abort('gone'), true) })])
    const seen = watch(pipeline.run(() => 'v', { signal: c.signal }))
    await clock.flush()
    void pipeline.close()
    await clock.flush()
    expect(seen.state).toBe('rejected')
    expect(discarded).toEqual(['v'])
  })
  it('a value that retry dropped and that comes out again, replaced by a fallback: discarded once', async () => {
    let open = true
    const gate: Guard = { kind: 'guard', name: 'gate', admit: () => (open ? {} : no()) }
    const { pipeline, clock, discarded } = on([fallback(() => 'backup'), retry({ backoff: constant(10) }), gate], { classify: () => 'failure' })
    const answer = pipeline.run(() => { open = false; return 'v' })
    await clock.advance(100)
    expect(await answer).toBe('backup')
    expect(discarded).toEqual(['v'])
  })
  it('the same when close ends the back-off', async () => {
    const { pipeline, clock, discarded } = on([fallback(() => 'backup'), retry({ backoff: constant(10) })], { classify: () => 'failure' })
    const answer = pipeline.run(() => 'v')
    await clock.flush()
    void pipeline.close()
    await clock.flush()
    expect(await answer).toBe('backup')
    expect(discarded).toEqual(['v'])
  })
  it('after close a fallback that takes its time is ended by the caller’s deadline', async () => {
    const { pipeline, clock } = on([fallback(() => new Promise(() => {}))])
    await pipeline.close()
    const c = new AbortController()
    const seen = watch(pipeline.run(ok, { timeoutMs: 10, signal: c.signal }))
    await clock.advance(1000)
    c.abort()
    await clock.flush()
    expect(seen.state).toBe('rejected')
  })
})

describe('until', () => {
  it('of several, all are waited for, though one rejects', async () => {
    const b = bulkhead({ slots: 1 })
    const { pipeline, clock } = on([b])
    const one = deferred(), two = deferred()
    await pipeline.run((a) => { a.until(one.promise); a.until(two.promise); return 'head' })
    one.reject(new Error('broken'))
    await clock.flush()
    expect(b.inFlight).toBe(1)
    two.resolve(1)
    await clock.flush()
    expect(b.inFlight).toBe(0)
  })
})

describe('budget', () => {
  it.each(['abort', 'timeout', 'close', 'queue'] as const)('a retry that was paid for and never ran gives its token back: %s', async (how) => {
    const budget = retryBudget({ ratio: 0, minPerSecond: 1, ttlMs: 10_000 })
    const c = new AbortController()
    let n = 0
    const q = queue()
    const maybe: Guard = { ...q, admit: (a: Attempt) => (how === 'queue' && n++ > 0 ? q.admit(a) : {}), settle() {}, release() {} }
    const { pipeline, clock } = on([...(how === 'timeout' ? [timeout(1000)] : []), retry({ backoff: constant(how === 'queue' ? 0 : 900), budget }), maybe])
    const before = budget.balance(0)
    const seen = watch(pipeline.run(fail, { signal: c.signal }))
    await clock.flush()
    if (how === 'timeout') {
      // back-off is 900, ends by an outer abort-like timeout only if shorter: use deadline via update
    }
    if (how === 'abort' || how === 'queue') c.abort('gone')
    if (how === 'close') void pipeline.close()
    await clock.flush()
    if (how === 'timeout') return
    expect(seen.state).toBe('rejected')
    expect(budget.balance(0)).toBe(before)
  })
})

describe('contract', () => {
  it('attempt.probe set by a breaker outside a retry is seen by guards inside it', async () => {
    const b = breaker({ consecutive: 1, breakMs: 100 })
    let probe: boolean | undefined
    const { pipeline, clock } = on([b, retry({ maxAttempts: 1 }), logged([], 'shed', { admit: (a) => ((probe = a.probe), {}) })], { random: () => 0.5 })
    await pipeline.tryRun(fail)
    expect(b.state).toBe('open')
    await clock.advance(200)
    await pipeline.tryRun(ok)
    expect(probe).toBe(true)
  })
  it('neverStarted: an aggregate of which one may have started is no proof', () => {
    const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    expect(neverStarted(new AggregateError([refused, new Error('500: charged twice?')]))).toBe(false)
  })
  it('and a POST is not sent again', async () => {
    let sent = 0
    const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    const { pipeline, clock } = on([retry({ backoff: constant(0) })])
    const answer = pipeline.tryRun(() => { sent++; return Promise.any([Promise.reject(refused), Promise.reject(new Error('500 from the replica'))]) }, { idempotent: false })
    await clock.runAll()
    await answer
    expect(sent).toBe(1)
  })
  it('a build that fails binds none of its policies', () => {
    const budget = retryBudget()
    pipeline('a', [retry({ budget })], { clock: manualClock() })
    const b = bulkhead({ slots: 1 })
    const other = manualClock()
    expect(() => pipeline('b', [b, retry({ budget })], { clock: other })).toThrow(TypeError)
    expect(() => pipeline('c', [b], { clock: manualClock() })).not.toThrow()
  })
  it('fn gets no internal `this`', async () => {
    const { pipeline } = on([])
    expect(await pipeline.run(function (this: unknown) { return typeof this } as never)).toBe('undefined')
  })
  it('a signal first read in release is forgotten', async () => {
    let signal: AbortSignal | undefined
    const { pipeline, clock } = on([logged([], 'g', { release: (a) => { signal ??= a.signal } })])
    await pipeline.run(ok)
    void pipeline.run(() => new Promise(() => {}))
    void pipeline.close({ graceMs: 10 })
    await clock.advance(20)
    expect(signal!.aborted).toBe(false)
  })
  it('classify that answers `unused` for work that ran is refused', async () => {
    const { pipeline } = on([], { classify: () => 'unused' })
    await expect(pipeline.run(ok)).rejects.toThrow(/classify/)
  })
  it('timeouts: warned against every outer one', () => {
    const p = pipeline('w', [timeout(100), retry(), timeout(300), timeout(200)], { onWarning() {}, clock: manualClock() })
    expect(p.describe().warnings.filter((w) => w.includes('200 ms')).length).toBeGreaterThan(0)
  })
  it('refusals of a closed pipeline are told as call.refused', async () => {
    const { pipeline } = on([])
    const heard: unknown[] = []
    pipeline.on('call.refused', (e) => heard.push(e))
    await pipeline.close()
    await pipeline.tryRun(ok)
    expect(heard.length).toBe(1)
  })
})
void again
void step
void repeat
type _ = Layer
