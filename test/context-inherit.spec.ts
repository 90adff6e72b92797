import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { attempt, type Attempt, bulkhead, DeadlinePassedError, keyed, pipeline, type Priority, subLevelOf as salted, timeout } from '../src/index.ts'
import { currentContext, subLevelOf, withContext, withoutContext } from '../src/context/index.ts'
import { manualClock } from '../src/testing/index.ts'

const facts = ({ priority, deadline, call }: Attempt): unknown => ({ priority, deadline, subLevel: call.subLevel, trace: call.trace?.traceId })
const trace = { traceId: '0af7651916cd43dd8448eb211c80319c' }

describe('withContext', () => {
  it('gives every call within its priority, sub-level, trace and what is left of its time', async () => {
    const clock = manualClock()
    const quotes = pipeline('quotes', [], { clock })
    const seen = await withContext({ priority: 'high', subLevel: 7, timeoutMs: 500, trace, clock }, async () => {
      const first = await quotes.run(facts)
      await clock.advance(200)
      await sleep(1)
      return [first, await quotes.run(facts)]
    })
    const expected = { priority: 'high', deadline: 500, subLevel: 7, trace: trace.traceId }
    expect(seen).toEqual([expected, expected])
    expect(await quotes.run(facts)).toEqual({ priority: 'normal', deadline: Infinity, subLevel: undefined, trace: undefined })
  })

  it('also those of a keyed pipeline, which keep their key, and of wrap, bind and tryRun', async () => {
    const clock = manualClock()
    const all = keyed((key) => pipeline(key, [], { clock }))
    await withContext({ priority: 'low', clock }, async () => {
      expect(await all.run('a', ({ priority, call }: Attempt) => [priority, call.key])).toEqual(['low', 'a'])
      expect(await pipeline('a', [], { clock }).bind(({ priority }: Attempt) => priority)()).toBe('low')
      expect(await pipeline('a', [], { clock }).tryRun(({ priority }) => priority)).toMatchObject({ value: 'low' })
    })
  })

  it('also an attempt of one’s own', () => {
    const clock = manualClock()
    withContext({ priority: 'low', timeoutMs: 500, trace, clock }, () => expect(facts(attempt({ clock }))).toEqual({ priority: 'low', deadline: 500, subLevel: undefined, trace: trace.traceId }))
  })

  it('what a call says itself comes first', async () => {
    const clock = manualClock()
    const quotes = pipeline('quotes', [], { clock })
    await withContext({ priority: 'high', subLevel: 7, timeoutMs: 500, trace, clock }, async () => {
      const own = { traceId: 'f'.repeat(32) }
      expect(await quotes.run(facts, { priority: 'low', subLevel: 1, trace: own })).toEqual({ priority: 'low', deadline: 500, subLevel: 1, trace: own.traceId })
      // The earlier one counts, unless it says a point in time itself.
      expect(await quotes.run(facts, { timeoutMs: 100 })).toMatchObject({ deadline: 100 })
      expect(await quotes.run(facts, { timeoutMs: 900 })).toMatchObject({ deadline: 500 })
      expect(await quotes.run(facts, { deadline: 900 })).toMatchObject({ deadline: 900 })
      expect(await quotes.run(facts, { deadline: Infinity })).toMatchObject({ deadline: Infinity })
    })
  })

  it('an attempt brings what it has, and nothing else', async () => {
    const clock = manualClock()
    const outer = pipeline('outer', [timeout(300)], { clock })
    const inner = pipeline('inner', [], { clock })
    const seen = await outer.run((one) => withContext({ priority: 'critical', timeoutMs: 50, clock }, () => inner.run(facts, one)), { priority: 'low', trace })
    expect(seen).toEqual({ priority: 'low', deadline: 300, subLevel: undefined, trace: trace.traceId })
  })

  it('its deadline ends calls as the caller’s own does, and refuses those that come too late', async () => {
    const clock = manualClock()
    const quotes = pipeline('quotes', [bulkhead({ slots: 1 })], { clock })
    await withContext({ timeoutMs: 100, clock }, async () => {
      const hung = quotes.run(() => new Promise(() => {})).catch((error: unknown) => error)
      await clock.advance(100)
      expect(await hung).toMatchObject({ code: 'TIMEOUT', message: '"quotes" did not answer before its caller\'s deadline' })
      const error = await quotes.run(() => 1).catch((refused: unknown) => refused)
      expect(error).toBeInstanceOf(DeadlinePassedError)
      expect(currentContext()!.leftMs).toBe(0)
    })
  })

  it('contexts nest: the inner one says what it changes, and no deadline gets later', () => {
    const clock = manualClock()
    withContext({ priority: 'high', subLevel: 7, timeoutMs: 500, trace, clock }, () => {
      withContext({ priority: 'low' }, () => expect(currentContext()).toEqual({ priority: 'low', subLevel: 7, leftMs: 500, trace }))
      withContext({ timeoutMs: 100 }, () => expect(currentContext()).toMatchObject({ priority: 'high', leftMs: 100 }))
      withContext({ timeoutMs: 900 }, () => expect(currentContext()!.leftMs).toBe(500))
      withContext({ deadline: Infinity }, () => expect(currentContext()!.leftMs).toBe(500))
      withoutContext(() => expect(currentContext()).toBeUndefined())
      expect(currentContext()).toMatchObject({ priority: 'high', leftMs: 500 })
    })
    expect(currentContext()).toBeUndefined()
  })

  it('between two clocks the span that is left counts', async () => {
    const a = manualClock()
    const b = manualClock()
    await b.advance(10_000)
    await withContext({ timeoutMs: 500, clock: a }, async () => {
      await a.advance(200)
      expect(await pipeline('quotes', [], { clock: b }).run(facts)).toMatchObject({ deadline: 10_300 })
      withContext({ clock: b }, () => expect(currentContext()!.leftMs).toBe(300))
    })
  })

  it('says the id of the trace in every event of a call', async () => {
    const quotes = pipeline('quotes', [bulkhead({ slots: 0 })])
    const heard: unknown[] = []
    quotes.on('*', (event) => heard.push([event.type, 'trace' in event ? event.trace : undefined]))
    await withContext({ trace }, () => quotes.tryRun(() => 1))
    await quotes.tryRun(() => 1)
    expect(heard).toEqual([['call.refused', trace.traceId], ['call.settled', trace.traceId], ['call.refused', undefined], ['call.settled', undefined]])
  })

  it('returns what fn returns, and throws what it throws', () => {
    expect(withContext({}, () => 7)).toBe(7)
    expect(() => withContext({}, () => { throw new Error('mine') })).toThrow('mine')
  })

  it('refuses what makes no sense', () => {
    const no = (said: object): unknown => {
      try {
        return withContext(said, () => 'ran')
      } catch (error) {
        return `${(error as Error).name}: ${(error as Error).message}`
      }
    }
    expect(no({ priority: 'urgent' })).toMatch(/^RangeError: call.priority must be/)
    expect(no({ subLevel: 128 })).toMatch(/^RangeError: call.subLevel must be/)
    expect(no({ timeoutMs: -1 })).toMatch(/^RangeError: call.timeoutMs must be/)
    expect(no({ deadline: Date.now() })).toMatch(/^RangeError: call.deadline .* looks like Date.now/)
    expect(no({ trace: 'abc' })).toMatch(/^TypeError: call.trace must be/)
    expect(no({ priorty: 'high' })).toMatch(/"priorty".*priority/)
    expect(() => withContext({}, undefined as never)).toThrow(TypeError)
  })
})

