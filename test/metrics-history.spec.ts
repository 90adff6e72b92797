import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Log } from '../src/metrics/log.ts'
import { plain } from '../src/metrics/plain.ts'
import { Shares } from '../src/metrics/shares.ts'
import { type BreakerStateName } from '../src/metrics/snapshot.ts'
import { States } from '../src/metrics/states.ts'

const MINUTES_15 = 900_000

describe('metrics history › states', () => {
  it('are, for any story, without gaps, in order, and end with the state of now', () => {
    const state = fc.constantFrom<BreakerStateName>('closed', 'open', 'halfOpen', 'isolated')
    fc.assert(
      fc.property(fc.array(fc.record({ state, waitMs: fc.nat(200_000) }), { maxLength: 60 }), fc.nat(1_000_000), (story, laterMs) => {
        const states = new States('closed', 0, null)
        let at = 0
        for (const one of story) states.enter(one.state, (at += one.waitMs), null)
        const now = at + laterMs
        const from = Math.max(0, now - MINUTES_15)
        const history = states.history(from)
        expect(history.at(-1)).toMatchObject({ state: story.at(-1)?.state ?? 'closed', to: null })
        expect(history[0]!.from).toBe(from > 0 ? Math.max(from, history[0]!.from) : 0)
        history.slice(1).forEach((segment, i) => expect(segment.from).toBe(history[i]!.to))
        expect(states.transitions().reduce((sum, { count }) => sum + count, 0)).toBe(story.length)
      }),
    )
  })

  it('cover the whole quarter of an hour, also where the last change was long before', () => {
    const states = new States('closed', 0, null)
    states.enter('open', 1_000, 'why')
    states.enter('halfOpen', 2_000, null)
    expect(states.history(5_000_000)).toEqual([{ state: 'halfOpen', from: 5_000_000, to: null, reason: null }])
  })

  it('are 500 at most: of more the oldest go', () => {
    const states = new States('closed', 0, null)
    for (let i = 1; i <= 5_000; i++) states.enter(i % 2 === 0 ? 'closed' : 'open', i, null)
    expect(states.history(0)).toHaveLength(500)
    expect(states.history(0).at(-1)!.from).toBe(5_000)
  })
})

describe('metrics history › shares', () => {
  it('tell changes at most once a second, and the latest of a second', () => {
    const shares = new Shares()
    shares.change(1, 0)
    shares.change(0.5, 2_000)
    shares.change(0.4, 2_500)
    shares.change(0.4, 10_000)
    shares.change(0.9, 20_000)
    expect(shares.history(0)).toEqual([{ at: 0, allow: 1 }, { at: 2_000, allow: 0.4 }, { at: 20_000, allow: 0.9 }])
    expect(shares.history(5_000)).toEqual([{ at: 5_000, allow: 0.4 }, { at: 20_000, allow: 0.9 }])
  })

  it('are bounded by 15 minutes', () => {
    const shares = new Shares()
    for (let i = 0; i < 5_000; i++) shares.change((i % 100) / 100, i * 1_000)
    expect(shares.history(0).length).toBeLessThanOrEqual(901)
  })
})

describe('metrics history › log', () => {
  const entry = (type: string, at: number) => ({ type, at, pipeline: 'p', policy: 'b', severity: 'warning' as const, text: `at ${at}` })

  it('has one entry for what comes within a second of one another, for ten seconds at most', () => {
    const log = new Log(10)
    for (let at = 0; at <= 15_000; at += 500) log.add(entry('a', at))
    log.add(entry('a', 30_000))
    expect(log.read().map(({ id, count, at }) => [id, count, at])).toEqual([[0, 21, 10_000], [1, 10, 15_000], [2, 1, 30_000]])
  })

  it('of no length keeps nothing', () => {
    const log = new Log(0)
    log.add(entry('a', 0))
    expect(log.read()).toEqual([])
  })

  it('keeps, for any story, the latest entries in order', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 40 }), (most, types) => {
      const log = new Log(most)
      types.forEach((type, i) => log.add(entry(type, i * 2_000)))
      expect(log.read().map(({ type, at }) => [type, at])).toEqual(types.map((type, i) => [type, i * 2_000]).slice(-most))
    }))
  })
})

describe('metrics history › plain', () => {
  it('says anything as JSON can, bounded', () => {
    const cyclic: Record<string, unknown> = { name: 'x' }
    cyclic['self'] = cyclic
    expect(plain(cyclic)).toEqual({ name: 'x', self: { name: 'x', self: { name: 'x', self: { name: 'x', self: '…' } } } })
    expect(plain([1n, Symbol('s'), NaN, -Infinity, () => 1, undefined, null, true, 'x'.repeat(1_000)])).toMatchObject(['1', 'Symbol(s)', 'NaN', '-Infinity', 'a function', null, null, true, expect.stringMatching(/^x{111}…[0-9a-f]{8}$/)])
    expect(plain({ get broken() { throw new Error('no') }, ['__proto__']: 1, left: undefined })).toEqual(Object.fromEntries([['__proto__', 1]]))
    expect(plain(Array.from({ length: 100 }, (_, i) => i))).toHaveLength(40)
  })
})
