import { describe, expect, it, vi } from 'vitest'
import { bulkhead, pipeline as build, retry, timeout, type AnyEvent, type Attempt, type Guard, type Observer } from 'spillway'
import { Events } from '../../src/core/events.ts'
import { manualClock } from 'spillway/testing'
import { logged, on, repeat, surround, watch } from '../support/guards.ts'

const ok = (): Promise<string> => Promise.resolve('fine')
const down = Object.assign(new Error('down'), { code: 'E_DOWN' })
const never = (): Promise<never> => new Promise(() => {})
/** Ends when its signal says so. */
const heeding = ({ signal }: Attempt): Promise<never> => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
const types = (events: AnyEvent[]): string[] => events.map(({ type }) => type)

/** A guard with state events of its own. */
function talker(name = 'talker') {
  const events = new Events()
  const guard: Guard & { say: (message: string) => void; events: Events } = {
    kind: 'guard',
    name,
    events,
    admit: () => ({}),
    say: (message) => {
      if (events.wants('policy.warned')) events.emit('policy.warned', { policy: name, message, at: 1 })
    },
  }
  return guard
}

describe('events', () => {
  it('tell what a call came to, flat, with units', async () => {
    const { pipeline, clock } = on([repeat(2)])
    const events: AnyEvent[] = []
    pipeline.on('*', (event) => events.push(event))
    await pipeline.tryRun(async (a) => {
      clock.tick(10)
      return a.number === 1 ? Promise.reject(down) : ok()
    }, { priority: 'high', operation: 'get' })
    const call = (events[0] as { call?: string }).call
    expect(call).toEqual(expect.any(String))
    expect(events).toEqual([
      { type: 'attempt.settled', pipeline: 'quotes', call, at: 10, number: 1, verdict: 'failure', endedBy: 'work', durationMs: 10 },
      { type: 'attempt.settled', pipeline: 'quotes', call, at: 20, number: 2, verdict: 'success', endedBy: 'work', durationMs: 10 },
      { type: 'call.settled', pipeline: 'quotes', call, at: 20, ok: true, verdict: 'success', endedBy: 'work', attempts: 2, durationMs: 20, priority: 'high', operation: 'get', error: undefined },
    ])
  })

  it('name the error, or its type, and its code', async () => {
    const { pipeline } = on([])
    const errors: unknown[] = []
    pipeline.on('call.settled', ({ error, code }) => errors.push(code === undefined ? error : [error, code]))
    for (const error of [down, new TypeError('x'), 'text', undefined, null]) await pipeline.tryRun(() => Promise.reject(error as Error))
    expect(errors).toEqual([['Error', 'E_DOWN'], 'TypeError', 'string', 'undefined', 'object'])
  })

  it('a refusal is told with its reason', async () => {
    const { pipeline } = on([bulkhead({ slots: 0, name: 'pool' })])
    const events: AnyEvent[] = []
    pipeline.on('*', (event) => events.push(event))
    await pipeline.tryRun(ok, { priority: 'critical' })
    expect(events).toMatchObject([
      { type: 'call.refused', policy: 'pool', reason: 'all 0 slots are taken', error: 'BulkheadFullError', priority: 'critical', retryAfterMs: undefined, pipeline: 'quotes', at: 0 },
      { type: 'call.settled', ok: false, verdict: 'unused', endedBy: 'refusal', attempts: 0, error: 'BulkheadFullError', code: 'BULKHEAD_FULL' },
    ])
  })

  it('go to those who listen to their type, and to "*"', async () => {
    const { pipeline } = on([])
    const seen: string[] = []
    pipeline.on('call.settled', () => seen.push('one'))
    pipeline.on('call.settled', () => seen.push('two'))
    pipeline.on('*', ({ type }) => seen.push(`* ${type}`))
    pipeline.on('call.refused', () => seen.push('refused'))
    await pipeline.run(ok)
    expect(seen).toEqual(['* attempt.settled', 'one', 'two', '* call.settled'])
  })

  it('`on` returns its undo, which may be called again', async () => {
    const { pipeline } = on([])
    const listener = vi.fn()
    const undo = pipeline.on('call.settled', listener)
    const other = pipeline.on('call.settled', listener)
    undo()
    undo()
    await pipeline.run(ok)
    expect(listener).toHaveBeenCalledOnce()
    other()
    await pipeline.run(ok)
    expect(listener).toHaveBeenCalledOnce()
  })

  it('a listener that is no function is a TypeError', () => {
    expect(() => on([]).pipeline.on('call.settled', 5 as never)).toThrow(TypeError)
  })

  it('a payload is built only for who listens', async () => {
    const reads: string[] = []
    const built = vi.fn(() => ({ policy: 'x', verdict: 'success' as const }))
    const guard = logged([], 'a', { settle: (_s, { call }) => {
      if (call.wants('fallback.used')) call.emit('fallback.used', built())
    } })
    const { pipeline } = on([guard])
    await pipeline.run(ok)
    const undo = pipeline.on('call.settled', () => reads.push('settled'))
    await pipeline.run(ok)
    expect(built).not.toHaveBeenCalled()
    pipeline.on('fallback.used', ({ policy }) => reads.push(policy))
    await pipeline.run(ok)
    expect(built).toHaveBeenCalledOnce()
    expect(reads).toEqual(['settled', 'x', 'settled'])
    undo()
  })

  it('a call that nobody listens to has no id', async () => {
    const { pipeline } = on([])
    const ids: string[] = []
    await pipeline.run((a) => (ids.push(a.call.id, a.call.id), ok()))
    await pipeline.run((a) => (ids.push(a.call.id), ok()))
    expect(ids[0]).toBe(ids[1])
    expect(ids[2]).not.toBe(ids[0])
  })

  it('a listener that throws changes no call, silences no other, and is told to onInternalError', async () => {
    const { pipeline, internal } = on([logged([], 'a')])
    const heard = vi.fn()
    pipeline.on('attempt.settled', () => { throw down })
    pipeline.on('attempt.settled', heard)
    pipeline.on('*', heard)
    expect(await pipeline.run(ok)).toBe('fine')
    expect(internal).toEqual([down])
    expect(heard).toHaveBeenCalledTimes(3)
  })

  it('by default it is told to console.error', async () => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => {})
    const pipeline = build('quotes', [])
    pipeline.on('call.settled', () => { throw down })
    expect(await pipeline.run(ok)).toBe('fine')
    expect(error).toHaveBeenCalledWith(expect.stringMatching(/^spillway: /), down)
  })

  it('an onInternalError that throws changes nothing either', async () => {
    const { pipeline } = on([], { onInternalError: () => { throw down } })
    const heard = vi.fn()
    pipeline.on('call.settled', () => { throw down })
    pipeline.on('call.settled', heard)
    expect(await pipeline.run(ok)).toBe('fine')
    expect(heard).toHaveBeenCalledOnce()
  })

  it('state changes first, listeners after: all guards know the verdict when the listener hears of it', async () => {
    const log: string[] = []
    const { pipeline } = on([
      logged(log, 'a'),
      logged(log, 'b', { settle: (_s, { call }) => call.emit('policy.warned', { policy: 'b', message: 'x' }) }),
    ])
    pipeline.on('policy.warned', () => log.push('listener'))
    await pipeline.run(ok)
    expect(log.slice(2)).toEqual(['b settle success/work', 'a settle success/work', 'listener', 'b release', 'a release'])
  })

  it('what is emitted in admit is told when all have been asked', async () => {
    const log: string[] = []
    const { pipeline } = on([
      logged(log, 'a', { admit: ({ call }) => (call.emit('policy.warned', { policy: 'a', message: 'x' }), {}) }),
      logged(log, 'b'),
    ])
    pipeline.on('policy.warned', () => log.push('listener'))
    await pipeline.run(() => (log.push('work'), ok()))
    expect(log.slice(0, 4)).toEqual(['a admit', 'b admit', 'listener', 'work'])
  })

  it.each(['attempt.settled', 'call.refused', 'timeout.expired', 'call.settled'] as const)('a listener to %s may run the pipeline, abort the caller, and close it', async (type) => {
    const log: string[] = []
    const slots = bulkhead({ slots: 1 })
    const controller = new AbortController()
    const { pipeline, clock } = on([logged(log, 'a'), retry({ maxAttempts: 1 }), slots, timeout(10), logged(log, 'b')])
    const nested: unknown[] = []
    let once = true
    pipeline.on(type, () => {
      if (!once) return
      once = false
      nested.push(pipeline.tryRun(ok))
      controller.abort('gone')
      void pipeline.close()
    })
    const answers = [pipeline.tryRun(type === 'timeout.expired' ? heeding : () => new Promise((_, reject) => setImmediate(reject, down)), { signal: controller.signal }), pipeline.tryRun(heeding, { signal: controller.signal })]
    if (type === 'timeout.expired') await clock.advance(10)
    await new Promise(setImmediate)
    await clock.advance(100)
    expect((await Promise.all(answers)).every((one) => !one.ok)).toBe(true)
    expect(nested.length).toBe(1)
    await nested[0]
    for (const name of 'ab') {
      const times = (what: string): number => log.filter((line) => line.startsWith(`${name} ${what}`)).length
      expect([times('settle'), times('release')]).toEqual([times('admit'), times('admit')])
    }
    expect([slots.inFlight, pipeline.inFlight]).toEqual([0, 0])
  })

  it('an event that a listener causes is told after the one at hand, to all', async () => {
    const { pipeline } = on([])
    const seen: string[] = []
    let n = 0
    pipeline.on('call.settled', ({ call }) => {
      seen.push(`first ${n}`)
      if (n++ === 0) void pipeline.run(ok)
      void call
    })
    pipeline.on('call.settled', () => seen.push('second'))
    await pipeline.run(ok)
    await new Promise(setImmediate)
    expect(seen).toEqual(['first 0', 'second', 'first 1', 'second'])
  })

  it('a listener that comes while an event is told hears the next one only', async () => {
    const { pipeline } = on([])
    const late = vi.fn()
    const undo = pipeline.on('call.settled', () => {
      undo()
      pipeline.on('call.settled', late)
    })
    await pipeline.run(ok)
    expect(late).not.toHaveBeenCalled()
    await pipeline.run(ok)
    expect(late).toHaveBeenCalledOnce()
  })
})

