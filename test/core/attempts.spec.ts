import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it, vi } from 'vitest'
import { again, type Attempt, type Outcome, pipeline as makePipeline, timeout, TimeoutError } from 'spillway'
import { deferred, jobs, logged, no, on, queue, race, repeat, step, surround, watch } from '../support/guards.ts'

const ok = (): Promise<string> => Promise.resolve('fine')
const down = (): Promise<never> => Promise.reject(new Error('down'))

describe('the attempts of a call', () => {
  it('are numbered over retries and forks', async () => {
    const numbers: number[] = []
    const { pipeline } = on([repeat(2), race()])
    const answer = await pipeline.tryRun((a) => (numbers.push(a.number), down()))
    expect(numbers).toEqual([1, 2, 3, 4])
    expect(answer.attempts).toBe(4)
  })

  it('count only what ran the function: a refused attempt has no number', async () => {
    const numbers: number[] = []
    let n = 0
    const { pipeline } = on([
      step('insist', (outcome, _a, previous) => (outcome.ok || previous?.memo === 3 ? outcome : again(0, ((previous?.memo as number) ?? 0) + 1))),
      logged([], 'gate', { admit: () => (++n <= 2 ? no() : {}) }),
    ])
    const answer = await pipeline.tryRun((a) => (numbers.push(a.number), ok()))
    expect(numbers).toEqual([1])
    expect(answer).toEqual({ ok: true, value: 'fine', attempts: 1 })
  })

  it('share their call', async () => {
    const calls = new Set<unknown>()
    const { pipeline } = on([logged([], 'out', { admit: (a) => (calls.add(a.call), {}) }), repeat(2), race()])
    await pipeline.tryRun((a) => (calls.add(a.call), down()), { key: 'k', operation: 'get', meta: 5, idempotent: false, subLevel: 3, priority: 'low' })
    expect(calls.size).toBe(1)
    expect([...calls][0]).toMatchObject({ pipeline: 'quotes', key: 'k', operation: 'get', meta: 5, idempotent: false, subLevel: 3, attempts: 4 })
  })

  it('have signals of their own', async () => {
    const { all, work } = jobs()
    const { pipeline, clock } = on([race()])
    const answer = watch(pipeline.run(work))
    const [first, second] = all
    expect(first!.attempt.signal).not.toBe(second!.attempt.signal)
    second!.succeed('quick')
    await clock.flush()
    expect(answer.value).toBe('quick')
    expect(first!.attempt.signal.aborted).toBe(true)
    expect(first!.attempt.signal.reason).toMatchObject({ message: 'lost' })
    expect(second!.attempt.signal.aborted).toBe(false)
  })

  it('a signal first read after the attempt was given up is aborted already', async () => {
    const { all, work } = jobs()
    const { pipeline, clock } = on([timeout(10)])
    watch(pipeline.run(work))
    await clock.advance(10)
    expect(all[0]!.attempt.signal.aborted).toBe(true)
    expect(all[0]!.attempt.signal.reason).toBeInstanceOf(TimeoutError)
  })

  it('a signal read after its attempt has ended is not aborted by a later close', async () => {
    const { all, work } = jobs()
    const { pipeline, clock } = on([logged([], 'a')])
    const first = pipeline.run(work)
    all[0]!.succeed()
    await first
    const { signal } = all[0]!.attempt
    watch(pipeline.run(work))
    const closed = pipeline.close({ graceMs: 5 })
    await clock.advance(5)
    expect(await closed).toBe(1)
    expect(signal.aborted).toBe(false)
  })

  it('a fork is bounded by what encloses its layer, never by what was lowered inside', async () => {
    const seen: number[] = []
    const { pipeline, clock } = on([timeout(100), surround('late', async (next, attempt) => {
      await next(attempt)
      return next(attempt.fork())
    }), timeout(30)])
    const answer = pipeline.run(async (a) => {
      seen.push(a.deadline)
      clock.tick(20)
      return ok()
    })
    await answer
    expect(seen).toEqual([30, 50])
  })

  it('the timeout of one fork leaves the other alone', async () => {
    const { all, work } = jobs()
    const spans = [10, 50]
    const { pipeline, clock } = on([
      surround('first-success', async (next, attempt) => {
        const [a, b] = [next(attempt), next(attempt.fork())]
        const first = await a
        return first.ok ? first : b
      }),
      logged([], 'span', { admit: (a) => { a.deadline = a.now() + spans.shift()!; return {} } }),
    ])
    const answer = watch(pipeline.run(work))
    await clock.advance(10)
    expect(all.map(({ attempt }) => attempt.signal.aborted)).toEqual([true, false])
    all[1]!.succeed('second')
    await clock.flush()
    expect(answer.value).toBe('second')
  })

  it('the caller’s abort ends all of them, inner first, the youngest first', async () => {
    const log: string[] = []
    const gone = new Error('gone')
    const controller = new AbortController()
    const { pipeline, clock } = on([logged(log, 'out'), race(), logged(log, 'in')])
    const answer = watch(
      pipeline.run(
        (a) => new Promise((_, reject) => a.signal.addEventListener('abort', () => (log.push(`signal ${a.number}`), reject(a.signal.reason as Error)))),
        { signal: controller.signal },
      ),
    )
    log.length = 0
    controller.abort(gone)
    expect(log).toEqual(['in settle ignored/caller', 'signal 2', 'in settle ignored/caller', 'signal 1', 'out settle ignored/caller'])
    await clock.flush()
    expect(answer.error).toBe(gone)
    expect(log.slice(5)).toEqual(['in release', 'in release', 'out release'])
  })

  it('the outer attempt is released only when the losers have ended', async () => {
    const log: string[] = []
    const { all, work } = jobs()
    const { pipeline, clock } = on([logged(log, 'out'), race()])
    const answer = watch(pipeline.run(work))
    all[1]!.succeed('quick')
    await clock.flush()
    expect(answer.value).toBe('quick')
    expect(log).toEqual(['out admit', 'out settle success/work'])
    expect(pipeline.inFlight).toBe(1)
    all[0]!.fail()
    await clock.flush()
    expect(log.at(-1)).toBe('out release')
    expect(pipeline.inFlight).toBe(0)
  })

  it('the outer attempt is released only when timed-out work has ended', async () => {
    const log: string[] = []
    const { all, work } = jobs()
    const { pipeline, clock } = on([logged(log, 'out'), repeat(2), logged(log, 'in'), timeout(10)])
    const answer = watch(pipeline.run(work))
    await clock.advance(10)
    all[1]!.succeed('second')
    await clock.flush()
    expect(answer.value).toBe('second')
    expect(log).toEqual(['out admit', 'in admit', 'in settle overload/timeout', 'in admit', 'in settle success/work', 'in release', 'out settle success/work'])
    all[0]!.succeed('late')
    await clock.flush()
    expect(log.slice(7)).toEqual(['in release', 'out release'])
  })

  it('the loser’s guards learn nothing', async () => {
    const log: string[] = []
    const { all, work } = jobs()
    const { pipeline, clock } = on([race(), logged(log, 'in')])
    watch(pipeline.run(work))
    all[0]!.succeed()
    await clock.flush()
    expect(log).toContain('in settle ignored/caller')
    expect(log).toContain('in settle success/work')
  })

  it('a loser that waits in a queue leaves it at once', async () => {
    const q = queue()
    const { all, work } = jobs()
    const { pipeline, clock } = on([race(), q])
    watch(pipeline.run(work))
    q.wake()
    await clock.flush()
    expect(q.waiting.length).toBe(1)
    all[0]!.succeed()
    await clock.flush()
    expect(q.waiting.length).toBe(0)
    expect([q.held, pipeline.inFlight]).toEqual([0, 0])
  })

  it('an attempt cancelled before it is run does not start', async () => {
    const work = vi.fn(ok)
    const { pipeline } = on([surround('cancel', (next, attempt) => {
      const fork = attempt.fork()
      fork.cancel(new Error('lost'))
      return next(fork)
    })])
    expect(await pipeline.tryRun(work)).toMatchObject({ ok: false, attempts: 0, error: { message: 'lost' } })
    expect(work).not.toHaveBeenCalled()
    expect(pipeline.inFlight).toBe(0)
  })

  it('a cancelled attempt answers its `next` at once, as ended by the caller', async () => {
    const outcomes: Outcome<unknown>[] = []
    const { all, work } = jobs()
    const { pipeline, clock } = on([surround('cancel', async (next, attempt) => {
      const answer = next(attempt)
      attempt.cancel(new Error('lost'))
      const outcome = await answer
      outcomes.push(outcome)
      return outcome
    })])
    watch(pipeline.run(work))
    await clock.flush()
    expect(outcomes).toMatchObject([{ ok: false, verdict: 'ignored', endedBy: 'caller', error: { message: 'lost' } }])
    all[0]!.succeed()
    await clock.flush()
    expect(pipeline.inFlight).toBe(0)
  })

  it('to cancel an attempt that has ended changes nothing', async () => {
    const { pipeline } = on([surround('cancel', async (next, attempt) => {
      const outcome = await next(attempt)
      attempt.cancel()
      attempt.cancel()
      return outcome
    })])
    expect(await pipeline.run(ok)).toBe('fine')
  })

  it('to cancel an attempt that a retry inside repeats ends the repeats too', async () => {
    for (const delayMs of [0, 50]) {
      const { all, work } = jobs()
      const { pipeline, clock } = on([
        surround('first', async (next, attempt) => {
          const fork = attempt.fork()
          const loser = next(attempt)
          const outcome = await next(fork)
          attempt.cancel(new Error('lost'))
          await loser
          return outcome
        }),
        repeat(3, delayMs),
      ])
      const answer = watch(pipeline.run(work))
      all[0]!.fail()
      await clock.flush()
      const others = all.length
      all[1]!.succeed('won')
      await clock.flush()
      expect(answer.value).toBe('won')
      // Where the second try ran already, its signal says so; none begins any more.
      if (others > 2) expect(all[2]!.attempt.signal.aborted).toBe(true)
      for (const job of all) job.fail()
      await clock.advance(500)
      expect(all.length).toBe(others)
      expect([pipeline.inFlight, clock.pending]).toEqual([0, 0])
    }
  })

  it('to cancel an attempt that a surround inside has forked ends its forks too', async () => {
    const { all, work } = jobs()
    const { pipeline, clock } = on([
      surround('first', async (next, attempt) => {
        const loser = next(attempt)
        const outcome = await next(attempt.fork())
        attempt.cancel(new Error('lost'))
        await loser
        return outcome
      }),
      surround('forks', (next, attempt) => next(attempt.fork())),
    ])
    const answer = watch(pipeline.run(work))
    all[1]!.succeed('won')
    await clock.flush()
    expect(answer.value).toBe('won')
    expect(all[0]!.attempt.signal.aborted).toBe(true)
    all[0]!.fail()
    await clock.flush()
    expect(pipeline.inFlight).toBe(0)
  })
})

