import { describe, expect, it } from 'vitest'
import { again, type Attempt, timeout, TimeoutError } from 'spillway'
import { deferred, logged, on, repeat, step, watch } from '../support/guards.ts'

/** Answers at once and holds until `body` has ended. */
const holding = (body: Promise<unknown>, value: unknown = 'head') => (attempt: Attempt): Promise<unknown> => {
  attempt.until(body)
  return Promise.resolve(value)
}

const busy = Object.assign(new Error('reset'), { code: 'ECONNRESET' })

describe('until', () => {
  it('the answer goes up at once; settle and release wait for what is held', async () => {
    const log: string[] = []
    const body = deferred()
    const { pipeline, clock } = on([logged(log, 'a'), logged(log, 'b')])
    expect(await pipeline.run(holding(body.promise))).toBe('head')
    expect(log).toEqual(['a admit', 'b admit'])
    expect(pipeline.inFlight).toBe(1)
    body.resolve('ignored')
    await clock.flush()
    expect(log.slice(2)).toEqual(['b settle success/work', 'a settle success/work', 'b release', 'a release'])
    expect(pipeline.inFlight).toBe(0)
  })

  it('its rejection is classified again, for the guards only', async () => {
    const log: string[] = []
    const body = deferred()
    const { pipeline, clock } = on([logged(log, 'out'), repeat(3), logged(log, 'in')])
    expect(await pipeline.run(holding(body.promise))).toBe('head')
    body.reject(busy)
    await clock.flush()
    expect(log.slice(2)).toEqual(['in settle overload/work', 'in release', 'out settle overload/work', 'out release'])
    expect(pipeline.inFlight).toBe(0)
  })

  it('through three stages the verdict travels outwards unchanged', async () => {
    const log: string[] = []
    const body = deferred()
    const { pipeline, clock } = on([logged(log, 'a'), repeat(1), logged(log, 'b'), repeat(1), logged(log, 'c')])
    await pipeline.run(holding(body.promise))
    body.reject(new Error('truncated'))
    await clock.flush()
    expect(log.filter((line) => line.includes('settle'))).toEqual(['c settle failure/work', 'b settle failure/work', 'a settle failure/work'])
    expect(log.filter((line) => line.includes('release'))).toEqual(['c release', 'b release', 'a release'])
  })

  it('only the innermost timeout of a stage ends where it begins: one further out bounds what is held too', async () => {
    const log: string[] = []
    const body = deferred()
    const ended: unknown[] = []
    const { pipeline, clock } = on([logged(log, 'a'), timeout(100, { name: 'total' }), timeout(10)])
    await pipeline.run((a) => {
      a.until(body.promise, { ended: (reason) => void ended.push(reason) })
      expect(a.deadline).toBe(100)
      a.until(body.promise)
      expect(a.deadline).toBe(100)
      return 'head'
    })
    await clock.advance(99)
    expect(ended).toEqual([])
    await clock.advance(1)
    expect(ended).toEqual([expect.any(TimeoutError)])
    expect([(ended[0] as TimeoutError).policy, log]).toEqual(['total', ['a admit', 'a settle overload/timeout']])
    body.resolve('late')
    await clock.flush()
    expect([pipeline.inFlight, clock.pending]).toEqual([0, 0])
  })

  it('the attempt’s own timeout ends where it begins', async () => {
    const log: string[] = []
    const body = deferred()
    const { pipeline, clock } = on([logged(log, 'a'), timeout(10)])
    await pipeline.run((a) => {
      expect(a.deadline).toBe(10)
      a.until(body.promise)
      expect(a.deadline).toBe(Infinity)
      return 'head'
    })
    expect(clock.pending).toBe(0)
    await clock.advance(100)
    expect(log).toEqual(['a admit'])
    body.resolve(undefined)
    await clock.flush()
    expect(log).toEqual(['a admit', 'a settle success/work', 'a release'])
  })

  it('a timeout further out still ends it: guards learn it at once, the slot waits for the work', async () => {
    const log: string[] = []
    const body = deferred()
    const { pipeline, clock } = on([logged(log, 'out'), timeout(50), repeat(2), logged(log, 'in')])
    const signals: AbortSignal[] = []
    expect(await pipeline.run((a) => (signals.push(a.signal), a.until(body.promise), 'head'))).toBe('head')
    await clock.advance(50)
    expect(log.slice(2)).toEqual(['in settle overload/timeout', 'out settle overload/timeout'])
    expect(signals[0]!.reason).toBeInstanceOf(TimeoutError)
    body.reject(signals[0]!.reason)
    await clock.flush()
    expect(log.slice(4)).toEqual(['in release', 'out release'])
    expect([pipeline.inFlight, clock.pending]).toEqual([0, 0])
  })

  it('the caller’s abort still ends it, and is `ignored`', async () => {
    const log: string[] = []
    const body = deferred()
    const controller = new AbortController()
    const { pipeline, clock } = on([logged(log, 'a')])
    let signal: AbortSignal | undefined
    await pipeline.run((a) => ((signal = a.signal), a.until(body.promise), 'head'), { signal: controller.signal })
    controller.abort('gone')
    expect(log).toEqual(['a admit', 'a settle ignored/caller'])
    expect(signal!.reason).toBe('gone')
    body.reject('gone')
    await clock.flush()
    expect(log.at(-1)).toBe('a release')
    expect(pipeline.inFlight).toBe(0)
  })

  it('the caller’s deadline still ends it, and is `ignored`', async () => {
    const log: string[] = []
    const body = deferred()
    const { pipeline, clock } = on([logged(log, 'a')])
    await pipeline.run(holding(body.promise), { timeoutMs: 20 })
    await clock.advance(20)
    expect(log).toEqual(['a admit', 'a settle ignored/caller'])
    body.resolve(undefined)
    await clock.flush()
    expect([pipeline.inFlight, clock.pending]).toEqual([0, 0])
  })

  it('a dropped outcome that holds keeps its own slot, and a further attempt runs beside it', async () => {
    const log: string[] = []
    const bodies = [deferred(), deferred()]
    const { pipeline, clock, discarded } = on([logged(log, 'out'), repeat(2), logged(log, 'in')], {
      classify: (outcome) => (outcome.ok && outcome.value === 503 ? 'overload' : 'success'),
    })
    let n = 0
    const answer = watch(pipeline.run((a) => (a.until(bodies[n]!.promise), [503, 200][n++])))
    await clock.flush()
    expect(answer.value).toBe(200)
    expect(discarded).toEqual([503])
    expect(log).toEqual(['out admit', 'in admit', 'in admit'])
    bodies[1]!.resolve(undefined)
    await clock.flush()
    expect(log.slice(3)).toEqual(['in settle success/work', 'in release', 'out settle success/work'])
    bodies[0]!.resolve(undefined)
    await clock.flush()
    expect(log.slice(6)).toEqual(['in settle overload/work', 'in release', 'out release'])
    expect(pipeline.inFlight).toBe(0)
  })

  it('a step’s own answer in the place of one that holds is settled at once', async () => {
    const log: string[] = []
    const body = deferred()
    const { pipeline, clock } = on([logged(log, 'out'), step('instead', () => ({ ok: true, value: 'mine', verdict: 'ignored' })), logged(log, 'in')])
    expect(await pipeline.run(holding(body.promise))).toBe('mine')
    expect(log).toEqual(['out admit', 'in admit', 'out settle ignored/work'])
    body.resolve(undefined)
    await clock.flush()
    expect(log.slice(3)).toEqual(['in settle success/work', 'in release', 'out release'])
  })

  it('call.settled and attempt.settled come after it, with the verdict of the guards', async () => {
    const body = deferred()
    const { pipeline, clock } = on([logged([], 'a')])
    const events: unknown[] = []
    pipeline.on('*', ({ type, ...event }) => events.push([type, 'verdict' in event ? event.verdict : undefined, 'durationMs' in event ? event.durationMs : undefined]))
    await pipeline.run(holding(body.promise))
    expect(events).toEqual([])
    await clock.advance(30)
    body.reject(busy)
    await clock.flush()
    expect(events).toEqual([['attempt.settled', 'overload', 30], ['call.settled', 'overload', 30]])
  })

  it('several untils are waited for together', async () => {
    const log: string[] = []
    const [a, b] = [deferred(), deferred()]
    const { pipeline, clock } = on([logged(log, 'a')])
    await pipeline.run((attempt) => (attempt.until(a.promise), attempt.until(b.promise), 'head'))
    a.resolve(undefined)
    await clock.flush()
    expect(log).toEqual(['a admit'])
    b.resolve(undefined)
    await clock.flush()
    expect(log).toEqual(['a admit', 'a settle success/work', 'a release'])
  })

  it('a function that fails although it holds is settled when that has ended', async () => {
    const log: string[] = []
    const body = deferred()
    const { pipeline, clock } = on([logged(log, 'a')])
    const answer = watch(pipeline.run((a) => (a.until(body.promise), Promise.reject(busy))))
    await clock.flush()
    expect(answer.error).toBe(busy)
    expect(log).toEqual(['a admit'])
    body.resolve(undefined)
    await clock.flush()
    expect(log).toEqual(['a admit', 'a settle overload/work', 'a release'])
  })

  it('held for longer than abandonAfterMs, the slot comes back at the next admission', async () => {
    const log: string[] = []
    const { pipeline, clock } = on([logged(log, 'a')], { abandonAfterMs: 100 })
    await pipeline.run(holding(new Promise(() => {})))
    await clock.advance(100)
    expect(clock.pending).toBe(0)
    expect(log).toEqual(['a admit'])
    await pipeline.run(() => 'next')
    expect(log.slice(1, 4)).toEqual(['a settle ignored/work', 'a release', 'a admit'])
    expect(pipeline.inFlight).toBe(0)
  })

  it('what is in use is not abandoned, and is asked again each abandonAfterMs', async () => {
    const log: string[] = []
    const asked = [true, true, false]
    const { pipeline, clock } = on([logged(log, 'a')], { abandonAfterMs: 100 })
    await pipeline.run((attempt) => (attempt.until(new Promise(() => {}), { inUse: () => asked.shift()! }), 'head'))
    for (const left of [2, 1]) {
      await clock.advance(100)
      await pipeline.run(() => 'next')
      expect([asked.length, log.filter((line) => line.includes('ignored'))]).toEqual([left, []])
    }
    await clock.advance(100)
    await pipeline.run(() => 'next')
    expect(log.filter((line) => line.includes('ignored'))).toEqual(['a settle ignored/work'])
  })

  it('what is held is told when the attempt is ended, after its signal', async () => {
    const told: unknown[] = []
    const controller = new AbortController()
    const { pipeline } = on([])
    await pipeline.run((attempt) => {
      const { signal } = attempt
      attempt.until(new Promise(() => {}), { ended: (reason) => told.push(reason, signal.aborted) })
      return 'head'
    }, { signal: controller.signal })
    expect(told).toEqual([])
    controller.abort('gone')
    expect(told).toEqual(['gone', true])
  })

  it('a timeout around what is held by a dropped outcome does not end the back-off further out', async () => {
    const { pipeline, clock } = on([repeat(2, 100), timeout(50), repeat(1)], { classify: (outcome) => (outcome.ok && outcome.value === 503 ? 'overload' : 'success') })
    let n = 0
    const answer = watch(pipeline.run((a) => {
      if (n++ > 0) return 200
      a.until(new Promise(() => {}))
      return 503
    }))
    await clock.advance(99)
    expect(answer.value).toBe(undefined)
    await clock.advance(1)
    expect(answer.value).toBe(200)
  })

  it('a rejection of what is held never is unhandled, whoever ended the attempt before', async () => {
    const { pipeline, clock } = on([timeout(10), repeat(2)])
    const body = deferred()
    watch(pipeline.run((a) => (a.until(body.promise), new Promise(() => {}))))
    await clock.advance(10)
    body.reject(new Error('late'))
    await clock.flush()
  })

  it('work that was given up and still holds keeps its slot until it lets go', async () => {
    const log: string[] = []
    const body = deferred()
    const head = deferred()
    const { pipeline, clock } = on([timeout(10), repeat(1), logged(log, 'in')])
    watch(pipeline.run((a) => (a.until(body.promise), head.promise)))
    await clock.advance(10)
    expect(log).toEqual(['in admit', 'in settle overload/timeout'])
    head.resolve('late head')
    await clock.flush()
    expect(log).toEqual(['in admit', 'in settle overload/timeout'])
    body.resolve(undefined)
    await clock.flush()
    expect(log.at(-1)).toBe('in release')
    expect(pipeline.inFlight).toBe(0)
  })

  it('a retry that drops a held failure value waits out its back-off while the slot is held', async () => {
    const body = deferred()
    const log: string[] = []
    const { pipeline, clock } = on([step('once', (outcome, _a, previous) => (previous === undefined ? again(20) : outcome)), logged(log, 'in')])
    const answer = watch(pipeline.run((a) => (a.number === 1 && a.until(body.promise), a.number)))
    await clock.advance(20)
    expect(answer.value).toBe(2)
    expect(log.filter((line) => line === 'in release').length).toBe(1)
    body.resolve(undefined)
    await clock.flush()
    expect(log.filter((line) => line === 'in release').length).toBe(2)
    expect(pipeline.inFlight).toBe(0)
  })
})
