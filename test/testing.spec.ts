import * as fc from 'fast-check'
import { describe, expect, expectTypeOf, it, vi } from 'vitest'
import { manualClock, scriptedUpstream, seededRandom, type ScriptedUpstream, type UpstreamCall } from '../src/testing/index.ts'

/** A promise chain of `links` links. */
async function chain(links: number): Promise<void> {
  for (let i = 0; i < links; i++) await Promise.resolve()
}

describe('manual clock', () => {
  it('stands still until it is moved', async () => {
    const clock = manualClock(1_000)
    expect(clock.now()).toBe(1_000)
    await clock.flush()
    expect(clock.now()).toBe(1_000)
    await clock.advance(50)
    expect(clock.now()).toBe(1_050)
    await clock.advanceTo(2_000)
    expect(clock.now()).toBe(2_000)
  })

  it('fires what is due, in order of time and then of setting, each at its time', async () => {
    const clock = manualClock()
    const log: string[] = []
    const write = (name: string) => () => void log.push(`${name} at ${clock.now()}`)
    clock.after(30, write('c'))
    clock.after(10, write('a'))
    clock.after(10, write('b'))
    clock.after(31, write('d'))
    await clock.advance(30)
    expect(log).toEqual(['a at 10', 'b at 10', 'c at 30'])
    expect(clock.now()).toBe(30)
    await clock.advance(0)
    expect(log).toHaveLength(3)
    await clock.advance(1)
    expect(log[3]).toBe('d at 31')
  })

  it('lets promise chains of any length end between two timers', async () => {
    const clock = manualClock()
    const log: string[] = []
    clock.after(10, () => void chain(10_000).then(() => log.push(`chain at ${clock.now()}`)))
    clock.after(11, () => void log.push('next timer'))
    await clock.advance(20)
    expect(log).toEqual(['chain at 10', 'next timer'])
  })

  it('counts what a promise chain arms, before it moves and on its way', async () => {
    const clock = manualClock()
    const log: number[] = []
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve))
    const work = async (): Promise<void> => {
      await chain(100)
      for (const ms of [10, 20, 30]) {
        await sleep(ms)
        log.push(clock.now())
        await chain(100)
      }
    }
    const done = work()
    await clock.advance(59)
    expect(log).toEqual([10, 30])
    await clock.advance(1)
    await done
    expect(log).toEqual([10, 30, 60])
  })

  it('does not fire what is cancelled, also by an earlier timer', async () => {
    const clock = manualClock()
    const never = vi.fn()
    clock.after(10, never)()
    clock.after(10, () => cancel())
    const cancel = clock.after(10, never)
    await clock.advance(20)
    cancel()
    expect(never).not.toHaveBeenCalled()
    expect([clock.armed, clock.pending]).toEqual([0, 0])
  })

  it('tells timers somebody waits for from those that were let go', () => {
    const clock = manualClock()
    const cancel = clock.after(10, () => {})
    clock.after(20, () => {}).unref?.()
    expect([clock.armed, clock.pending]).toEqual([2, 1])
    cancel.unref?.()
    cancel.unref?.()
    expect([clock.armed, clock.pending]).toEqual([2, 0])
    cancel.ref?.()
    cancel.ref?.()
    expect([clock.armed, clock.pending]).toEqual([2, 1])
    cancel()
    cancel()
    cancel.unref?.()
    cancel.ref?.()
    expect([clock.armed, clock.pending]).toEqual([1, 0])
    clock.tick(20)
    expect([clock.armed, clock.pending]).toEqual([0, 0])
  })

  it('goes on to the next timer somebody waits for', async () => {
    const clock = manualClock()
    const log: string[] = []
    clock.after(10, () => log.push('let go')).unref?.()
    clock.after(20, () => void log.push('a'))
    clock.after(30, () => void log.push('b'))
    expect(await clock.next()).toBe(true)
    expect([clock.now(), log]).toEqual([20, ['let go', 'a']])
    expect(await clock.next()).toBe(true)
    expect(await clock.next()).toBe(false)
    expect(clock.now()).toBe(30)
  })

  it('runs until nobody waits, and says so when that never comes', async () => {
    const clock = manualClock()
    let left = 5
    const again = (): void => void (left-- > 0 && clock.after(100, again))
    again()
    clock.after(1e9, () => {}).unref?.()
    await clock.runAll()
    expect(clock.now()).toBe(500)

    const ever = (): void => void clock.after(1, ever)
    ever()
    await expect(clock.runAll(100)).rejects.toThrow(new RangeError('manualClock.runAll: timers still pending after 100 fired; something re-arms for ever'))
  })

  it('takes movements that overlap one after the other', async () => {
    const clock = manualClock()
    const log: string[] = []
    clock.after(10, () => void log.push(`a at ${clock.now()}`))
    clock.after(15, () => void log.push(`b at ${clock.now()}`))
    await Promise.all([clock.advance(10), clock.advance(10)])
    expect(log).toEqual(['a at 10', 'b at 15'])
    expect(clock.now()).toBe(20)
  })

  it('ticks for synchronous tests, also from within a timer', async () => {
    const clock = manualClock()
    const log: number[] = []
    clock.after(10, () => void log.push(clock.now()))
    clock.tick(9)
    expect(log).toEqual([])
    clock.tick(1)
    expect(log).toEqual([10])

    clock.after(10, () => clock.tick(100))
    await clock.advance(20)
    expect(clock.now()).toBe(120)
  })

  it('rejects with what a timer throws, and goes on after it', async () => {
    const clock = manualClock()
    const after = vi.fn()
    clock.after(10, () => { throw new Error('a bug') })
    clock.after(20, after)
    await expect(clock.advance(30)).rejects.toThrow('a bug')
    await clock.advance(30)
    expect(after).toHaveBeenCalledTimes(1)
    expect(clock.now()).toBe(40)
  })

  it('says what is wrong with a number', async () => {
    const clock = manualClock(10)
    expect(() => manualClock(NaN)).toThrow(new RangeError('manualClock startMs must be a finite number, got NaN'))
    expect(() => clock.after(-1, () => {})).toThrow(new RangeError('manualClock.after ms must be a number from 0 on, got -1'))
    expect(() => clock.tick(-1)).toThrow(RangeError)
    expect(() => clock.tick(Infinity)).toThrow(new RangeError('manualClock.advance ms must be a finite number, got Infinity'))
    await expect(clock.advance(NaN)).rejects.toThrow(RangeError)
    await expect(clock.advance('5' as never)).rejects.toThrow(TypeError)
    await expect(clock.advanceTo(9)).rejects.toThrow(new RangeError('manualClock.advanceTo at must be a time from now (10) on, got 9'))
    expect(clock.now()).toBe(10)
  })

  it('works under fake timers', async () => {
    vi.useFakeTimers()
    const clock = manualClock()
    const fired = vi.fn()
    clock.after(10, fired)
    await clock.advance(10)
    expect(fired).toHaveBeenCalledTimes(1)
    vi.useRealTimers()
  })

  it('works where there is no setImmediate', async () => {
    vi.stubGlobal('setImmediate', undefined)
    vi.resetModules()
    const { manualClock: inBrowser } = await import('../src/testing/manual-clock.ts')
    const clock = inBrowser()
    const log: string[] = []
    clock.after(10, () => void chain(1_000).then(() => log.push('chain')))
    clock.after(10, () => void log.push('next timer'))
    await clock.advance(10)
    expect(log).toEqual(['chain', 'next timer'])
    vi.unstubAllGlobals()
  })

  it('fires the same in one movement and in many', async () => {
    const spans = fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 8 })
    const fired = async (delays: number[], steps: number[]): Promise<string[]> => {
      const clock = manualClock()
      const log: string[] = []
      delays.forEach((ms, i) => clock.after(ms, () => {
        log.push(`${i} at ${clock.now()}`)
        if (i % 2 === 0) clock.after(ms / 2, () => void log.push(`${i} again at ${clock.now()}`))
      }))
      for (const step of steps) await clock.advance(step)
      return log
    }
    await fc.assert(fc.asyncProperty(spans, spans, async (delays, steps) => {
      const whole = steps.reduce((sum, step) => sum + step, 0)
      expect(await fired(delays, steps)).toEqual(await fired(delays, steps.length === 0 ? [] : [whole]))
    }))
  })
})

