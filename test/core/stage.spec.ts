import { describe, expect, it, vi } from 'vitest'
import { attempt as ownAttempt, BulkheadFullError, pipeline as build, timeout, type Attempt, type Guard, type Host } from 'spillway'
import { manualClock } from 'spillway/testing'
import { brief, logged, no, on, repeat } from '../support/guards.ts'

const ok = (): Promise<string> => Promise.resolve('fine')
const down = (): Promise<never> => Promise.reject(new Error('down'))

describe('a stage', () => {
  it('admits outer to inner, settles and releases inner to outer', async () => {
    const log: string[] = []
    const { pipeline } = on([logged(log, 'a'), logged(log, 'b'), logged(log, 'c')])
    await pipeline.run(() => {
      log.push('work')
      return ok()
    })
    expect(log).toEqual([
      'a admit', 'b admit', 'c admit', 'work',
      'c settle success/work', 'b settle success/work', 'a settle success/work',
      'c release', 'b release', 'a release',
    ])
  })

  it('starts the work in the same turn as the call', () => {
    const log: string[] = []
    const { pipeline } = on([logged(log, 'a'), repeat(1), logged(log, 'b')])
    void pipeline.run(() => (log.push('work'), ok()))
    expect(log).toEqual(['a admit', 'b admit', 'work'])
  })

  it('an outer stage is settled after the inner one, with the same verdict', async () => {
    const log: string[] = []
    const { pipeline } = on([logged(log, 'a'), repeat(1), logged(log, 'b')])
    await pipeline.tryRun(() => down())
    expect(log).toEqual(['a admit', 'b admit', 'b settle failure/work', 'b release', 'a settle failure/work', 'a release'])
  })

  it('a refusal unwinds what was admitted with `unused`, inner to outer, and asks nobody further in', async () => {
    const log: string[] = []
    const work = vi.fn(ok)
    const { pipeline } = on([logged(log, 'a'), logged(log, 'b'), logged(log, 'c', { admit: () => no('c') }), logged(log, 'd')])
    await expect(pipeline.run(work)).rejects.toThrow(BulkheadFullError)
    expect(log).toEqual(['a admit', 'b admit', 'c admit', 'b settle unused/refusal', 'a settle unused/refusal', 'b release', 'a release'])
    expect(work).not.toHaveBeenCalled()
  })

  it('a refusal of an inner stage reaches the outer one as `unused`', async () => {
    const log: string[] = []
    const { pipeline } = on([logged(log, 'a'), repeat(3), logged(log, 'b', { admit: () => no('b') })])
    await expect(pipeline.run(ok)).rejects.toThrow(BulkheadFullError)
    expect(log).toEqual(['a admit', 'b admit', 'a settle unused/refusal', 'a release'])
  })

  it('a throwing admit unwinds what was admitted and rejects with that error', async () => {
    const log: string[] = []
    const bug = new Error('bug')
    const throws = (): never => {
      throw bug
    }
    const work = vi.fn(ok)
    const { pipeline, internal } = on([logged(log, 'a'), logged(log, 'b', { admit: throws }), logged(log, 'c')])
    await expect(pipeline.run(work)).rejects.toBe(bug)
    expect(log).toEqual(['a admit', 'b admit', 'a settle unused/refusal', 'a release'])
    expect(work).not.toHaveBeenCalled()
    expect(internal).toEqual([])
    expect(pipeline.inFlight).toBe(0)
  })

  it('an admit that throws in an inner stage is `ignored` further out', async () => {
    const log: string[] = []
    const bug = new Error('bug')
    const { pipeline } = on([logged(log, 'a'), repeat(1), logged(log, 'b', { admit: () => { throw bug } })])
    await expect(pipeline.run(ok)).rejects.toBe(bug)
    expect(log).toEqual(['a admit', 'b admit', 'a settle ignored/work', 'a release'])
  })

  it.each(['settle', 'release'] as const)('a throwing %s skips no other guard, changes no answer, and is told to onInternalError', async (hook) => {
    const log: string[] = []
    const bug = new Error('bug')
    const { pipeline, internal } = on([logged(log, 'a'), logged(log, 'b', { [hook]: () => { throw bug } }), logged(log, 'c')])
    expect(await pipeline.run(ok)).toBe('fine')
    expect(log.slice(3)).toEqual(['c settle success/work', 'b settle success/work', 'a settle success/work', 'c release', 'b release', 'a release'])
    expect(internal).toEqual([bug])
  })

  it.each(['settle', 'release'] as const)('a throwing %s skips nobody when a refusal unwinds', async (hook) => {
    const log: string[] = []
    const bug = new Error('bug')
    const { pipeline, internal } = on([logged(log, 'a'), logged(log, 'b', { [hook]: () => { throw bug } }), logged(log, 'c', { admit: () => no('c') })])
    await expect(pipeline.run(ok)).rejects.toThrow(BulkheadFullError)
    expect(log.slice(3)).toEqual(['b settle unused/refusal', 'a settle unused/refusal', 'b release', 'a release'])
    expect(internal).toEqual([bug])
  })

  it.each(['settle', 'release'] as const)('an onInternalError that throws too changes nothing for a throwing %s', async (hook) => {
    const log: string[] = []
    const heard: string[] = []
    const bug = (): never => {
      throw new Error('bug')
    }
    const { pipeline } = on([logged(log, 'a'), logged(log, 'b', { [hook]: bug })], { onInternalError: bug })
    const before = pipeline.on('call.settled', ({ type }) => heard.push(type))
    const answer = await Promise.race([pipeline.run(ok), new Promise((done) => setImmediate(done, 'no answer'))])
    // Events of other calls must not be held back either: were the loop never closed, none would be told again.
    const { pipeline: other } = on([logged([], 'x')])
    other.on('call.settled', ({ type }) => heard.push(type))
    await other.run(ok)
    before()
    expect(answer).toBe('fine')
    expect(log.slice(2)).toEqual(['b settle success/work', 'a settle success/work', 'b release', 'a release'])
    expect(heard).toEqual(['call.settled', 'call.settled'])
  })

  it('an asynchronous admit is a TypeError on its first use, and nothing stays admitted', async () => {
    const log: string[] = []
    const { pipeline } = on([logged(log, 'a'), logged(log, 'b', { admit: () => Promise.resolve({}) })])
    const error = await pipeline.run(ok).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(TypeError)
    expect((error as Error).message).toMatch(/admit.*"b".*promise/)
    expect(log).toEqual(['a admit', 'b admit', 'a settle unused/refusal', 'a release'])
  })

  it('an asynchronous admit that rejects leaves no unhandled rejection', async () => {
    const { pipeline } = on([logged([], 'b', { admit: () => Promise.reject(new Error('bug')) })])
    await expect(pipeline.run(ok)).rejects.toThrow(TypeError)
  })

  it.each([[undefined], [null], [3], ['yes'], [true]])('an admit that answers %s is a TypeError that names the guard', async (nonsense) => {
    const log: string[] = []
    const { pipeline } = on([logged(log, 'a'), logged(log, 'odd', { admit: () => nonsense })])
    const error = await pipeline.run(ok).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(TypeError)
    expect((error as Error).message).toContain('"odd"')
    expect((error as Error).message).toContain(typeof nonsense === 'string' ? '"yes"' : String(nonsense))
    expect(log).toEqual(['a admit', 'odd admit', 'a settle unused/refusal', 'a release'])
  })

  it('a permit is whatever object the guard likes, and comes back to it once each', async () => {
    const seen: object[] = []
    const permit = Object.freeze({ mine: true })
    const guard: Guard<typeof permit> = {
      kind: 'guard',
      name: 'p',
      admit: () => permit,
      settle: (mine) => void seen.push(mine),
      release: (mine) => void seen.push(mine),
    }
    await on([guard]).pipeline.run(ok)
    expect(seen).toEqual([permit, permit])
    expect(seen.every((one) => one === permit)).toBe(true)
  })

  it('a guard needs neither settle nor release', async () => {
    expect(await on([{ kind: 'guard', name: 'bare', admit: () => ({}) }]).pipeline.run(ok)).toBe('fine')
  })

  it('each attempt of a call has a permit of its own', async () => {
    const log: string[] = []
    let n = 0
    const { pipeline } = on([repeat(3), logged(log, 'a')])
    await pipeline.run(() => (++n < 3 ? down() : ok()))
    expect(log).toEqual([1, 2, 3].flatMap((i) => ['a admit', `a settle ${i < 3 ? 'failure' : 'success'}/work`, 'a release']))
  })

  it('calls side by side keep their permits apart', async () => {
    const out = new Set<object>()
    const guard: Guard = { kind: 'guard', name: 'p', admit: () => { const p = {}; out.add(p); return p }, release: (p) => expect(out.delete(p)).toBe(true) }
    const { pipeline } = on([guard])
    await Promise.all(Array.from({ length: 20 }, (_, i) => pipeline.tryRun(() => (i % 2 === 0 ? ok() : down()))))
    expect(out.size).toBe(0)
  })

  describe('binds', () => {
    it('each policy once, and tells it its host', () => {
      const hosts: Host[] = []
      const clock = manualClock()
      const guard: Guard = { kind: 'guard', name: 'b', admit: () => ({}), pressure: () => 0.4, bind: (host) => void hosts.push(host) }
      const due: Guard = { kind: 'guard', name: 'due', admit: () => ({}), probeDue: () => true, pressure: () => 0.7 }
      on([guard, due, timeout(300), repeat(2), timeout(70)], { clock, random: () => 0.25 })
      on([guard], { clock })
      expect(hosts.length).toBe(1)
      const [host] = hosts
      expect(host).toMatchObject({ pipeline: 'quotes', clock, timeoutMs: 70 })
      expect(host!.random()).toBe(0.25)
      expect(host!.pressure()).toBe(0.7)
      expect(host!.probeDue()).toBe(true)
    })

    it('a host without timeouts, pressure or probes says so', () => {
      let host: Host | undefined
      on([{ kind: 'guard', name: 'b', admit: () => ({}), bind: (said) => void (host = said) }])
      expect([host!.timeoutMs, host!.pressure(), host!.probeDue()]).toEqual([Infinity, 0, false])
    })

    it('a policy that stands in the list twice is a TypeError', () => {
      const twice = timeout(5)
      expect(() => on([twice, repeat(2), twice])).toThrow(TypeError)
      expect(() => on([twice, repeat(2), twice])).toThrow(/policies\[2\].*"timeout".*twice/)
    })

    it('a policy under another clock is a TypeError that names it', () => {
      const shared = timeout(5, { name: 'shared' })
      on([shared])
      expect(() => on([shared])).toThrow(TypeError)
      expect(() => on([shared])).toThrow(/"shared".*another clock/)
    })

    it('a build that fails binds none of its policies', () => {
      const mine = manualClock()
      const shared = timeout(5)
      on([shared], { clock: mine })
      const fresh = timeout(7)
      const bound: string[] = []
      const own: Guard = { kind: 'guard', name: 'own', admit: () => ({}), bind: () => void bound.push('bound') }
      expect(() => on([fresh, own, shared], { clock: manualClock() })).toThrow(TypeError)
      expect(bound).toEqual([])
      expect(() => on([fresh, own, shared], { clock: mine })).not.toThrow()
      expect(bound).toEqual(['bound'])
    })

    it('the list is copied: what is pushed to it later is no part of the pipeline', async () => {
      const log: string[] = []
      const list = [logged(log, 'a')]
      const { pipeline } = on(list)
      list.push(logged(log, 'b'))
      await pipeline.run(ok)
      expect(log.filter((line) => line.endsWith('admit'))).toEqual(['a admit'])
    })
  })

  describe('the deadline', () => {
    it('may be lowered by a guard', async () => {
      const log: string[] = []
      const { pipeline, clock } = on([logged(log, 'low', { admit: (a) => { a.deadline = a.now() + 40; return {} } })])
      const answer = pipeline.tryRun(() => new Promise(() => {}))
      await clock.advance(40)
      expect(await answer).toMatchObject({ ok: false, error: { name: 'TimeoutError', policy: 'low' } })
      expect(log).toEqual(['low admit', 'low settle overload/timeout'])
    })

    it('is not raised by a guard', async () => {
      const seen: number[] = []
      const raise = logged([], 'raise', { admit: (a) => { a.deadline = Infinity; return {} } })
      const { pipeline, clock } = on([timeout(100), raise, logged([], 'see', { admit: (a) => (seen.push(a.deadline), {}) })])
      const answer = pipeline.tryRun(() => new Promise(() => {}))
      await clock.advance(100)
      expect(await answer).toMatchObject({ ok: false, error: { name: 'TimeoutError' } })
      expect(seen).toEqual([100])
    })

    it('of two timeouts in a stage the shorter one holds', async () => {
      for (const [a, b] of [[50, 80], [80, 50]] as const) {
        const { pipeline, clock } = on([timeout(a, { name: `t${a}` }), timeout(b, { name: `t${b}` })])
        const answer = pipeline.tryRun(() => new Promise(() => {}))
        await clock.advance(50)
        expect(await answer).toMatchObject({ ok: false, error: { policy: 't50' } })
      }
    })

    it('of what encloses the layer is the `outerDeadline`', async () => {
      const seen: number[][] = []
      const { pipeline } = on([timeout(100), repeat(2), timeout(30)])
      await pipeline.run((a) => (seen.push([a.deadline, a.outerDeadline]), ok()), { timeoutMs: 500 })
      expect(seen).toEqual([[30, 100]])
    })
  })

  describe('time', () => {
    const stampOf = async (policies: Guard[], options = {}, listen = false): Promise<number> => {
      const { pipeline } = on(policies, { clock: manualClock(7), ...options })
      if (listen) pipeline.on('call.refused', () => {})
      let startedAt = -1
      await pipeline.run((a) => ((startedAt = a.startedAt), ok()))
      return startedAt
    }

    it('startedAt is NaN unless somebody needs it', async () => {
      expect(await stampOf([logged([], 'a')])).toBeNaN()
      expect(await stampOf([logged([], 'a', { timed: true })])).toBe(7)
      expect(await stampOf([timeout(9)])).toBe(7)
      expect(await stampOf([], { observers: [{}] })).toBe(7)
      expect(await stampOf([], {}, true)).toBe(7)
    })

    it('now() stamps it for whoever asks, and stays the same for the others', async () => {
      const clock = manualClock(7)
      const seen: number[] = []
      const { pipeline } = on(
        [
          logged([], 'a', { admit: (a) => (seen.push(a.now()), {}) }),
          logged([], 'b', { admit: (a) => { clock.tick(5); seen.push(a.now(), a.startedAt); return {} } }),
        ],
        { clock },
      )
      await pipeline.run((a) => (seen.push(a.startedAt), ok()))
      expect(seen).toEqual([7, 7, 7, 7])
    })

    it('a call that nobody times reads no clock', async () => {
      let reads = 0
      const still = manualClock()
      const clock = { now: () => (reads++, still.now()), after: still.after.bind(still) }
      const made = build('quotes', [logged([], 'a'), repeat(2), logged([], 'b')], { clock })
      await made.run(ok)
      await made.tryRun(() => Promise.reject(new TypeError('no')))
      expect(reads).toBe(0)
    })

    it('settledAt is read once for all guards, when the first one asks', async () => {
      const clock = manualClock()
      const seen: number[] = []
      const { pipeline } = on(
        [
          logged([], 'a', { settle: ({ settledAt }) => void seen.push(settledAt) }),
          logged([], 'b', { settle: ({ settledAt }) => { seen.push(settledAt); clock.tick(9) } }),
        ],
        { clock },
      )
      await pipeline.run(() => (clock.tick(3), ok()))
      expect(seen).toEqual([3, 3])
    })
  })

  it('every hook gets the same attempt, and the function too', async () => {
    const seen = new Set<Attempt>()
    const { pipeline } = on([logged([], 'a', { admit: (a) => (seen.add(a), {}), settle: (_s, a) => void seen.add(a), release: (a) => void seen.add(a) })])
    await pipeline.run((a) => (seen.add(a), ok()))
    expect(seen.size).toBe(1)
  })

  it('a guard that runs another pipeline within admit disturbs neither', async () => {
    const log: string[] = []
    const inner = on([logged(log, 'inner')])
    const answers: Promise<unknown>[] = []
    const { pipeline } = on([logged(log, 'a', { admit: () => (answers.push(inner.pipeline.run(ok)), {}) }), logged(log, 'b')])
    expect(await pipeline.run(ok)).toBe('fine')
    expect(await answers[0]).toBe('fine')
    expect(log.filter((line) => line.startsWith('inner'))).toEqual(['inner admit', 'inner settle success/work', 'inner release'])
  })

  it('guards that keep nothing are told by one record, and yet each what it is about', async () => {
    const log: string[] = []
    const seen = new Set<object>()
    const guard = brief({
      ...logged(log, 'a'),
      settle(_permit, settled, { number }) {
        seen.add(settled)
        // A call of the same pipeline that ends within this hook.
        if (log.length < 3) void calls.tryRun(() => 1, { priority: 'low' })
        log.push(`${number} ${settled.verdict}/${settled.endedBy}`)
      },
    })
    const second = logged(log, 'b', { admit: ({ priority }) => (priority === 'low' ? no('b') : {}) })
    const calls = build('p', [guard, brief({ ...second, settle: () => {} })])
    for (let n = 0; n < 3; n++) await calls.run(() => n)
    expect(log.filter((line) => line.includes('/'))).toEqual(['1 unused/refusal', '1 success/work', '1 success/work', '1 success/work'])
    expect(seen.size).toBe(2)
  })

  it('an attempt of one’s own is no member of any pipeline', () => {
    const clock = manualClock(4)
    const a = ownAttempt({ clock, priority: 'high', timeoutMs: 6 })
    expect([a.number, a.priority, a.deadline, a.startedAt, a.now()]).toEqual([1, 'high', 10, NaN, 4])
  })
})
