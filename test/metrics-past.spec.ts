import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Past } from '../src/metrics/past.ts'

const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0)

describe('metrics past', () => {
  it('counts calls, and those that went wrong, in steps of 10 s', () => {
    const past = new Past()
    past.count(1_000, 1, 0)
    past.count(9_999, 1, 1)
    past.count(10_000, 1, 1)
    const { calls, bad, ageMs, stepMs } = past.read(12_500)
    expect({ calls: calls.slice(-3), bad: bad.slice(-3), ageMs, stepMs }).toEqual({ calls: [0, 2, 1], bad: [0, 1, 1], ageMs: 2_500, stepMs: 10_000 })
    expect([calls.length, bad.length]).toEqual([90, 90])
  })

  it('forgets what is 15 minutes old, by time alone', () => {
    const past = new Past()
    past.count(5_000, 1, 1)
    expect(sum(past.read(899_999).bad)).toBe(1)
    expect(sum(past.read(900_000).bad)).toBe(0)
    expect(sum(past.read(5_000_000).calls)).toBe(0)
  })

  it('adds what has not been counted yet where it belongs', () => {
    const past = new Past()
    past.count(15_000, 3, 1)
    expect(past.read(19_000, { at: 18_000, calls: 2, bad: 1 }).calls.slice(-2)).toEqual([0, 5])
    expect(past.read(29_000, { at: 18_000, calls: 2, bad: 1 }).bad.slice(-3)).toEqual([0, 2, 0])
    expect(past.read(29_000).bad.slice(-3)).toEqual([0, 1, 0])
  })

  it('holds, for any story, exactly the calls of its 90 steps', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ waitMs: fc.nat(400_000), bad: fc.boolean() }), { maxLength: 40 }), fc.nat(1_200_000), (story, laterMs) => {
        const past = new Past()
        const told: { at: number; bad: boolean }[] = []
        let at = 0
        for (const { waitMs, bad } of story) {
          at += waitMs
          past.count(at, 1, bad ? 1 : 0)
          told.push({ at, bad })
        }
        const now = at + laterMs
        const last = Math.floor(now / 10_000)
        const { calls, bad } = past.read(now)
        const expected = (i: number) => told.filter((one) => Math.floor(one.at / 10_000) === last - 89 + i)
        expect(calls).toEqual(calls.map((_, i) => expected(i).length))
        expect(bad).toEqual(bad.map((_, i) => expected(i).filter((one) => one.bad).length))
      }),
    )
  })
})
