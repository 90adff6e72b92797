import { inspect } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import {
  attempt as ownAttempt,
  bulkhead,
  BulkheadFullError,
  fallback,
  type Attempt,
  type Classify,
  pipeline as build,
  PipelineClosedError,
  refuse,
  RejectedError,
  retry,
  settled,
  timeout,
  TimeoutError,
  type Guard,
  type Outcome,
} from 'spillway'
import { manualClock } from 'spillway/testing'
import { deferred, jobs, logged, no, on, queue, repeat, step, surround, watch } from '../support/guards.ts'

const ok = (): Promise<string> => Promise.resolve('fine')
const down = new Error('down')
const never = (): Promise<never> => new Promise(() => {})
const THEN = 'then'
/** Somebody’s own kind of promise. */
const thenable = (then: (fulfil: (value: string) => void, fail: (error: unknown) => void) => void): PromiseLike<string> => Object.assign({}, { [THEN]: then }) as unknown as PromiseLike<string>

describe('run', () => {
  it('answers what the function answers, and rejects with its very error', async () => {
    const { pipeline } = on([logged([], 'a')])
    const value = { any: 'thing' }
    expect(await pipeline.run(() => Promise.resolve(value))).toBe(value)
    await expect(pipeline.run(() => Promise.reject(down))).rejects.toBe(down)
  })

  it.each([['a string', 'boom'], ['undefined', undefined], ['null', null], ['a number', 0], ['an object', {}]])('the function may reject with %s', async (_what, odd) => {
    const { pipeline } = on([logged([], 'a'), repeat(2), timeout(9)])
    expect(await pipeline.tryRun(() => Promise.reject(odd as Error))).toEqual({ ok: false, error: odd, attempts: 2 })
  })

  it('a plain value and a synchronous throw are a settled promise', async () => {
    const log: string[] = []
    const { pipeline } = on([logged(log, 'a')])
    expect(await pipeline.run(() => 5)).toBe(5)
    const thrown = pipeline.run(() => {
      throw down
    })
    expect(thrown).toBeInstanceOf(Promise)
    await expect(thrown).rejects.toBe(down)
    expect(log).toEqual(['a admit', 'a settle success/work', 'a release', 'a admit', 'a settle failure/work', 'a release'])
  })

  it('a thenable that resolves twice is settled once', async () => {
    const log: string[] = []
    const { pipeline } = on([logged(log, 'a')])
    const twice = thenable((fulfil, fail) => {
      fulfil('first')
      fulfil('second')
      fail(down)
    })
    expect(await pipeline.run(() => twice)).toBe('first')
    expect(log).toEqual(['a admit', 'a settle success/work', 'a release'])
  })

  it('a thenable that throws, or whose `then` throws when read, is a failure', async () => {
    const log: string[] = []
    const { pipeline } = on([logged(log, 'a')])
    await expect(pipeline.run(() => thenable(() => { throw down }))).rejects.toBe(down)
    await expect(pipeline.run(() => Object.defineProperty({}, THEN, { get() { throw down } }) as unknown)).rejects.toBe(down)
    expect(log.filter((line) => line.includes('settle'))).toEqual(['a settle failure/work', 'a settle failure/work'])
    expect(pipeline.inFlight).toBe(0)
  })

  it('a thenable that never settles is ended by a timeout', async () => {
    const { pipeline, clock } = on([timeout(10)])
    const answer = watch(pipeline.run(() => thenable(() => {})))
    await clock.advance(10)
    expect(answer.error).toBeInstanceOf(TimeoutError)
  })

  it.each([[undefined], [null], [5], ['fetch'], [{}], [Promise.resolve(1)]])('%o is no function: a TypeError, and nothing is admitted', async (fn) => {
    const log: string[] = []
    const { pipeline } = on([logged(log, 'a')])
    await expect(pipeline.run(fn as never)).rejects.toThrow(TypeError)
    expect(await pipeline.tryRun(fn as never)).toMatchObject({ ok: false, attempts: 0, error: { name: 'TypeError' } })
    expect(() => pipeline.wrap(fn as never)).toThrow(TypeError)
    expect(() => pipeline.bind(fn as never)).toThrow(TypeError)
    expect(log).toEqual([])
  })

  it('never throws synchronously', async () => {
    const { pipeline } = on([])
    for (const call of [{ timeoutMs: -1 }, { nonsense: 1 }, 5, null]) {
      const answer = pipeline.run(ok, call as never)
      expect(answer).toBeInstanceOf(Promise)
      await expect(answer).rejects.toThrow(/call/)
    }
  })

  it('a pipeline without policies only runs', async () => {
    const { pipeline } = on([])
    expect(await pipeline.run(ok)).toBe('fine')
    expect(String(pipeline)).toBe('stage[] ─▶ your function')
  })

  it('a call with a signal may be run again with the same one', async () => {
    const { signal } = new AbortController()
    const { pipeline } = on([repeat(2)])
    for (let i = 0; i < 3; i++) expect(await pipeline.run(ok, { signal })).toBe('fine')
  })

  it('an attempt that never reads its signal makes none', async () => {
    const made = vi.spyOn(globalThis, 'AbortController')
    const { pipeline } = on([timeout(10), repeat(2), timeout(5)])
    await pipeline.run(ok, { timeoutMs: 5 })
    expect(made).not.toHaveBeenCalled()
  })
})

