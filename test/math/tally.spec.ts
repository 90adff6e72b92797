import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Tally } from '../../src/math/tally.ts'

describe('tally', () => {
  it('counts each kind, before any time is told as well', () => {
    const tally = new Tally(2, 10, 100)
    tally.add(0)
    tally.add(1, 5)
    expect([...tally.counts]).toEqual([1, 5])
    tally.advance(0)
    tally.add(1, -2)
    expect([...tally.counts]).toEqual([1, 3])
  })

  it('counts as of the time told last; before any was told, as of the first', () => {
    const tally = new Tally(1, 10, 100)
    tally.add(0)
    tally.advance(5_000)
    tally.advance(5_999)
    expect(tally.counts[0]).toBe(1)
    tally.add(0)
    tally.advance(6_000)
    expect(tally.counts[0]).toBe(1)
    tally.advance(3_600_000)
    expect(tally.counts[0]).toBe(0)
  })

  it('says when a bucket has begun', () => {
    const tally = new Tally(1, 10, 100)
    expect([150, 199, 100, 200, 5_000, 5_099].map((now) => tally.advance(now))).toEqual([true, false, false, true, true, false])
  })

  it('a time before the last one changes nothing', () => {
    const tally = new Tally(1, 10, 100)
    tally.advance(5_000)
    tally.add(0)
    tally.advance(100)
    tally.advance(5_100)
    expect(tally.counts[0]).toBe(1)
  })

  it('says how many came in the last buckets', () => {
    const tally = new Tally(1, 10, 100)
    expect(tally.last(0, 3)).toBe(0)
    for (let now = 50; now < 1_000; now += 100) {
      tally.advance(now)
      tally.add(0)
    }
    expect([1, 2, 3, 10, 99].map((buckets) => tally.last(0, buckets))).toEqual([1, 2, 3, 10, 10])
  })

  it('forgets all when cleared', () => {
    const tally = new Tally(2, 10, 100)
    tally.add(0)
    tally.advance(0)
    tally.add(1)
    tally.clear()
    tally.advance(100)
    expect([...tally.counts, tally.last(0, 10)]).toEqual([0, 0, 0])
  })

  it('equals a recount by buckets, on any axis', () => {
    const step = fc.record({ after: fc.integer({ min: 0, max: 700 }), kind: fc.integer({ min: 0, max: 2 }) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), fc.constantFrom(2, 10, 16), fc.constantFrom(10, 62.5, 100), fc.integer({ min: -1e5, max: 1e6 }), (steps, buckets, bucketMs, start) => {
        const tally = new Tally(3, buckets, bucketMs)
        const past: { bucket: number, kind: number }[] = []
        let now = start
        for (const { after, kind } of steps) {
          now += after
          tally.advance(now)
          tally.add(kind)
          const newest = Math.floor(now / bucketMs)
          past.push({ bucket: newest, kind })
          for (const k of [0, 1, 2]) {
            const all = past.filter((one) => one.kind === k && one.bucket > newest - buckets)
            expect(tally.counts[k]).toBe(all.length)
            expect(tally.last(k, buckets)).toBe(all.length)
            expect(tally.last(k, 1)).toBe(all.filter(({ bucket }) => bucket === newest).length)
          }
        }
      }),
    )
  })
})