describe('subLevelOf', () => {
  it('is that of the root, salted with the hour', () => {
    expect(subLevelOf('user-7', { now: 5 * 3_600_000 + 17 })).toBe(salted('user-7', 5))
  })

  it('is 0..127, the same for a key within its period, and another mix in the next', () => {
    fc.assert(fc.property(fc.string({ minLength: 1 }), fc.nat({ max: 4e12 }), (key, now) => {
      const at = (ms: number): number => subLevelOf(key, { now: ms })
      const level = at(now)
      expect(Number.isInteger(level) && level >= 0 && level <= 127).toBe(true)
      const start = Math.floor(now / 3_600_000) * 3_600_000
      expect([at(start), at(start + 3_599_999)]).toEqual([level, level])
    }))
    const keys = Array.from({ length: 2_000 }, (_, i) => `user-${i}`)
    const moved = keys.filter((key) => subLevelOf(key, { now: 0 }) !== subLevelOf(key, { now: 3_600_000 }))
    expect(moved.length).toBeGreaterThan(1_950)
  })

  it('spreads keys evenly', () => {
    const counts = new Map<number, number>()
    for (let i = 0; i < 12_800; i++) {
      const level = subLevelOf(`user-${i}`, { now: 1_800_000_000_000 })
      counts.set(level, (counts.get(level) ?? 0) + 1)
    }
    expect(counts.size).toBe(128)
    // 100 each on average: chi-squared of 127 degrees of freedom is under 200 in all but 1 of 30 000 cases.
    expect([...counts.values()].reduce((sum, n) => sum + (n - 100) ** 2 / 100, 0)).toBeLessThan(200)
  })

  it('refuses what makes no sense', () => {
    expect(() => subLevelOf('')).toThrow(TypeError)
    expect(() => subLevelOf('a', { rotateMs: 0 })).toThrow(RangeError)
    expect(() => subLevelOf('a', { now: Number.NaN })).toThrow(RangeError)
  })
})

const levels: Priority[] = ['critical', 'high', 'normal', 'low']
it('a context never lengthens a deadline nor costs a call its own priority', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.record({ timeoutMs: fc.option(fc.nat({ max: 1_000 }), { nil: undefined }), priority: fc.option(fc.constantFrom(...levels), { nil: undefined }) }), { maxLength: 5 }), fc.option(fc.constantFrom(...levels), { nil: undefined }), async (nested, own) => {
    const clock = manualClock()
    const quotes = pipeline('quotes', [], { clock })
    const go = (i: number): Promise<Attempt> => (i === nested.length ? quotes.run((one) => one, { priority: own }) : withContext({ ...nested[i], clock }, () => go(i + 1)))
    const least = Math.min(Infinity, ...nested.map(({ timeoutMs = Infinity }) => timeoutMs))
    if (least === 0) {
      expect(await go(0).catch((error: unknown) => error)).toBeInstanceOf(DeadlinePassedError)
      return
    }
    const one = await go(0)
    expect(one.deadline).toBe(least)
    expect(one.priority).toBe(own ?? nested.map(({ priority }) => priority).findLast((priority) => priority !== undefined) ?? 'normal')
  }))
})