describe('tryRun', () => {
  it('answers a result and never rejects', async () => {
    const { pipeline } = on([repeat(2)])
    expect(await pipeline.tryRun(ok)).toEqual({ ok: true, value: 'fine', attempts: 1 })
    expect(await pipeline.tryRun(() => Promise.reject(down))).toEqual({ ok: false, error: down, attempts: 2 })
    expect(await pipeline.tryRun(ok, { signal: AbortSignal.abort('gone') })).toEqual({ ok: false, error: 'gone', attempts: 0 })
    expect(await pipeline.tryRun(ok, { priorty: 'low' } as never)).toMatchObject({ ok: false, attempts: 0, error: { name: 'TypeError' } })
  })

  it('makes the error of a refusal for who reads it, once', async () => {
    const reason = vi.fn(() => 'no room')
    const guard: Guard = { kind: 'guard', name: 'g', admit: () => refuse(guard, BulkheadFullError, reason) }
    const result = await on([guard]).pipeline.tryRun(ok)
    expect(result.ok).toBe(false)
    expect(reason).not.toHaveBeenCalled()
    if (result.ok) throw new Error('unreachable')
    expect(result.error).toBe(result.error)
    expect(reason).toHaveBeenCalledOnce()
  })

  it('shows a refusal in a log and as JSON as any other result', async () => {
    const guard: Guard = { kind: 'guard', name: 'g', admit: () => refuse(guard, BulkheadFullError, () => 'no room') }
    const result = await on([guard]).pipeline.tryRun(ok)
    const { error } = result as { error: Error }
    expect(inspect(result)).toBe(inspect({ ok: false, error, attempts: 0 }))
    expect(JSON.parse(JSON.stringify(result))).toEqual({ ok: false, error: JSON.parse(JSON.stringify(error)) as unknown, attempts: 0 })
  })
})

describe('wrap and bind', () => {
  it('wrap keeps `this` and the arguments', async () => {
    const api = {
      base: 10,
      add: on([]).pipeline.wrap(function (this: { base: number }, a: number, b: number) {
        return this.base + a + b
      }),
    }
    expect(await api.add(1, 2)).toBe(13)
  })

  it('wrap takes the call from the arguments', async () => {
    const keys: unknown[] = []
    const guard = logged([], 'a', { admit: (a) => (keys.push(a.call.key), {}) })
    const quote = on([guard]).pipeline.wrap((id: string) => Promise.resolve(id), (id) => ({ key: id }))
    expect(await quote('x')).toBe('x')
    const fixed = on([logged([], 'a', { admit: (a) => (keys.push(a.call.operation), {}) })]).pipeline.wrap((id: string) => id, { operation: 'get' })
    await fixed('y')
    const none = on([logged([], 'a', { admit: (a) => (keys.push(a.call.key), {}) })]).pipeline.wrap((id: string) => id, () => undefined)
    await none('z')
    expect(keys).toEqual(['x', 'get', undefined])
  })

  it('a `call` of wrap that throws rejects with that error, and starts nothing', async () => {
    const work = vi.fn((id: string) => id)
    const quote = on([]).pipeline.wrap(work, () => { throw down })
    await expect(quote('x')).rejects.toBe(down)
    expect(work).not.toHaveBeenCalled()
  })

  it('each call of a wrapped function is a call of its own', async () => {
    const { pipeline } = on([bulkhead({ slots: 1 })])
    const gate = deferred()
    const wrapped = pipeline.wrap(() => gate.promise)
    const first = wrapped()
    await expect(wrapped()).rejects.toThrow(BulkheadFullError)
    gate.resolve(1)
    await first
    expect(await wrapped()).toBe(1)
  })

  it('bind gives the attempt first', async () => {
    const seen: unknown[] = []
    const { pipeline } = on([repeat(2)])
    const get = pipeline.bind((a: Attempt, id: string) => (seen.push(a.number, id), a.number === 1 ? Promise.reject(down) : id))
    expect(await get('x')).toBe('x')
    expect(seen).toEqual([1, 'x', 2, 'x'])
  })
})