describe('scripted upstream', () => {
  /** What a pipeline passes on; counts how often the signal is read. */
  function attempt(number = 1): { number: number, readonly signal: AbortSignal, reads: number, abort(reason: unknown): void } {
    const controller = new AbortController()
    return {
      number,
      reads: 0,
      get signal() {
        this.reads++
        return controller.signal
      },
      abort: (reason) => controller.abort(reason),
    }
  }

  it('answers what it was told, call by call, and then what always holds', async () => {
    const upstream = scriptedUpstream<string>()
    const down = new Error('down')
    upstream.succeed('a').fail(down).succeed('b', { times: 2 }).fail()
    expect(await upstream()).toBe('a')
    await expect(upstream()).rejects.toBe(down)
    expect([await upstream(), await upstream()]).toEqual(['b', 'b'])
    await expect(upstream()).rejects.toThrow(new Error('scripted failure'))
    expect(await upstream()).toBeUndefined()
    upstream.always.fail(down)
    await expect(upstream()).rejects.toBe(down)
    expect(await upstream.succeed('once')()).toBe('once')
    await expect(upstream()).rejects.toBe(down)
    upstream.always.succeed('up')
    expect(await upstream()).toBe('up')
  })

  it('answers without end where it is told so', async () => {
    const upstream = scriptedUpstream<number>().succeed(1, { times: Infinity }).succeed(2)
    for (let i = 0; i < 100; i++) expect(await upstream()).toBe(1)
  })

  it('answers later on its clock', async () => {
    const clock = manualClock(1_000)
    const upstream = scriptedUpstream<string>({ clock })
    upstream.later(50, { ok: true, value: 'a' }).later(20, { ok: false, error: 'b' })
    const answers = Promise.allSettled([upstream(), upstream()])
    await clock.advance(20)
    expect(upstream.calls.map(({ at, endedAt }) => [at, endedAt])).toEqual([[1_000, NaN], [1_000, 1_020]])
    await clock.advance(30)
    expect(await answers).toEqual([{ status: 'fulfilled', value: 'a' }, { status: 'rejected', reason: 'b' }])
    expect(upstream.calls[0]!.endedAt).toBe(1_050)
  })

  it('hangs until its signal is aborted', async () => {
    const upstream = scriptedUpstream().hang()
    const first = attempt()
    const answer = upstream(first)
    first.abort('given up')
    await expect(answer).rejects.toBe('given up')
    expect(upstream.calls[0]).toMatchObject({ aborted: true, number: 1 })
    expect(upstream.inFlight).toBe(0)

    await expect(upstream.hang()(first)).rejects.toBe('given up')
    await expect(upstream.hang()({ signal: AbortSignal.abort(undefined) })).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('goes on although its signal is aborted, if told so', async () => {
    const clock = manualClock()
    const upstream = scriptedUpstream<string>({ clock })
    upstream.hang({ ignoreAbort: true }).later(50, { ok: true, value: 'late' }, { ignoreAbort: true }).later(50, { ok: true, value: 'never' })
    const one = attempt()
    const answers = Promise.allSettled([upstream(one), upstream(one)])
    expect(one.reads).toBe(0)
    const third = upstream(one)
    one.abort('given up')
    await expect(third).rejects.toBe('given up')
    expect(upstream.inFlight).toBe(2)
    await clock.advance(50)
    expect(upstream.inFlight).toBe(1)
    upstream.calls[0]!.succeed('by hand')
    upstream.calls[0]!.fail()
    expect(await answers).toEqual([{ status: 'fulfilled', value: 'by hand' }, { status: 'fulfilled', value: 'late' }])
    expect(clock.armed).toBe(0)
  })

  it('is answered by hand', async () => {
    const clock = manualClock()
    const upstream = scriptedUpstream({ clock })
    upstream.always.later(1_000, { ok: true, value: 'never' })
    const one = attempt()
    const answers = Promise.allSettled([upstream(one), upstream(one)])
    upstream.calls[0]!.fail('now')
    upstream.calls[1]!.fail()
    expect(await answers).toMatchObject([{ reason: 'now' }, { reason: { message: 'scripted failure' } }])
    expect(clock.armed).toBe(0)
  })

  it('listens to the signal no longer than it must', async () => {
    const one = attempt()
    const added = vi.spyOn(one.signal, 'addEventListener')
    const removed = vi.spyOn(one.signal, 'removeEventListener')
    const upstream = scriptedUpstream().hang()
    void upstream(one)
    upstream.calls[0]!.succeed()
    expect(added).toHaveBeenCalledTimes(1)
    expect(removed.mock.calls).toEqual(added.mock.calls)
  })

  it('does not read the signal for an answer given at once', async () => {
    const one = attempt(3)
    await scriptedUpstream()(one)
    expect(one.reads).toBe(0)
  })

  it('records what it was called with, an attempt apart', () => {
    const upstream = scriptedUpstream()
    const { signal } = new AbortController()
    void upstream(attempt(2), 'id', 7)
    void upstream('id', { signal })
    void upstream()
    expect(upstream.calls.map(({ args }) => args)).toEqual([['id', 7], ['id', { signal }], []])
    expect(upstream.calls.map(({ number }) => number)).toEqual([2, undefined, undefined])
    expect(upstream.calls[1]!.signal).toBe(signal)
    expect(upstream.calls[2]).toMatchObject({ signal: undefined, aborted: false })
  })

  it('counts what is in flight', async () => {
    const upstream = scriptedUpstream().hang({ times: 3 })
    const answers = [upstream(), upstream(), upstream()]
    expect([upstream.inFlight, upstream.maxInFlight]).toEqual([3, 3])
    for (const call of upstream.calls) call.succeed()
    await Promise.all([...answers, upstream()])
    expect([upstream.inFlight, upstream.maxInFlight, upstream.calls.length]).toEqual([0, 3, 4])
  })

  it('runs on the system clock where it is given none', async () => {
    const upstream = scriptedUpstream<number>().later(1, { ok: true, value: 1 })
    expect(await upstream()).toBe(1)
    expect(upstream.calls[0]!.endedAt).toBeGreaterThan(upstream.calls[0]!.at)
  })

  it('says what is wrong with an option', () => {
    const upstream = scriptedUpstream()
    expect(() => scriptedUpstream({ clok: manualClock() } as never)).toThrow(new TypeError('scriptedUpstream has no option "clok"; did you mean "clock"?'))
    expect(() => upstream.succeed(1, { times: 0 })).toThrow(new RangeError('scriptedUpstream.times must be a whole number from 1 on, got 0'))
    expect(() => upstream.later(-1, { ok: true, value: 1 })).toThrow(RangeError)
    expect(() => upstream.hang({ ignoreAborts: true } as never)).toThrow(TypeError)
    expect(() => upstream.always.succeed(1, { times: 2 } as never)).toThrow(new TypeError('scriptedUpstream.always has no option "times"; it has ignoreAbort'))
  })

  it('has the type of the function that it stands for', () => {
    const upstream = scriptedUpstream<string>()
    expectTypeOf(upstream).toExtend<(attempt: { readonly signal: AbortSignal }) => Promise<string>>()
    expectTypeOf(upstream.succeed('a')).toEqualTypeOf<ScriptedUpstream<string>>()
    expectTypeOf(upstream.calls).toEqualTypeOf<readonly UpstreamCall<string>[]>()
    // @ts-expect-error -- a number is no string
    upstream.succeed(1)
    // @ts-expect-error -- `always` is for every further call
    expect(() => upstream.always.succeed('a', { times: 2 })).toThrow(TypeError)
  })
})

describe('seeded random', () => {
  /** sfc32 as PractRand writes it down, in unbounded integers. */
  function* reference(seed: number): Generator<number> {
    const mask = 0xffff_ffffn
    let a = 0n
    let b = BigInt(seed) & mask
    let c = BigInt(seed) >> 32n
    let counter = 1n
    for (let round = 0; ; round++) {
      const sum = (a + b + counter) & mask
      counter = (counter + 1n) & mask
      a = b ^ (b >> 9n)
      b = (c + (c << 3n)) & mask
      c = ((((c << 21n) & mask) | (c >> 11n)) + sum) & mask
      if (round >= 12) yield Number(sum) / 2 ** 32
    }
  }

  it('is sfc32, seeded as in PractRand', () => {
    fc.assert(fc.property(fc.maxSafeNat(), (seed) => {
      const random = seededRandom(seed)
      const expected = reference(seed)
      for (let i = 0; i < 50; i++) expect(random()).toBe(expected.next().value)
    }))
  })

  it('gives the same numbers for ever', () => {
    const random = seededRandom(1)
    expect([random(), random(), random()]).toMatchInlineSnapshot(`
      [
        0.4684900725260377,
        0.4359325869008899,
        0.39758921484462917,
      ]
    `)
  })

  it('is uniform in [0, 1), and one number says nothing about the next', () => {
    const draws = 200_000
    const random = seededRandom(42)
    const pairs = new Array<number>(100).fill(0)
    let last = random()
    let outside = 0
    for (let i = 0; i < draws; i++) {
      const value = random()
      if (value < 0 || value >= 1) outside++
      pairs[Math.floor(last * 10) * 10 + Math.floor(value * 10)]!++
      last = value
    }
    expect(outside).toBe(0)
    const expected = draws / 100
    const chiSquare = pairs.reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0)
    // 99 degrees of freedom: 99 ± 14; over 149 comes once in a thousand seeds.
    expect(chiSquare).toBeGreaterThan(60)
    expect(chiSquare).toBeLessThan(149)
  })

  it('gives other numbers for neighbouring seeds', () => {
    const firsts = new Set(Array.from({ length: 10_000 }, (_, seed) => seededRandom(seed)()))
    expect(firsts.size).toBeGreaterThan(9_990)
    expect(seededRandom(0)()).not.toBe(seededRandom(2 ** 32)())
  })

  it.each([-1, 0.5, NaN, 2 ** 53, Infinity])('refuses %d as a seed', (seed) => {
    expect(() => seededRandom(seed)).toThrow(RangeError)
  })
})
