import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { offeredShares, waterFill } from '../../src/math/water-filling.ts'

const share = fc.double({ min: 0, max: 1, noNaN: true })
const counts = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 1, maxLength: 6 })

describe('water-filling', () => {
  it('fills from the top', () => {
    expect(waterFill(0.3, [20, 20, 60], [])).toEqual([1, 0.5, 0])
    expect(waterFill(0.1, [20, 20, 60], [])).toEqual([0.5, 0, 0])
    expect(waterFill(0.7, [20, 20, 60], [])).toEqual([1, 1, 0.5])
  })

  it('lets all pass where all is permitted, and nobody where nothing is', () => {
    fc.assert(
      fc.property(counts, (offered) => {
        expect(waterFill(1, offered, []).every((allow, k) => allow === 1 || offered[k] === 0)).toBe(true)
        expect(waterFill(0, offered, []).every((allow) => allow === 0)).toBe(true)
      }),
    )
  })

  it('permits just the share of all that was offered', () => {
    fc.assert(
      fc.property(share, counts, (f, offered) => {
        const all = offered.reduce((sum, n) => sum + n, 0)
        const passed = waterFill(f, offered, []).reduce((sum, allow, k) => sum + allow * offered[k]!, 0)
        expect(passed).toBeCloseTo(f * all, 6)
      }),
    )
  })

  it('gives a lower class nothing before all higher ones have all', () => {
    fc.assert(
      fc.property(share, counts, (f, offered) => {
        const allow = waterFill(f, offered, []).filter((_, k) => offered[k]! > 0)
        const cut = allow.findIndex((one) => one < 1)
        if (cut >= 0) expect(allow.slice(cut + 1).every((one) => one === 0)).toBe(true)
      }),
    )
  })

  it('knows nothing of what is offered at first: all get the share', () => {
    expect(waterFill(0.3, offeredShares(4).counts, [])).toEqual([0.3, 0.3, 0.3, 0.3])
  })

  it('a class that comes new finds room as far as the higher ones leave some', () => {
    expect(waterFill(0.5, [0, 100, 0], [])).toEqual([1, 0.5, 0])
    expect(waterFill(1, [0, 100, 0], [])).toEqual([1, 1, 0])
  })

  it('shares are those of the last 10 s', () => {
    const offered = offeredShares(2)
    offered.advance(0)
    offered.add(0, 30)
    offered.advance(9_000)
    offered.add(1, 70)
    expect([...offered.counts]).toEqual([30, 70])
    offered.advance(10_000)
    expect([...offered.counts]).toEqual([0, 70])
  })
})