describe('an attempt as the call of another pipeline', () => {
  it('hands down priority, deadline and what its call says', async () => {
    const clock = manualClock()
    const inner = on([], { clock })
    const { pipeline } = on([timeout(100)], { clock })
    const seen = await pipeline.run((outer) => inner.pipeline.run((a) => [a.priority, a.deadline, a.call.key, a.call.idempotent, a.call.operation], outer), {
      priority: 'critical', key: 'k', idempotent: false, operation: 'get', timeoutMs: 300,
    })
    expect(seen).toEqual(['critical', 100, 'k', false, 'get'])
  })

  it('hands down the abort with its reason', async () => {
    const clock = manualClock()
    const inner = on([repeat(3)], { clock })
    const { pipeline } = on([], { clock })
    const controller = new AbortController()
    const signals: AbortSignal[] = []
    const answer = watch(pipeline.run((outer) => inner.pipeline.run((a) => (signals.push(a.signal), never()), outer), { signal: controller.signal }))
    controller.abort('gone')
    await clock.flush()
    expect([answer.error, signals[0]!.reason]).toEqual(['gone', 'gone'])
  })

  it('a timeout of the outer pipeline ends the inner call as by its caller: ignored there, overload here', async () => {
    const clock = manualClock()
    const log: string[] = []
    const inner = on([logged(log, 'inner')], { clock })
    const { pipeline } = on([logged(log, 'outer'), timeout(10)], { clock })
    const answer = watch(pipeline.run((outer) => inner.pipeline.run(never, outer)))
    await clock.advance(10)
    expect(answer.error).toMatchObject({ pipeline: 'quotes', policy: 'timeout' })
    expect(log.slice(2).toSorted()).toEqual(['inner settle ignored/caller', 'outer release', 'outer settle overload/timeout'])
    expect([pipeline.inFlight, inner.pipeline.inFlight]).toEqual([0, 1])
  })

  it('a refusal of the inner pipeline is ignored by the outer one, which does not retry it', async () => {
    const clock = manualClock()
    const log: string[] = []
    const inner = on([bulkhead({ slots: 0 })], { clock })
    const { pipeline } = on([logged(log, 'outer'), retry()], { clock })
    await expect(pipeline.run((outer) => inner.pipeline.run(ok, outer))).rejects.toThrow(BulkheadFullError)
    expect(log).toEqual(['outer admit', 'outer settle ignored/work', 'outer release'])
  })

  it('the deadline is a span, where the two have different clocks', async () => {
    for (const [outerAt, innerAt] of [[0, 50_000], [50_000, 0]]) {
      const inner = on([], { clock: manualClock(innerAt) })
      const { pipeline } = on([timeout(100)], { clock: manualClock(outerAt) })
      expect(await pipeline.run((outer) => inner.pipeline.run((a) => a.deadline, outer))).toBe(innerAt! + 100)
    }
  })

  it('may come from the two-step form', async () => {
    const clock = manualClock(5)
    const { pipeline } = on([], { clock })
    expect(await pipeline.run((a) => [a.priority, a.deadline], ownAttempt({ clock, priority: 'low', timeoutMs: 10 }))).toEqual(['low', 15])
  })
})