describe('a policy’s own events', () => {
  it('are heard at the policy under the pipeline that folded it first', () => {
    const guard = talker()
    on([guard])
    const heard: AnyEvent[] = []
    guard.events.on('policy.warned', (event) => heard.push(event))
    guard.say('hello')
    expect(heard).toEqual([{ type: 'policy.warned', pipeline: 'quotes', policy: 'talker', message: 'hello', at: 1 }])
  })

  it('are forwarded while a pipeline has listeners, under its own name', () => {
    const clock = manualClock()
    const guard = talker()
    const [a, b] = ['a', 'b'].map((name) => build(name, [guard], { clock }))
    const heard: string[] = []
    guard.say('nobody')
    const undo = a!.on('policy.warned', ({ pipeline, message }) => heard.push(`a: ${pipeline} ${message}`))
    b!.on('*', (event) => heard.push(`b: ${event.pipeline} ${event.type}`))
    guard.say('both')
    undo()
    guard.say('one')
    expect(heard).toEqual(['a: a both', 'b: b policy.warned', 'b: b policy.warned'])
  })

  it('a payload of which no pipeline wants to hear is not built', () => {
    const guard = talker()
    const { pipeline } = on([guard])
    expect(guard.events.wants('policy.warned')).toBe(false)
    const undo = pipeline.on('call.settled', () => {})
    expect(guard.events.wants('policy.warned')).toBe(false)
    const other = pipeline.on('policy.warned', () => {})
    expect(guard.events.wants('policy.warned')).toBe(true)
    undo()
    other()
    expect(guard.events.wants('policy.warned')).toBe(false)
  })

  it('emitted in a guard’s settle, they are told after the loop', async () => {
    const log: string[] = []
    const guard = talker()
    guard.settle = () => guard.say('settled')
    const { pipeline } = on([logged(log, 'a'), guard])
    pipeline.on('policy.warned', () => log.push('listener'))
    await pipeline.run(ok)
    expect(log).toEqual(['a admit', 'a settle success/work', 'listener', 'a release'])
  })
})