describe('layers', () => {
  it('[guard, retry, guard]: the outer guard sees one attempt, the inner one each', async () => {
    const log: string[] = []
    let n = 0
    const { pipeline } = on([logged(log, 'out'), repeat(3), logged(log, 'in')])
    await pipeline.run(() => (++n === 1 ? down() : ok()))
    expect(log).toEqual([
      'out admit',
      'in admit', 'in settle failure/work', 'in release',
      'in admit', 'in settle success/work', 'in release',
      'out settle success/work', 'out release',
    ])
  })

  it('two retries, one in the other: each counts for itself, and the inner one afresh each time', async () => {
    let runs = 0
    const { pipeline } = on([repeat(2, 0, 'outer'), repeat(3, 0, 'inner')])
    await pipeline.tryRun(() => (runs++, down()))
    expect(runs).toBe(6)
  })

  it('the same with a stage between them', async () => {
    let runs = 0
    const { pipeline } = on([repeat(2, 0, 'outer'), logged([], 'between'), repeat(3, 0, 'inner')])
    await pipeline.tryRun(() => (runs++, down()))
    expect(runs).toBe(6)
  })

  it('retry in a surround in a retry: what a retry remembers is kept per path', async () => {
    let runs = 0
    const memos: unknown[] = []
    const inner = step('inner', (outcome, _attempt, previous) => {
      memos.push(previous?.memo)
      const tries = ((previous?.memo as number | undefined) ?? 0) + 1
      return outcome.ok || tries >= 2 ? outcome : again(0, tries)
    })
    const all = surround('all', async (next, attempt) => {
      const said = await Promise.all([next(attempt), next(attempt.fork())])
      return said[1]
    })
    const { pipeline } = on([repeat(2, 0, 'outer'), all, inner])
    await pipeline.tryRun(() => (runs++, down()))
    expect(runs).toBe(8)
    expect([memos.length, memos.filter((memo) => memo === 1).length]).toEqual([8, 4])
  })

  it('a surround that never calls next answers in the place of the work', async () => {
    const log: string[] = []
    const work = vi.fn(ok)
    const { pipeline } = on([logged(log, 'out'), surround('cache', () => Promise.resolve({ ok: true, value: 'hit', verdict: 'ignored' })), logged(log, 'in')])
    expect(await pipeline.tryRun(work)).toEqual({ ok: true, value: 'hit', attempts: 0 })
    expect(work).not.toHaveBeenCalled()
    expect(log).toEqual(['out admit', 'out settle ignored/work', 'out release'])
  })

  it('calls that share one passage: the followers count as ignored, and an abort ends only its own wait', async () => {
    const log: string[] = []
    const { all, work } = jobs()
    let leader: Promise<Outcome<unknown>> | undefined
    const coalesce = surround('coalesce', (next, attempt) => {
      if (leader !== undefined) return leader.then((outcome) => ({ ...outcome, verdict: 'ignored' }) as Outcome<unknown>)
      return (leader = next(attempt))
    })
    const controller = new AbortController()
    const { pipeline, clock } = on([logged(log, 'out'), coalesce])
    const [a, b, c] = [pipeline.run(work), pipeline.run(work), pipeline.run(work, { signal: controller.signal })].map(watch)
    controller.abort('gone')
    await clock.flush()
    expect(c!.error).toBe('gone')
    all[0]!.succeed('shared')
    await clock.flush()
    expect([a!.value, b!.value, all.length, pipeline.inFlight]).toEqual(['shared', 'shared', 1, 0])
    expect(log.filter((line) => line.includes('settle')).toSorted()).toEqual(['out settle ignored/work', 'out settle success/work', 'out settle unused/caller'])
  })

  it('a surround that answers early and lets the rest run: the call counts until that has ended', async () => {
    const log: string[] = []
    const { all, work } = jobs()
    const stale = surround('stale', (next, attempt) => {
      void next(attempt)
      return Promise.resolve({ ok: true, value: 'stale', verdict: 'ignored' })
    })
    const { pipeline, clock } = on([logged(log, 'out'), stale, logged(log, 'in')])
    expect(await pipeline.run(work)).toBe('stale')
    expect(pipeline.inFlight).toBe(1)
    expect(log).toEqual(['out admit', 'in admit', 'out settle ignored/work'])
    all[0]!.succeed('fresh')
    await clock.flush()
    expect(log.slice(3)).toEqual(['in settle success/work', 'in release', 'out release'])
    expect(pipeline.inFlight).toBe(0)
  })

  it.each([['alone', false], ['within a stage', true]])('a surround that calls next after its call is over spoils no count: %s', async (_what, outer) => {
    const log: string[] = []
    const later = deferred()
    const refresh = surround('refresh', (next, attempt) => {
      void later.promise.then(() => next(attempt.fork()))
      return Promise.resolve({ ok: true, value: 'stale', verdict: 'ignored' })
    })
    const { pipeline, clock } = on([...(outer ? [logged(log, 'out')] : []), refresh, logged(log, 'in')])
    expect(await pipeline.run(ok)).toBe('stale')
    expect(pipeline.inFlight).toBe(0)
    later.resolve(undefined)
    await clock.flush()
    expect(pipeline.inFlight).toBe(0)
    expect(log.filter((line) => line.endsWith('release')).length).toBe(log.filter((line) => line.endsWith('admit')).length)
  })

  it('a surround that calls next after the caller has gone is told so, starts nothing, and spoils no count', async () => {
    const later = deferred()
    const outcomes: Outcome<unknown>[] = []
    const controller = new AbortController()
    const runs: Attempt[] = []
    const hedge = surround('hedge', async (next, attempt) => {
      const first = await next(attempt)
      await later.promise
      outcomes.push(await next(attempt.fork()))
      return first
    })
    const { pipeline, clock } = on([hedge])
    const answer = watch(pipeline.run((a) => (runs.push(a), ok()), { signal: controller.signal }))
    await clock.flush()
    controller.abort('gone')
    await clock.flush()
    expect([answer.error, pipeline.inFlight]).toEqual(['gone', 0])
    later.resolve(undefined)
    await clock.flush()
    expect(runs.length).toBe(1)
    expect(outcomes).toMatchObject([{ ok: false, error: 'gone', endedBy: 'caller' }])
    expect(pipeline.inFlight).toBe(0)
  })

  it('a surround that gives the same attempt to next twice leaks no permit', async () => {
    const log: string[] = []
    const { pipeline, clock } = on([
      surround('naive', async (next, attempt) => {
        await next(attempt)
        return next(attempt)
      }),
      logged(log, 'in'),
    ])
    await pipeline.tryRun(down)
    await clock.flush()
    const admitted = log.filter((line) => line === 'in admit').length
    expect(log.filter((line) => line === 'in release').length).toBe(admitted)
    expect(log.filter((line) => line.startsWith('in settle')).length).toBe(admitted)
    expect(pipeline.inFlight).toBe(0)
  })

  it('a next that takes no attempt of this call answers with a TypeError that names the layer', async () => {
    for (const wrong of [undefined, {}, 3]) {
      const { pipeline } = on([surround('odd', (next) => next(wrong as never))])
      await expect(pipeline.run(ok)).rejects.toThrow(/next of the layer "odd"/)
    }
    const other = on([])
    const { pipeline } = on([surround('odd', (next) => other.pipeline.run((foreign) => next(foreign)))])
    await expect(pipeline.run(ok)).rejects.toThrow(TypeError)
  })

  it.each([[undefined], [null], [3], [{}], [{ ok: true, value: 1 }], [{ ok: true, verdict: 'great' }], [[]]])('a layer that answers %j is a TypeError that names it, `ignored` further out', async (nonsense) => {
    for (const layer of [surround('odd', () => Promise.resolve(nonsense as never)), surround('odd', () => nonsense as never), step('odd', () => nonsense), step('odd', () => Promise.resolve(nonsense))]) {
      const log: string[] = []
      const { pipeline } = on([logged(log, 'out'), layer])
      const error = await pipeline.run(ok).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(TypeError)
      expect((error as Error).message).toContain('"odd"')
      expect(log.slice(1)).toEqual(['out settle ignored/work', 'out release'])
    }
  })

  it('what a layer throws is the call’s error, `ignored` further out', async () => {
    const bug = new Error('bug')
    const throws = (): never => {
      throw bug
    }
    for (const layer of [surround('odd', throws), surround('odd', () => Promise.reject(bug)), step('odd', throws), step('odd', () => Promise.reject(bug))]) {
      const log: string[] = []
      const { pipeline } = on([logged(log, 'out'), layer, logged(log, 'in')])
      await expect(pipeline.run(ok)).rejects.toBe(bug)
      expect(log.slice(-2)).toEqual(['out settle ignored/work', 'out release'])
      expect(pipeline.inFlight).toBe(0)
    }
  })

  it.each([[NaN], [-1], [Infinity]])('again(%s) is a RangeError', async (delayMs) => {
    const { pipeline } = on([step('odd', () => again(delayMs))])
    await expect(pipeline.run(ok)).rejects.toThrow(RangeError)
    await expect(pipeline.run(ok)).rejects.toThrow(/again.*"odd".*finite.*from 0 on/)
  })

  it('a back-off that does not fit the deadline is not slept: the last outcome is the answer at once', async () => {
    const { pipeline, clock } = on([timeout(100), repeat(2, 100)])
    const answer = watch(pipeline.run(down))
    await clock.flush()
    expect(answer.error).toMatchObject({ message: 'down' })
    expect(clock.pending).toBe(0)
  })

  it('the caller’s abort ends a back-off, and no further attempt starts', async () => {
    const controller = new AbortController()
    const work = vi.fn(down)
    const { pipeline, clock } = on([repeat(2, 100)])
    const answer = watch(pipeline.run(work, { signal: controller.signal }))
    await clock.advance(50)
    controller.abort('gone')
    await clock.flush()
    expect([answer.error, clock.pending, pipeline.inFlight]).toEqual(['gone', 0, 0])
    await clock.advance(100)
    expect(work).toHaveBeenCalledOnce()
  })

  it('a timeout further out ends a back-off with the last error as its cause', async () => {
    const log: string[] = []
    const { pipeline, clock } = on([logged(log, 'out'), timeout(100), repeat(5, 60)])
    const answer = watch(pipeline.run(() => (clock.tick(10), down())))
    await clock.advance(100)
    expect(answer.error).toMatchObject({ message: 'down' })
    expect(log.slice(1)).toEqual(['out settle failure/work', 'out release'])
  })

  it('ten thousand immediate repeats need no stack', async () => {
    let n = 0
    const { pipeline, clock } = on([repeat(10_000)])
    const answer = pipeline.run(() => (++n < 10_000 ? down() : ok()))
    await clock.runAll()
    expect(await answer).toBe('fine')
  })

  it('endless immediate repeats starve nobody: the event loop has its turns, and the deadline comes', async () => {
    let turns = 0
    const ticking = setInterval(() => turns++, 1)
    const endless = makePipeline('endless', [repeat(Infinity)])
    await expect(endless.run(down, { timeoutMs: 200 })).rejects.toBeDefined()
    clearInterval(ticking)
    expect(turns).toBeGreaterThan(0)
  })

  it('a back-off goes on in the caller’s async context', async () => {
    const who = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    const { pipeline, clock } = on([repeat(3, 10)])
    const one = who.run('one', () => pipeline.tryRun(() => (seen.push(who.getStore()), down())))
    const two = who.run('two', () => pipeline.tryRun(() => (seen.push(who.getStore()), down())))
    await clock.runAll()
    await Promise.all([one, two])
    expect(seen.filter((name) => name === 'one').length).toBe(3)
    expect(seen.filter((name) => name === 'two').length).toBe(3)
  })

  it('a step outside a timeout runs in the caller’s async context, not in the timer’s', async () => {
    const who = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    const { pipeline, clock } = on([step('see', (outcome) => (seen.push(who.getStore()), outcome)), timeout(10)])
    const one = who.run('one', () => pipeline.tryRun(() => new Promise(() => {})))
    const two = who.run('two', () => pipeline.tryRun(() => new Promise(() => {})))
    await who.run('timer', () => clock.advance(10))
    await Promise.all([one, two])
    expect(seen).toEqual(['one', 'two'])
  })

  it('a step that waits is waited for', async () => {
    const said = deferred<Outcome<unknown>>()
    const log: string[] = []
    const { pipeline, clock } = on([logged(log, 'out'), step('slow', () => said.promise)])
    const answer = watch(pipeline.run(down))
    await clock.flush()
    expect(answer.state).toBe('pending')
    said.resolve({ ok: true, value: 'instead', verdict: 'ignored' })
    await clock.flush()
    expect(answer.value).toBe('instead')
    expect(log.slice(1)).toEqual(['out settle ignored/work', 'out release'])
  })

  it('a timeout around a step that waits ends the wait', async () => {
    const { pipeline, clock, discarded } = on([timeout(10), step('slow', () => said.promise)])
    const said = deferred<Outcome<unknown>>()
    const answer = watch(pipeline.run(down))
    await clock.advance(10)
    expect(answer.error).toBeInstanceOf(TimeoutError)
    said.resolve({ ok: true, value: 'late', verdict: 'ignored' })
    await clock.flush()
    expect(discarded).toEqual(['late'])
    expect(pipeline.inFlight).toBe(0)
  })
})