describe('the two-step form', () => {
  it('admits and settles a guard that stands in no pipeline', () => {
    const log: string[] = []
    const guard = logged(log, 'a')
    const a = ownAttempt()
    const permit = guard.admit(a)
    guard.settle!(permit, settled('overload', a, { endedBy: 'timeout', retryAfterMs: 5 }), a)
    guard.release!(permit, a)
    expect(log).toEqual(['a admit', 'a settle overload/timeout', 'a release'])
  })

  it('settled says when, on the attempt’s clock', () => {
    const clock = manualClock(3)
    const a = ownAttempt({ clock })
    const said = settled('success', a, { retryAfterMs: 7 })
    clock.tick(4)
    expect([said.settledAt, said.endedBy, said.retryAfterMs, said.verdict]).toEqual([7, 'work', 7, 'success'])
    clock.tick(4)
    expect(said.settledAt).toBe(7)
  })

  it('is checked', () => {
    const a = ownAttempt()
    expect(() => settled('sucess' as never, a)).toThrow(/verdict must be one of .*did you mean "success"\?, got "sucess"/)
    expect(() => settled('success', {} as never)).toThrow(TypeError)
    expect(() => ownAttempt({ timeoutMs: -1 })).toThrow(RangeError)
    expect(() => ownAttempt({ timeout: 5 } as never)).toThrow(/call has no option "timeout"/)
    expect(() => ownAttempt({ clock: {} as never })).toThrow(TypeError)
  })

  it('a fork is a further attempt', () => {
    const clock = manualClock()
    const a = ownAttempt({ clock, timeoutMs: 50, priority: 'high' })
    a.deadline = 10
    const fork = a.fork()
    expect([fork.deadline, fork.priority, fork.call === a.call]).toEqual([50, 'high', true])
  })
})

