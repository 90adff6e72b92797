import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it, vi } from 'vitest'
import { BulkheadFullError, DeadlinePassedError, PipelineClosedError, RejectedError, timeout, TimeoutError, unguarded, type Guard } from 'spillway'
import { jobs, logged, no, on, queue, repeat, surround, watch } from '../support/guards.ts'

const ok = (): Promise<string> => Promise.resolve('fine')
const gone = new Error('gone')

describe('a guard that answers later', () => {
  it('lets the call wait, and wake hands it over', async () => {
    const q = queue()
    const work = vi.fn(ok)
    const { pipeline, clock } = on([q])
    const answer = pipeline.run(work)
    await clock.flush()
    expect(work).not.toHaveBeenCalled()
    expect(pipeline.inFlight).toBe(1)
    q.wake()
    expect(await answer).toBe('fine')
    expect(q.told).toEqual(['admit', 'settle success/work', 'release'])
    expect([q.held, pipeline.inFlight]).toEqual([0, 0])
  })

  it('hands the permit over that wake was given', async () => {
    const permits: object[] = []
    const q = queue()
    q.settle = (permit) => void permits.push(permit)
    const { pipeline } = on([q])
    const answer = pipeline.run(ok)
    const mine = { mine: true }
    q.waiting[0]!.wake(mine)
    await answer
    expect(permits).toEqual([mine])
    expect(permits[0]).toBe(mine)
  })

  it('does not ask the guards outside it again, and asks those further in after the wait', async () => {
    const log: string[] = []
    const q = queue()
    const { pipeline } = on([logged(log, 'out'), q, logged(log, 'in')])
    const answer = pipeline.run(ok)
    expect(log).toEqual(['out admit'])
    q.wake()
    await answer
    expect(log).toEqual(['out admit', 'in admit', 'in settle success/work', 'out settle success/work', 'in release', 'out release'])
  })

  it('wake never runs the caller’s code in the waker’s stack', async () => {
    const q = queue()
    const work = vi.fn(ok)
    const { pipeline } = on([q, logged([], 'in')])
    const answer = pipeline.run(work)
    q.wake()
    expect(work).not.toHaveBeenCalled()
    await answer
    expect(work).toHaveBeenCalledOnce()
  })

  it('the function runs in the caller’s async context, not the waker’s', async () => {
    const who = new AsyncLocalStorage<string>()
    const q = queue()
    const seen: (string | undefined)[] = []
    const { pipeline } = on([q, logged([], 'in', { admit: () => (seen.push(who.getStore()), {}) })])
    const answer = who.run('caller', () => pipeline.run(() => (seen.push(who.getStore()), ok())))
    who.run('waker', () => q.wake())
    await answer
    expect(seen).toEqual(['caller', 'caller'])
  })

  it('startedAt is after the wait: waiting is not slowness', async () => {
    const q = queue()
    const { pipeline, clock } = on([logged([], 'timed', { timed: true }), q])
    let startedAt = NaN
    const answer = pipeline.run((a) => ((startedAt = a.startedAt), ok()))
    await clock.advance(30)
    q.wake()
    await answer
    expect(startedAt).toBe(30)
  })

  it('a refusal by wake unwinds the guards outside with `unused`', async () => {
    const log: string[] = []
    const q = queue()
    const { pipeline } = on([logged(log, 'out'), q, logged(log, 'in')])
    const answer = watch(pipeline.run(ok))
    await Promise.resolve()
    q.waiting.shift()!.wake(no('queue', 70))
    await new Promise(setImmediate)
    expect(answer.error).toBeInstanceOf(BulkheadFullError)
    expect(answer.error).toMatchObject({ policy: 'queue', retryAfterMs: 70 })
    expect(log).toEqual(['out admit', 'out settle unused/refusal', 'out release'])
    expect(q.told).toEqual(['admit'])
  })

  it('a refusal further in, after the wait, gives the queue’s permit back as unused', async () => {
    const q = queue()
    const { pipeline } = on([q, logged([], 'in', { admit: () => no('in') })])
    const answer = pipeline.run(ok)
    q.wake()
    await expect(answer).rejects.toMatchObject({ policy: 'in' })
    expect(q.told).toEqual(['admit', 'settle unused/refusal', 'release'])
  })

  it('an admit further in that throws after the wait gives everything back', async () => {
    const log: string[] = []
    const bug = new Error('bug')
    const q = queue()
    const { pipeline } = on([logged(log, 'out'), q, logged(log, 'in', { admit: () => { throw bug } })])
    const answer = pipeline.run(ok)
    q.wake()
    await expect(answer).rejects.toBe(bug)
    expect(q.told).toEqual(['admit', 'settle unused/refusal', 'release'])
    expect(log).toEqual(['out admit', 'in admit', 'out settle unused/refusal', 'out release'])
    expect(pipeline.inFlight).toBe(0)
  })

  it('an abort leaves the queue at once, before the caller knows', async () => {
    const log: string[] = []
    const q = queue()
    const controller = new AbortController()
    const work = vi.fn(ok)
    const { pipeline } = on([logged(log, 'out'), q])
    const answer = pipeline.run(work, { signal: controller.signal })
    controller.abort(gone)
    expect(q.told).toEqual(['admit', 'cancel'])
    expect(q.waiting).toEqual([])
    expect(log).toEqual(['out admit', 'out settle unused/caller', 'out release'])
    await expect(answer).rejects.toBe(gone)
    expect(work).not.toHaveBeenCalled()
    expect(pipeline.inFlight).toBe(0)
  })

  it('a wake that crosses the abort gives the permit back: settled unused, released', async () => {
    const q = queue()
    const controller = new AbortController()
    const { pipeline, clock } = on([q])
    const answer = watch(pipeline.run(ok, { signal: controller.signal }))
    const [waiter] = q.waiting
    controller.abort(gone)
    waiter!.wake()
    await clock.flush()
    expect(answer.error).toBe(gone)
    expect(q.told).toEqual(['admit', 'cancel', 'settle unused/caller', 'release'])
    expect(q.held).toBe(0)
  })

  it('an abort that follows the wake, before the work could start, gives the permit back too', async () => {
    const q = queue()
    const controller = new AbortController()
    const work = vi.fn(ok)
    const { pipeline, clock } = on([q])
    const answer = watch(pipeline.run(work, { signal: controller.signal }))
    q.wake()
    controller.abort(gone)
    await clock.flush()
    expect(answer.error).toBe(gone)
    expect(work).not.toHaveBeenCalled()
    expect(q.told).toEqual(['admit', 'settle unused/caller', 'release'])
    expect([q.held, pipeline.inFlight]).toEqual([0, 0])
  })

  it('a late wake whose settle or release throws harms neither the waker nor the permit', async () => {
    const q = queue()
    const controller = new AbortController()
    const { pipeline, clock, internal } = on([q])
    const bug = new Error('bug')
    const released = vi.fn()
    q.settle = () => {
      throw bug
    }
    q.release = released
    watch(pipeline.run(ok, { signal: controller.signal }))
    const [waiter] = q.waiting
    controller.abort(gone)
    expect(() => waiter!.wake()).not.toThrow()
    await clock.flush()
    expect(released).toHaveBeenCalledOnce()
    expect(internal).toEqual([bug])
  })

  it('a late wake with an unguarded permit tells the guard nothing', () => {
    const q = queue()
    const controller = new AbortController()
    const { pipeline } = on([q])
    watch(pipeline.run(ok, { signal: controller.signal }))
    const [waiter] = q.waiting
    controller.abort(gone)
    waiter!.wake(unguarded)
    expect(q.told).toEqual(['admit', 'cancel'])
  })

  it('a cancel that throws is told to onInternalError, and the caller is answered all the same', async () => {
    const bug = new Error('bug')
    const log: string[] = []
    const { pipeline, clock, internal } = on([
      timeout(50),
      logged(log, 'out'),
      queue('queue', { cancel: () => { throw bug } }),
    ])
    const answer = watch(pipeline.run(ok))
    await clock.advance(50)
    expect(answer.state).toBe('rejected')
    expect(internal).toEqual([bug])
    expect(log).toEqual(['out admit', 'out settle unused/timeout', 'out release'])
    expect(pipeline.inFlight).toBe(0)
  })

  it('an `expired` that throws does not leave the caller waiting for ever', async () => {
    const bug = new Error('bug')
    const log: string[] = []
    const { pipeline, clock } = on([logged(log, 'out'), queue('queue', { maxWaitMs: 50, expired: () => { throw bug } })])
    const answer = watch(pipeline.run(ok))
    await clock.advance(50)
    expect(answer.state).toBe('rejected')
    expect(log.at(-1)).toBe('out release')
    expect(pipeline.inFlight).toBe(0)
  })

  it('after maxWaitMs the guard is told to forget it, and its refusal is the answer', async () => {
    const log: string[] = []
    const q = queue('queue', { maxWaitMs: 50 })
    const { pipeline, clock } = on([logged(log, 'out'), q])
    const answer = watch(pipeline.run(ok))
    await clock.advance(49)
    expect(answer.state).toBe('pending')
    await clock.advance(1)
    expect(answer.error).toBeInstanceOf(BulkheadFullError)
    expect(q.told).toEqual(['admit', 'cancel'])
    expect(log).toEqual(['out admit', 'out settle unused/refusal', 'out release'])
    expect([pipeline.inFlight, clock.pending]).toEqual([0, 0])
  })

  it('a maxWaitMs of 0 is over in the next turn', async () => {
    const { pipeline, clock } = on([queue('queue', { maxWaitMs: 0 })])
    const answer = watch(pipeline.run(ok))
    await clock.advance(0)
    expect(answer.error).toBeInstanceOf(BulkheadFullError)
  })

  it('the wait of a second attempt is counted from its own start', async () => {
    const q = queue('queue', { maxWaitMs: 50 })
    let n = 0
    const { pipeline, clock } = on([repeat(2, 30), q])
    const answer = watch(pipeline.run(() => (++n === 1 ? Promise.reject(new Error('down')) : ok())))
    q.wake()
    await clock.advance(30)
    expect(q.waiting.length).toBe(1)
    await clock.advance(49)
    expect(answer.state).toBe('pending')
    q.wake()
    await clock.flush()
    expect(answer.value).toBe('fine')
  })

  it('a timeout that ends the wait is a DeadlinePassedError: nothing was started', async () => {
    const log: string[] = []
    const q = queue()
    const { pipeline, clock } = on([timeout(50), logged(log, 'out'), q])
    const answer = watch(pipeline.run(ok))
    await clock.advance(50)
    expect(answer.error).toBeInstanceOf(DeadlinePassedError)
    expect(answer.error).toBeInstanceOf(RejectedError)
    expect(answer.error).toMatchObject({ policy: 'timeout', pipeline: 'quotes', attempts: 0 })
    expect(q.told).toEqual(['admit', 'cancel'])
    expect(log).toEqual(['out admit', 'out settle unused/timeout', 'out release'])
  })

  it('after an earlier attempt it is a TimeoutError with that attempt’s error as its cause', async () => {
    const q = queue()
    const down = new Error('down')
    const log: string[] = []
    const { pipeline, clock } = on([timeout(50), logged(log, 'out'), repeat(2), q])
    const answer = watch(pipeline.run(() => Promise.reject(down)))
    q.wake()
    await clock.flush()
    expect(q.waiting.length).toBe(1)
    await clock.advance(50)
    expect(answer.error).toBeInstanceOf(TimeoutError)
    expect(answer.error).toMatchObject({ cause: down, attempts: 1 })
    expect(log).toEqual(['out admit', 'out settle overload/timeout', 'out release'])
  })

  it('a wake that comes with the deadline, before its timer, starts nothing more', async () => {
    const q = queue()
    const work = vi.fn(ok)
    const { pipeline, clock } = on([timeout(50), q])
    clock.after(50, () => q.wake())
    const answer = watch(pipeline.run(work))
    await clock.advance(50)
    expect(answer.error).toBeInstanceOf(DeadlinePassedError)
    expect(work).not.toHaveBeenCalled()
    expect(q.told.slice(1)).toEqual(['settle unused/timeout', 'release'])
    expect([q.held, pipeline.inFlight, clock.pending]).toEqual([0, 0, 0])
  })

  it('a wake that comes with an outer deadline, after an earlier attempt, is no refusal: that attempt may have done something', async () => {
    const q = queue()
    const down = new Error('down')
    const { pipeline, clock } = on([timeout(50), repeat(2), q])
    clock.after(50, () => q.wake())
    const answer = watch(pipeline.run(() => Promise.reject(down)))
    q.wake()
    await clock.advance(50)
    expect(answer.error).toBeInstanceOf(TimeoutError)
    expect(answer.error).toMatchObject({ cause: down, attempts: 1 })
    expect([q.held, pipeline.inFlight, clock.pending]).toEqual([0, 0, 0])
  })

  it.each([['the caller’s', [], { timeoutMs: 21 }], ['an outer timeout’s', [timeout(21)], {}]])('a wake that comes past %s deadline, when that was answered long ago, ends the wait all the same', async (_what, outside, call) => {
    const q = queue()
    const outcomes: string[] = []
    const stale = surround('stale', (next, attempt) => {
      void next(attempt).then(({ verdict }) => outcomes.push(verdict))
      return Promise.resolve({ ok: true, value: 'stale', verdict: 'ignored' })
    })
    const { pipeline, clock } = on([...outside, stale, q])
    expect(await pipeline.run(ok, call)).toBe('stale')
    await clock.advance(30)
    q.waiting[0]?.wake()
    await clock.flush()
    expect([outcomes, q.held, pipeline.inFlight, clock.pending]).toEqual([['unused'], 0, 0, 0])
  })

  it('a wake that comes with the caller’s deadline, just before its call is answered, ends the wait all the same', async () => {
    const first = queue('first')
    const second = queue('second')
    const queues = [first, second]
    const { all, work } = jobs()
    const gate: Guard = { kind: 'guard', name: 'gate', admit: (attempt) => queues.shift()!.admit(attempt), release: () => void second.held-- }
    const hedge = surround('hedge', (next, attempt) => {
      const answer = next(attempt)
      void next(attempt.fork())
      return answer
    })
    const { pipeline, clock } = on([hedge, gate])
    clock.after(50, () => {
      second.wake()
      all[0]!.succeed('just in time')
    })
    const answer = watch(pipeline.run(work, { timeoutMs: 50 }))
    first.wake()
    await clock.advance(50)
    expect([answer.value, all.length, pipeline.inFlight, clock.pending]).toEqual(['just in time', 1, 0, 0])
  })

  it('the caller’s deadline ends the wait', async () => {
    const q = queue()
    const { pipeline, clock } = on([q])
    const answer = watch(pipeline.run(ok, { timeoutMs: 20 }))
    await clock.advance(20)
    expect(answer.error).toBeInstanceOf(DeadlinePassedError)
    expect(q.told).toEqual(['admit', 'cancel'])
  })

  it('a deadline that a guard lowers as it lets the call wait is heeded', async () => {
    const q = queue()
    const admit = q.admit.bind(q)
    q.admit = (attempt) => {
      attempt.deadline = attempt.now() + 30
      return admit(attempt)
    }
    const { pipeline, clock } = on([q])
    const answer = watch(pipeline.run(ok))
    await clock.advance(30)
    expect(answer.error).toBeInstanceOf(DeadlinePassedError)
  })

  it('a guard that raises the deadline as it lets the call wait is not heeded', async () => {
    const q = queue()
    const admit = q.admit.bind(q)
    q.admit = (attempt) => {
      attempt.deadline = Infinity
      return admit(attempt)
    }
    const { pipeline, clock } = on([timeout(30), q])
    const answer = watch(pipeline.run(ok))
    await clock.advance(30)
    expect(answer.error).toBeInstanceOf(DeadlinePassedError)
  })

  it('a timeout inside the queue starts after the wait', async () => {
    const q = queue()
    const { pipeline, clock } = on([q, timeout(20)])
    const answer = watch(pipeline.run(() => new Promise(() => {})))
    await clock.advance(100)
    q.wake()
    await clock.advance(19)
    expect(answer.state).toBe('pending')
    await clock.advance(1)
    expect(answer.error).toBeInstanceOf(TimeoutError)
  })

  it('wake within start hands over at once', async () => {
    const q = queue('queue', { start: (wake) => wake({}) })
    const { pipeline } = on([logged([], 'out'), q])
    expect(await pipeline.run(ok)).toBe('fine')
    expect(q.told).toEqual(['admit', 'settle success/work', 'release'])
  })

  it('a refusal within start is the answer', async () => {
    const { pipeline } = on([queue('queue', { start: (wake) => wake(no('queue')) })])
    await expect(pipeline.run(ok)).rejects.toThrow(BulkheadFullError)
    expect(pipeline.inFlight).toBe(0)
  })

  it('a start that throws rejects with its error and gives everything back', async () => {
    const bug = new Error('bug')
    const log: string[] = []
    const { pipeline, clock } = on([logged(log, 'out'), queue('queue', { maxWaitMs: 9, start: () => { throw bug } }), logged(log, 'in')])
    await expect(pipeline.run(ok)).rejects.toBe(bug)
    expect(log).toEqual(['out admit', 'out settle unused/refusal', 'out release'])
    expect([pipeline.inFlight, clock.pending]).toEqual([0, 0])
  })

  it('a start that wakes and then throws gives the permit back once', async () => {
    const bug = new Error('bug')
    const q = queue('queue', { start: (wake) => { wake({}); throw bug } })
    const { pipeline } = on([q])
    await expect(pipeline.run(ok)).rejects.toBe(bug)
    expect(q.told).toEqual(['admit', 'settle unused/refusal', 'release'])
    expect(q.held).toBe(0)
  })

  it('close() ends queues with a PipelineClosedError', async () => {
    const log: string[] = []
    const q = queue()
    const { pipeline, clock } = on([logged(log, 'out'), q])
    const answer = watch(pipeline.run(ok))
    expect(await pipeline.close()).toBe(0)
    await clock.flush()
    expect(answer.error).toBeInstanceOf(PipelineClosedError)
    expect(q.told).toEqual(['admit', 'cancel'])
    expect(log).toEqual(['out admit', 'out settle unused/refusal', 'out release'])
  })

  it('queues one behind the other in a stage: each hands over in turn', async () => {
    const [a, b] = [queue('a'), queue('b')]
    const { pipeline, clock } = on([a, b])
    const answer = watch(pipeline.run(ok))
    a.wake()
    await clock.flush()
    expect(b.waiting.length).toBe(1)
    b.wake()
    await clock.flush()
    expect(answer.value).toBe('fine')
    expect([a.held, b.held, pipeline.inFlight]).toEqual([0, 0, 0])
  })

  it('an abort in the second of two queues of a stage gives the first one’s place back', async () => {
    const [a, b] = [queue('a'), queue('b')]
    const controller = new AbortController()
    const { pipeline, clock } = on([a, b])
    const answer = watch(pipeline.run(ok, { signal: controller.signal }))
    a.wake()
    await clock.flush()
    controller.abort(gone)
    await clock.flush()
    expect(answer.error).toBe(gone)
    expect(a.told).toEqual(['admit', 'settle unused/caller', 'release'])
    expect(b.told).toEqual(['admit', 'cancel'])
    expect([a.held, b.held, pipeline.inFlight]).toEqual([0, 0, 0])
  })

  it('queues of two stages: the outer one’s place is held while the inner one waits', async () => {
    const [a, b] = [queue('a'), queue('b')]
    const { pipeline, clock } = on([a, repeat(1), b])
    const answer = watch(pipeline.run(ok))
    a.wake()
    await clock.flush()
    expect([a.held, b.waiting.length]).toEqual([1, 1])
    b.wake()
    await clock.flush()
    expect(answer.value).toBe('fine')
    expect([a.held, b.held, pipeline.inFlight]).toEqual([0, 0, 0])
  })

  it('who waits in a queue keeps the process alive, and nobody does afterwards', async () => {
    const q = queue('queue', { maxWaitMs: 90 })
    const { pipeline, clock } = on([q])
    const answer = pipeline.run(ok)
    expect(clock.pending).toBe(1)
    q.wake()
    await answer
    expect(clock.pending).toBe(0)
  })

  it('a hundred waiters are served in the order of their wakes', async () => {
    const q = queue()
    const order: number[] = []
    const { pipeline } = on([q])
    const answers = Array.from({ length: 100 }, (_, i) => pipeline.run(() => (order.push(i), ok())))
    while (q.waiting.length > 0) q.wake()
    await Promise.all(answers)
    expect(order).toEqual(Array.from({ length: 100 }, (_, i) => i))
    expect(q.held).toBe(0)
  })
})
