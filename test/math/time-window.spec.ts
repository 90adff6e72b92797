import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type SavedWindow, TimeWindow } from '../../src/math/time-window.ts'

const counts = ({ calls, failed, slow }: TimeWindow): number[] => [calls, failed, slow]

describe('time window', () => {
  it('counts results, failures and slow ones', () => {
    const window = new TimeWindow(1_000)
    window.record(true, false, 5)
    window.record(false, true, 6)
    window.record(true, true, 7)
    window.record(false, false, 8)
    expect(counts(window)).toEqual([4, 2, 2])
  })

  it('keeps the first result for the whole window, and not a moment longer', () => {
    const window = new TimeWindow(1_000)
    window.record(true, false, 50)
    window.record(false, false, 1_049)
    expect(counts(window)).toEqual([2, 1, 0])
    window.record(false, false, 1_050)
    expect(counts(window)).toEqual([2, 0, 0])
  })

  it('forgets by the time that has passed, not by how many results came', () => {
    const window = new TimeWindow(1_000)
    for (let i = 0; i < 100; i++) window.record(true, true, i)
    window.record(false, false, 3_600_000)
    expect(counts(window)).toEqual([1, 0, 0])
  })

  it('counts a time before the last one into the newest bucket', () => {
    const window = new TimeWindow(1_000)
    window.record(false, false, 500)
    window.record(true, false, 100)
    expect(counts(window)).toEqual([2, 1, 0])
  })

  it('forgets nothing when endless', () => {
    const window = new TimeWindow(Infinity)
    window.record(true, false, 0)
    window.record(false, true, 1e12)
    expect(counts(window)).toEqual([2, 1, 1])
    expect(window.save(2e12)).toEqual({ bucketMs: Infinity, buckets: [{ ageMs: 2e12, calls: 2, failed: 1, slow: 1 }] })
  })

  const time = fc.integer({ min: 0, max: 700 })
  const result = fc.record({ after: time, failed: fc.boolean(), slow: fc.boolean() })

  it('counts all that is younger than nine tenths of the window, nothing as old as the window, and equals a recount by buckets', () => {
    fc.assert(
      fc.property(fc.array(result, { maxLength: 200, size: 'max' }), fc.constantFrom(100, 1_000, 333), fc.integer({ min: 0, max: 1e6 }), (results, windowMs, start) => {
        const window = new TimeWindow(windowMs)
        const past: { at: number, bucket: number, failed: boolean }[] = []
        let now = start
        let from = NaN
        let newest = 0
        for (const { after, failed, slow } of results) {
          now += after
          if (Number.isNaN(from)) from = now
          // Naive: which bucket, on an axis that begins anew once all has been forgotten.
          let bucket = Math.floor(((now - from) * 10) / windowMs)
          if (bucket - newest >= 10) {
            from = now
            bucket = 0
            past.length = 0
          }
          newest = bucket
          past.push({ at: now, bucket, failed })
          window.record(failed, slow, now)
          const kept = past.filter((one) => one.bucket > bucket - 10)
          expect([window.calls, window.failed]).toEqual([kept.length, kept.filter((one) => one.failed).length])
          const young = past.filter((one) => now - one.at < 0.9 * windowMs)
          const alive = past.filter((one) => now - one.at < windowMs)
          expect(window.calls).toBeGreaterThanOrEqual(young.length)
          expect(window.calls).toBeLessThanOrEqual(alive.length)
        }
        const saved = window.save(now)
        expect(saved.buckets.reduce((sum, bucket) => sum + bucket.calls, 0)).toBe(window.calls)
      }),
    )
  })

  it('loaded from what it saved, on another clock, goes on as the original does', () => {
    fc.assert(
      fc.property(fc.array(result, { maxLength: 40, size: 'max' }), fc.array(result, { maxLength: 40, size: 'max' }), fc.boolean(), (before, later, undated) => {
        const one = new TimeWindow(1_000)
        let now = 12_345
        for (const { after: ms, failed, slow } of before) one.record(failed, slow, (now += ms))
        const shift = 987_654
        const other = new TimeWindow(1_000)
        other.load(JSON.parse(JSON.stringify(one.save(now))) as SavedWindow, undated ? NaN : now + shift)
        // Told first when it was saved: then undated and dated mean the same.
        other.expire(now + shift)
        one.expire(now)
        for (const { after: ms, failed, slow } of later) {
          now += ms
          one.record(failed, slow, now)
          other.record(failed, slow, now + shift)
          // The axis of one that forgot everything begins anew, at the same result in both.
          expect(counts(other)).toEqual(counts(one))
        }
      }),
    )
  })

  it('carries its counts into a longer or shorter window by their age', () => {
    const window = new TimeWindow(1_000)
    for (let at = 0; at < 1_000; at += 100) window.record(at < 500, false, at)
    const saved = window.save(950)
    const longer = new TimeWindow(10_000)
    longer.load(saved, 950)
    expect(counts(longer)).toEqual([10, 5, 0])
    const shorter = new TimeWindow(300)
    shorter.load(saved, 950)
    expect(counts(shorter)).toEqual([3, 0, 0])
  })

  it('shows what it holds without changing it, also to who does not know the time', () => {
    const window = new TimeWindow(1_000)
    expect(window.save(5).buckets).toEqual([])
    window.record(true, false, 100)
    window.record(false, false, 350)
    expect(window.save(400)).toEqual({ bucketMs: 100, buckets: [{ ageMs: 300, calls: 1, failed: 1, slow: 0 }, { ageMs: 100, calls: 1, failed: 0, slow: 0 }] })
    expect(window.save(1_099).buckets.length).toBe(2)
    expect(window.save(1_100).buckets.length).toBe(1)
    expect(window.save(5_000).buckets).toEqual([])
    expect(window.save(NaN).buckets.map(({ ageMs }) => ageMs)).toEqual([200, 0])
    expect(window.calls).toBe(2)
  })

  it('loaded without a clock, dates what it holds by the first time that it is told', () => {
    const window = new TimeWindow(1_000)
    const saved = { bucketMs: 100, buckets: [{ ageMs: 600, calls: 3, failed: 2, slow: 1 }] }
    window.load(saved, NaN)
    expect(window.save(77)).toEqual(saved)
    window.record(false, false, 1e9)
    expect(counts(window)).toEqual([4, 2, 1])
    window.record(false, false, 1e9 + 450)
    expect(counts(window)).toEqual([2, 0, 0])
  })
})