describe('classify', () => {
  const verdictOf = async (fn: () => unknown, classify?: Classify): Promise<string> => {
    const log: string[] = []
    await on([logged(log, 'a')], classify === undefined ? {} : { classify }).pipeline.tryRun(fn)
    return /settle (\w+)/.exec(log.join(' '))![1]!
  }
  const rejects = (more: object | string | undefined | null) => () => Promise.reject(more as Error)

  it.each<[string, object, string]>([
    ['status 503', { status: 503 }, 'overload'],
    ['status 429', { status: 429 }, 'overload'],
    ['statusCode 503', { statusCode: 503 }, 'overload'],
    ['response.status 429', { response: { status: 429 } }, 'overload'],
    ['gRPC 8', { code: 8 }, 'overload'],
    ['gRPC 14', { code: 14 }, 'overload'],
    ['ECONNREFUSED', { code: 'ECONNREFUSED' }, 'overload'],
    ['ECONNRESET in a cause', { cause: { code: 'ECONNRESET' } }, 'overload'],
    ['ECONNREFUSED in a cause of a cause', { cause: { cause: { code: 'ECONNREFUSED' } } }, 'overload'],
    ['one of several errors', { errors: [{}, { code: 'ECONNREFUSED' }] }, 'overload'],
    ['another’s TimeoutError', new TimeoutError('late'), 'overload'],
    ['another’s refusal', new BulkheadFullError('full'), 'ignored'],
    ['status 500', { status: 500 }, 'failure'],
    ['status 404', { status: 404 }, 'failure'],
    ['an error', new Error('x'), 'failure'],
    ['a response of null', { response: null }, 'failure'],
  ])('by default %s is so', async (_what, error, verdict) => {
    expect(await verdictOf(rejects(error))).toBe(verdict)
  })

  it('by default a value is a success, whatever it says, and any odd rejection a failure', async () => {
    expect(await verdictOf(() => ({ status: 503 }))).toBe('success')
    for (const odd of [undefined, null, 'x']) expect(await verdictOf(rejects(odd))).toBe('failure')
  })

  it('an error that causes itself is looked at all the same', async () => {
    const circular: { cause?: unknown } = {}
    circular.cause = circular
    expect(await verdictOf(rejects(circular))).toBe('failure')
  })

  it('by default `retryAfterMs` of the error is passed on', async () => {
    const seen: unknown[] = []
    const guard = logged([], 'a', { settle: ({ retryAfterMs }) => void seen.push(retryAfterMs) })
    const { pipeline } = on([guard])
    for (const retryAfterMs of [5, 0, -1, NaN, '5']) await pipeline.tryRun(rejects({ status: 503, retryAfterMs }))
    expect(seen).toEqual([5, 0, undefined, undefined, undefined])
  })

  it('is asked once per attempt, in the innermost stage, and its verdict travels outwards', async () => {
    const log: string[] = []
    const classify = vi.fn<Classify>(() => ({ verdict: 'overload', retryAfterMs: 30 }))
    const seen: unknown[] = []
    const { pipeline } = on([logged(log, 'a', { settle: ({ retryAfterMs }) => void seen.push(retryAfterMs) }), repeat(1), logged(log, 'b', { settle: ({ retryAfterMs }) => void seen.push(retryAfterMs) })], { classify })
    expect(await pipeline.run(ok)).toBe('fine')
    expect(classify).toHaveBeenCalledOnce()
    expect(classify.mock.calls[0]![0]).toEqual({ ok: true, value: 'fine' })
    expect(classify.mock.calls[0]![1]).toMatchObject({ number: 1 })
    expect(log.filter((line) => line.includes('settle'))).toEqual(['b settle overload/work', 'a settle overload/work'])
    expect(seen).toEqual([30, 30])
  })

  it('is not asked about a timeout, a refusal or the caller’s abort', async () => {
    const classify = vi.fn<Classify>(() => 'success')
    const { pipeline, clock } = on([timeout(10), bulkhead({ slots: 1 })], { classify })
    const controller = new AbortController()
    watch(pipeline.run(never))
    await pipeline.tryRun(ok)
    await clock.advance(10)
    watch(on([], { classify }).pipeline.run(never, { signal: controller.signal }))
    controller.abort()
    await clock.flush()
    expect(classify).not.toHaveBeenCalled()
  })

  it('one that throws: that error is the call’s, `ignored`, and permits come back', async () => {
    const log: string[] = []
    const { pipeline, discarded } = on([logged(log, 'a')], { classify: () => { throw down } })
    await expect(pipeline.run(ok)).rejects.toBe(down)
    expect(log).toEqual(['a admit', 'a settle ignored/work', 'a release'])
    expect(discarded).toEqual(['fine'])
  })

  it.each([[undefined], [null], [3], ['sucess'], [{}], [{ verdict: 'bad' }], [Promise.resolve('success')]])('one that answers %o: a TypeError that names it', async (nonsense) => {
    const { pipeline } = on([logged([], 'a')], { classify: () => nonsense as never })
    for (const fn of [ok, () => Promise.reject(down)]) {
      const error = await pipeline.run(fn).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(TypeError)
      expect((error as Error).message).toContain('classify')
    }
  })

  it.each([[-1], [NaN], ['5']])('a retryAfterMs of %s is refused by name', async (retryAfterMs) => {
    const { pipeline } = on([], { classify: () => ({ verdict: 'overload', retryAfterMs: retryAfterMs as number }) })
    await expect(pipeline.run(ok)).rejects.toThrow(/retryAfterMs/)
  })

  it('a failure value is the answer all the same', async () => {
    const { pipeline } = on([], { classify: () => 'failure' })
    expect(await pipeline.tryRun(() => 503)).toEqual({ ok: true, value: 503, attempts: 1 })
  })
})

