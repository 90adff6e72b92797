import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Tokens } from '../src/math/tokens.ts'

/** How many of so many tries are granted. */
const drain = (tokens: Tokens, now: number, tries = 10_000): number => {
  let taken = 0
  while (taken < tries && tokens.take(now)) taken++
  return taken
}

describe('tokens', () => {
  it('starts full, and fills evenly', () => {
    const tokens = new Tokens(2, 1_000, 3)
    expect(drain(tokens, 0)).toBe(3)
    expect([499, 500, 999, 1_000, 1_499].map((now) => drain(tokens, now))).toEqual([0, 1, 0, 1, 0])
    expect(drain(tokens, 10_000)).toBe(3)
  })

  it('says when each token is due', () => {
    const tokens = new Tokens(2, 1_000, 1)
    tokens.take(0)
    expect([1, 2, 3].map((n) => tokens.due(n))).toEqual([500, 1_000, 1_500])
    expect(tokens.due(0)).toBe(0)
  })

  it('thirds are as exact as halves: at each due time just one', () => {
    const tokens = new Tokens(3, 1_000, 1)
    tokens.take(0.1)
    for (let n = 1; n <= 10_000; n++) {
      const due = tokens.due(1)
      expect([tokens.take(due - 1e-6), tokens.take(due), tokens.take(due)]).toEqual([false, true, false])
    }
    expect(tokens.due(1)).toBeCloseTo(0.1 + 10_001_000 / 3, 6)
  })

  it('does not drift: asked all the time it has given just what is due, after a million steps of 0.1 ms', () => {
    const tokens = new Tokens(7, 3, 2)
    let taken = 0
    for (let i = 0; i <= 1_000_000; i++) taken += drain(tokens, i / 10)
    expect(taken).toBe(2 + Math.floor((100_000 * 7) / 3))
  })

  it('a refund comes back, never above burst', () => {
    const tokens = new Tokens(1, 1_000, 2)
    tokens.take(0)
    tokens.refund(0)
    tokens.refund(0)
    expect(tokens.available(0)).toBe(2)
    expect(drain(tokens, 0)).toBe(2)
  })

  it('a hold empties it, and ends with one token', () => {
    const tokens = new Tokens(10, 1_000, 10)
    tokens.take(0)
    expect(tokens.hold(500, 0)).toBe(true)
    expect([tokens.held(499), tokens.available(499), tokens.take(499), tokens.due(1)]).toEqual([true, 0, false, 500])
    expect([tokens.held(500), tokens.available(500), drain(tokens, 500)]).toEqual([false, 1, 1])
    expect(tokens.due(1)).toBe(600)
  })

  it('a hold makes no token come earlier', () => {
    const tokens = new Tokens(1, 1_000, 1)
    tokens.take(0)
    tokens.hold(10, 0)
    expect(tokens.due(1)).toBe(1_000)
  })

  it('a shorter hold does not end a longer one, and a refund meanwhile is void', () => {
    const tokens = new Tokens(10, 1_000, 10)
    tokens.take(0)
    tokens.hold(500, 0)
    expect(tokens.hold(300, 100)).toBe(false)
    tokens.refund(200)
    expect([tokens.due(1), drain(tokens, 500)]).toEqual([500, 1])
    tokens.hold(700, 600)
    expect([tokens.available(699), tokens.available(700)]).toEqual([0, 1])
  })

  it('other figures keep the tokens that are there, as far as there is room', () => {
    const tokens = new Tokens(10, 1_000, 10)
    drain(tokens, 0, 6)
    tokens.update(1, 1_000, 3, 0)
    expect(tokens.available(0)).toBe(3)
    drain(tokens, 0)
    tokens.update(10, 1_000, 10, 500)
    expect([tokens.available(500), tokens.due(1)]).toEqual([0, 550])
    tokens.hold(1_000, 600)
    tokens.update(1, 100, 5, 700)
    expect([tokens.available(999), tokens.available(1_000), tokens.due(2)]).toEqual([0, 1, 1_100])
  })

  it('a time that goes backwards gives nothing', () => {
    const tokens = new Tokens(1, 1_000, 5)
    tokens.take(1_000)
    expect([tokens.take(999), tokens.available(999), tokens.available(1_000)]).toEqual([false, 0, 4])
  })

  it('0 and Infinity mean what they say', () => {
    const none = new Tokens(0, 1_000, 0)
    expect([none.take(0), none.take(1e9), none.available(1e9), none.due(1)]).toEqual([false, false, 0, Infinity])
    const few = new Tokens(0, 1_000, 2)
    expect([drain(few, 0), drain(few, 1e9)]).toEqual([2, 0])
    const all = new Tokens(Infinity, 1_000, Infinity)
    expect([drain(all, 0), all.available(0), drain(all, 0)]).toEqual([10_000, Infinity, 10_000])
    all.hold(10, 0)
    expect([all.take(9), drain(all, 10), drain(all, 11)]).toEqual([false, 10_000, 10_000])
    all.update(1, 1_000, 1, 20)
    expect(drain(all, 20)).toBe(1)
    all.update(Infinity, 1_000, Infinity, 20)
    expect(drain(all, 20)).toBe(10_000)
  })

  const figures = fc.record({ permits: fc.integer({ min: 1, max: 1_000 }), everyMs: fc.oneof(fc.integer({ min: 1, max: 100_000 }), fc.double({ min: 0.01, max: 1e6, noNaN: true })), burst: fc.integer({ min: 1, max: 50 }) })
  const steps = fc.array(fc.record({ ms: fc.oneof(fc.constant(0), fc.integer({ max: 2_000, min: 0 }), fc.double({ min: 0, max: 1e5, noNaN: true })), tries: fc.integer({ min: 0, max: 60 }) }), { minLength: 1, maxLength: 60 })
  const start = fc.oneof(fc.constant(0), fc.double({ min: -1e6, max: 1e10, noNaN: true }))

  it('between any two moments never more are taken than burst + elapsed·permits/everyMs, and asked all the time never fewer than elapsed allows', () => {
    fc.assert(
      fc.property(figures, steps, start, ({ permits, everyMs, burst }, list, from) => {
        const tokens = new Tokens(permits, everyMs, burst)
        const taken: { readonly at: number; readonly count: number }[] = []
        let now = from
        for (const { ms, tries } of list) {
          now += ms
          const before = tokens.available(now)
          const count = drain(tokens, now, tries)
          expect(count).toBe(Math.min(tries, before))
          expect(tokens.available(now)).toBe(before - count)
          taken.push({ at: now, count })
        }
        // The clock's own fractions: at 1e10 ms they are some 2 µs.
        const slackMs = 1e-5
        for (let i = 0; i < taken.length; i++) {
          for (let j = i, sum = 0; j < taken.length; j++) {
            sum += taken[j]!.count
            expect(sum).toBeLessThanOrEqual(burst + ((taken[j]!.at - taken[i]!.at + slackMs) * permits) / everyMs + 1e-6)
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  it('who asks when a token is due gets it, and not a moment before', () => {
    fc.assert(
      fc.property(figures, steps, start, (figures, list, from) => {
        const tokens = new Tokens(figures.permits, figures.everyMs, figures.burst)
        let now = from
        for (const { ms, tries } of list) {
          now += ms
          drain(tokens, now, tries)
          const due = tokens.due(1)
          expect(tokens.available(now) > 0).toBe(now >= due)
          if (due > now) {
            expect(tokens.take(now)).toBe(false)
            expect(tokens.take((now = due))).toBe(true)
          }
        }
      }),
      { numRuns: 300 },
    )
  })
})