describe('observers', () => {
  it('are told of each settled attempt and call', async () => {
    const log: unknown[] = []
    const observer: Observer = {
      attemptSettled: (attempt, { verdict, settledAt }) => log.push(['attempt', attempt.number, attempt.startedAt, verdict, settledAt]),
      callSettled: (call, outcome, { verdict, endedBy }) => log.push(['call', call.attempts, outcome.ok, verdict, endedBy]),
    }
    const { pipeline, clock } = on([repeat(2)], { observers: [observer], clock: manualClock(5) })
    await pipeline.run(async (a) => {
      clock.tick(3)
      return a.number === 1 ? Promise.reject(down) : ok()
    })
    expect(log).toEqual([['attempt', 1, 5, 'failure', 8], ['attempt', 2, 8, 'success', 11], ['call', 2, true, 'success', 'work']])
  })

  it('are told of rare things as events, and not of what has a hook', async () => {
    const seen: string[] = []
    const { pipeline, clock } = on([talker(), bulkhead({ slots: 1 }), timeout(10)], { observers: [{ event: ({ type }) => seen.push(type) }] })
    watch(pipeline.run(never))
    await pipeline.tryRun(ok)
    await clock.advance(10)
    expect(seen).toEqual(['call.refused', 'timeout.expired'])
  })

  it('hear state events of policies', () => {
    const seen: AnyEvent[] = []
    const guard = talker()
    on([guard], { observers: [{ event: (event) => seen.push(event) }] })
    guard.say('hello')
    expect(types(seen)).toEqual(['policy.warned'])
  })

  it('keep their `this`', async () => {
    class Counter implements Observer {
      attempts = 0
      calls = 0
      attemptSettled(): void {
        this.attempts++
      }
      callSettled(): void {
        this.calls++
      }
      event(): void {
        this.calls += 100
      }
    }
    const counter = new Counter()
    const { pipeline } = on([repeat(3), bulkhead({ slots: 1 })], { observers: [counter] })
    await pipeline.tryRun(() => Promise.reject(down))
    expect(counter).toEqual({ attempts: 3, calls: 1 })
  })

  it('that throw change no call, silence no other, and are told to onInternalError', async () => {
    const throws = (): never => {
      throw down
    }
    const other = vi.fn()
    const { pipeline, internal } = on([bulkhead({ slots: 1 })], {
      observers: [{ attemptSettled: throws, callSettled: throws, event: throws }, { attemptSettled: other, callSettled: other, event: other }],
    })
    expect(await pipeline.run(ok)).toBe('fine')
    expect(internal).toEqual([down, down])
    expect(other).toHaveBeenCalledTimes(2)
  })

  it('hear of a refused call, a timeout and an abort', async () => {
    const seen: string[] = []
    const { pipeline, clock } = on([bulkhead({ slots: 2 }), timeout(10)], { observers: [{
      attemptSettled: (_a, { verdict, endedBy }) => seen.push(`attempt ${verdict}/${endedBy}`),
      callSettled: (_c, _o, { verdict, endedBy }) => seen.push(`call ${verdict}/${endedBy}`),
    }] })
    const controller = new AbortController()
    watch(pipeline.run(never, { signal: controller.signal }))
    watch(pipeline.run(never))
    await pipeline.tryRun(ok)
    controller.abort()
    await clock.advance(10)
    expect(seen).toEqual(['call unused/refusal', 'attempt ignored/caller', 'call ignored/caller', 'attempt overload/timeout', 'call overload/timeout'])
  })

  it('the list is fixed at the fold', async () => {
    const observers: Observer[] = []
    const late = vi.fn()
    const { pipeline } = on([], { observers })
    observers.push({ callSettled: late })
    await pipeline.run(ok)
    expect(late).not.toHaveBeenCalled()
  })

  it('each call settles once, losers and late work included', async () => {
    const calls: unknown[] = []
    const { pipeline, clock } = on([timeout(20), surround('both', async (next, attempt) => {
      void next(attempt.fork())
      return next(attempt)
    })], { observers: [{ callSettled: (call) => calls.push(call.id) }] })
    const late: ((value: unknown) => void)[] = []
    watch(pipeline.run(() => new Promise((resolve) => late.push(resolve))))
    await clock.advance(20)
    for (const resolve of late) resolve(1)
    await clock.flush()
    expect(calls.length).toBe(1)
  })
})