describe('what is dropped is discarded', () => {
  it('by a retry, before its back-off', async () => {
    const { pipeline, clock, discarded } = on([repeat(2, 50)], { classify: (outcome) => (outcome.ok && outcome.value === 503 ? 'failure' : 'success') })
    let n = 0
    const answer = watch(pipeline.run(() => [503, 200][n++]))
    await clock.flush()
    expect(discarded).toEqual([503])
    await clock.advance(50)
    expect([answer.value, discarded]).toEqual([200, [503]])
  })

  it('by a step that answers instead, unless it is the same value', async () => {
    const instead = (outcome: Outcome<unknown>): unknown => ({ ok: true, verdict: 'ignored', value: outcome.ok && outcome.value === 'keep' ? outcome.value : 'instead' })
    const { pipeline, discarded } = on([step('instead', instead)])
    expect(await pipeline.run(() => 'drop')).toBe('instead')
    expect(await pipeline.run(() => 'keep')).toBe('keep')
    expect(discarded).toEqual(['drop'])
  })

  it('by a step that takes its time, or throws', async () => {
    const { pipeline, discarded } = on([step('instead', () => Promise.resolve({ ok: true, verdict: 'ignored', value: 'instead' }))])
    expect(await pipeline.run(() => 'a')).toBe('instead')
    const throwing = on([step('throws', () => { throw down })])
    await throwing.pipeline.tryRun(() => 'b')
    const rejecting = on([step('rejects', () => Promise.reject(down))])
    await rejecting.pipeline.tryRun(() => 'c')
    expect([discarded, throwing.discarded, rejecting.discarded]).toEqual([['a'], ['b'], ['c']])
  })

  it('by a surround, when it says so', async () => {
    const { pipeline, discarded } = on([surround('drop', async (next, attempt) => {
      const first = await next(attempt)
      if (first.ok) attempt.discard(first.value)
      return next(attempt.fork())
    })])
    expect(await pipeline.run((a) => a.number)).toBe(2)
    expect(discarded).toEqual([1])
  })

  it('never what the caller gets', async () => {
    const { pipeline, discarded } = on([repeat(2), timeout(10)], { classify: () => 'failure' })
    expect(await pipeline.run(() => 'mine')).toBe('mine')
    expect(discarded).toEqual(['mine'])
  })

  it('a closing pipeline’s last outcome comes out of a back-off, though it was discarded before', async () => {
    const { pipeline, discarded, clock } = on([repeat(2, 50)], { classify: () => 'failure' })
    const answer = watch(pipeline.run(() => 'last'))
    await clock.flush()
    await pipeline.close()
    await clock.flush()
    // Dropped before the back-off, so that what it holds comes back at once; it is still the last real outcome.
    expect([answer.value, discarded]).toEqual(['last', ['last']])
  })
})

