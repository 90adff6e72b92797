import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CELLS, cellOf, quantile } from '../../src/math/spread.ts'

const counted = (spans: readonly number[]): Uint32Array => {
  const counts = new Uint32Array(CELLS)
  for (const ms of spans) counts[cellOf(ms)]!++
  return counts
}

describe('spread', () => {
  it('has a cell for every span, and a longer one never goes below a shorter one', () => {
    expect([cellOf(NaN), cellOf(-1), cellOf(0), cellOf(1 / 16), cellOf(Infinity)]).toEqual([0, 0, 0, 1, CELLS - 1])
    fc.assert(fc.property(fc.double({ min: 0, max: 1e7, noNaN: true }), fc.double({ min: 0, max: 1e7, noNaN: true }), (a, b) => {
      expect(cellOf(Math.min(a, b))).toBeLessThanOrEqual(cellOf(Math.max(a, b)))
      expect(Number.isInteger(cellOf(a)) && cellOf(a) >= 0 && cellOf(a) < CELLS).toBe(true)
    }))
  })

  it('knows no quantile of nothing', () => {
    expect(quantile(counted([]), 0.5)).toBeNaN()
  })

  it('is off by at most a cell: an eighth', () => {
    fc.assert(fc.property(fc.array(fc.double({ min: 0.1, max: 900_000, noNaN: true }), { minLength: 1, maxLength: 200 }), fc.constantFrom(0, 0.5, 0.9, 0.99, 1), (spans, q) => {
      const exact = spans.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(q * spans.length) - 1)]!
      const found = quantile(counted(spans), q)
      expect(Math.abs(found - exact) / exact).toBeLessThanOrEqual(0.1251)
    }))
  })
})