describe('close', () => {
  it('refuses new calls', async () => {
    const log: string[] = []
    const { pipeline } = on([logged(log, 'a')])
    expect(await pipeline.close()).toBe(0)
    const error = await pipeline.run(ok).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(PipelineClosedError)
    expect(error).toBeInstanceOf(RejectedError)
    expect(error).toMatchObject({ message: 'Cannot call "quotes": the pipeline is closed', code: 'PIPELINE_CLOSED', pipeline: 'quotes', attempts: 0 })
    expect([log, pipeline.inFlight]).toEqual([[], 0])
  })

  it('waits for running work', async () => {
    const { all, work } = jobs()
    const { pipeline, clock } = on([])
    watch(pipeline.run(work))
    const closed = watch(pipeline.close())
    await clock.advance(9_999)
    expect(closed.state).toBe('pending')
    all[0]!.succeed()
    await clock.flush()
    expect([closed.value, clock.pending]).toEqual([0, 0])
  })

  it('waits for work that outlives its answer', async () => {
    const { all, work } = jobs()
    const { pipeline, clock } = on([timeout(10)])
    watch(pipeline.run(work))
    await clock.advance(10)
    const closed = watch(pipeline.close())
    await clock.flush()
    expect(closed.state).toBe('pending')
    all[0]!.fail()
    await clock.flush()
    expect(closed.value).toBe(0)
  })

  it('after the grace it aborts what still runs, and says how many', async () => {
    const { all, work } = jobs()
    const { pipeline, clock } = on([logged([], 'a')])
    watch(pipeline.run((a) => (void a.signal, work(a))))
    watch(pipeline.run(work))
    const closed = watch(pipeline.close({ graceMs: 50 }))
    await clock.advance(50)
    expect(closed.value).toBe(2)
    // Not a refusal: it was started.
    expect(all[0]!.attempt.signal.reason).toBeInstanceOf(TimeoutError)
  })

  it('a signal that is read after the grace is aborted too', async () => {
    const { all, work } = jobs()
    const { pipeline, clock } = on([])
    watch(pipeline.run(work))
    void pipeline.close({ graceMs: 0 })
    await clock.advance(0)
    expect(all[0]!.attempt.signal.aborted).toBe(true)
  })

  it('a grace of Infinity arms no timer', () => {
    const { pipeline, clock } = on([])
    watch(pipeline.run(never))
    void pipeline.close({ graceMs: Infinity })
    expect(clock.armed).toBe(0)
  })

  it('ends back-offs: the last outcome comes out', async () => {
    const { pipeline, clock } = on([repeat(2, 100)])
    const answer = watch(pipeline.run(() => Promise.reject(down)))
    await clock.flush()
    expect(await pipeline.close()).toBe(0)
    await clock.flush()
    expect([answer.error, clock.pending]).toEqual([down, 0])
  })

  it('no retry begins any more', async () => {
    const { all, work } = jobs()
    const { pipeline, clock } = on([repeat(5)])
    const answer = watch(pipeline.run(work))
    const closed = watch(pipeline.close())
    all[0]!.fail(down)
    await clock.flush()
    expect([answer.error, closed.value, all.length]).toEqual([down, 0, 1])
  })

  it('is one closing, however often it is called', async () => {
    const { pipeline } = on([])
    expect(pipeline.close()).toBe(pipeline.close())
    await pipeline[Symbol.asyncDispose]()
  })

  it('`await using` closes', async () => {
    const { pipeline } = on([])
    await pipeline[Symbol.asyncDispose]()
    await expect(pipeline.run(ok)).rejects.toThrow(PipelineClosedError)
  })

  it.each([['at once', () => 'instead'], ['after a while', () => Promise.resolve('instead')]])('a fallback that answers %s answers for a closed pipeline too', async (_what, fn) => {
    const { pipeline } = on([fallback(fn)])
    await pipeline.close()
    expect(await pipeline.run(ok)).toBe('instead')
    expect(pipeline.inFlight).toBe(0)
  })

  it('is refused with nonsense', () => {
    const { pipeline } = on([])
    const close = (options: unknown) => async () => pipeline.close(options as never)
    return Promise.all([
      expect(close({ graceMs: -1 })()).rejects.toThrow(/close\.graceMs must be a number from 0 on, got -1/),
      expect(close({ grace: 5 })()).rejects.toThrow(/close has no option "grace"; did you mean "graceMs"\?/),
      expect(close(5)()).rejects.toThrow(/close options must be an object, got 5/),
    ])
  })
})

describe('the description', () => {
  it('shows the fold with effective options and warnings', () => {
    const onWarning = vi.fn()
    const { pipeline } = on([timeout(2_000), repeat(3), bulkhead({ slots: 50 }), timeout(5_000, { name: 'each' })], { onWarning })
    expect(pipeline.describe()).toEqual({
      name: 'quotes',
      nodes: [
        { kind: 'stage', guards: [{ type: 'timeout', name: 'timeout', options: { ms: 2_000, name: 'timeout' } }] },
        { kind: 'layer', type: 'repeat', name: 'repeat', options: {} },
        {
          kind: 'stage',
          guards: [
            { type: 'bulkhead', name: 'bulkhead', options: { slots: 50, queue: 0, maxWaitMs: 1_000, order: 'fifo', mode: 'enforce', name: 'bulkhead' } },
            { type: 'timeout', name: 'each', options: { ms: 5_000, name: 'each' } },
          ],
        },
      ],
      warnings: [expect.stringContaining('never ends anything')],
    })
    expect(onWarning.mock.calls).toEqual([[`pipeline "quotes": ${pipeline.describe().warnings[0]}`]])
    expect(String(pipeline)).toBe('stage[timeout 2 s] ─▶ repeat ─▶ stage[bulkhead · timeout "each" 5 s] ─▶ your function')
  })

  it('there is always a stage around the function', () => {
    expect(String(on([repeat(2)]).pipeline)).toBe('repeat ─▶ stage[] ─▶ your function')
  })

  it('shows options that an update has changed', () => {
    const slots = bulkhead({ slots: 5 })
    const { pipeline } = on([slots])
    slots.update({ slots: 6 })
    expect(pipeline.describe().nodes[0]).toMatchObject({ guards: [{ options: { slots: 6 } }] })
  })

  it('what it returned may be changed without harm', () => {
    const { pipeline } = on([timeout(5)])
    ;(pipeline.describe().warnings as string[]).push('x')
    expect(pipeline.describe().warnings).toEqual([])
  })

  it('an onWarning that throws is told to onInternalError, and the build goes on', () => {
    const { internal } = on([timeout(5), repeat(1), timeout(9)], { onWarning: () => { throw down } })
    expect(internal).toEqual([down])
  })

  it('by default warnings go to console.warn', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    build('quotes', [timeout(5), repeat(1), timeout(9)])
    expect(warn.mock.calls[0]![0]).toMatch(/^spillway: .*never ends anything/)
  })

  it('a queue that a close ends is counted no more', async () => {
    const q = queue()
    const { pipeline } = on([q])
    watch(pipeline.run(ok))
    await pipeline.close()
    expect([pipeline.inFlight, q.waiting.length]).toEqual([0, 0])
  })
})

describe('re-entry', () => {
  it('a function may close its own pipeline', async () => {
    const { pipeline } = on([logged([], 'a')])
    expect(await pipeline.run(() => (void pipeline.close(), 'fine'))).toBe('fine')
    expect(pipeline.inFlight).toBe(0)
  })

  it('a function that aborts its own caller ends the call', async () => {
    const log: string[] = []
    const controller = new AbortController()
    const { pipeline, discarded } = on([logged(log, 'a')])
    await expect(pipeline.run(() => (controller.abort('gone'), 'late'), { signal: controller.signal })).rejects.toBe('gone')
    expect(log).toEqual(['a admit', 'a settle ignored/caller', 'a release'])
    expect(discarded).toEqual(['late'])
    expect(pipeline.inFlight).toBe(0)
  })

  it.each(['admit', 'settle', 'release'] as const)('a guard that aborts the caller in %s: every permit is told once', async (hook) => {
    const log: string[] = []
    const controller = new AbortController()
    const abort = (): object => (controller.abort('gone'), {})
    const { pipeline } = on([logged(log, 'a'), repeat(1), logged(log, 'b'), logged(log, 'c', { [hook]: abort }), logged(log, 'd')])
    const settledEvents: boolean[] = []
    pipeline.on('call.settled', (event) => settledEvents.push(event.ok))
    const answer = await pipeline.tryRun(ok, { signal: controller.signal })
    for (const name of 'abcd') {
      const times = (what: string): number => log.filter((line) => line.startsWith(`${name} ${what}`)).length
      expect([times('settle'), times('release')]).toEqual([times('admit'), times('admit')])
    }
    expect(settledEvents).toEqual([answer.ok])
    if (hook === 'admit') expect(answer).toMatchObject({ ok: false, error: 'gone', attempts: 0 })
    expect(pipeline.inFlight).toBe(0)
  })

  it.each([['first in the list', []], ['inside a guard', [logged([], 'a')]]])('a step that aborts the caller: answer and events agree, %s', async (_what, outside) => {
    const controller = new AbortController()
    const { pipeline, clock } = on([...outside, step('abort', (outcome) => (controller.abort('gone'), outcome)), logged([], 'b')])
    const events: boolean[] = []
    pipeline.on('call.settled', (event) => events.push(event.ok))
    const answer = await pipeline.tryRun(ok, { signal: controller.signal })
    await clock.flush()
    expect(events).toEqual([answer.ok])
    expect(pipeline.inFlight).toBe(0)
  })

  it('a step within a surround that aborts the caller: nothing is counted twice', async () => {
    const controller = new AbortController()
    const { pipeline, clock } = on([surround('pass', (next, attempt) => next(attempt.fork())), step('abort', (outcome) => (controller.abort('gone'), outcome))])
    await pipeline.tryRun(ok, { signal: controller.signal })
    await clock.flush()
    expect(pipeline.inFlight).toBe(0)
  })

  it('a refused call leaves no count', async () => {
    const { pipeline } = on([logged([], 'a', { admit: () => no() })])
    await pipeline.tryRun(ok)
    expect(pipeline.inFlight).toBe(0)
  })
})
