import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Diffusion } from '../../src/math/diffusion.ts'

const passes = (diffusion: Diffusion, share: number, calls: number): boolean[] => Array.from({ length: calls }, () => diffusion.pass(share))
const count = (list: boolean[]): number => list.filter(Boolean).length

describe('diffusion', () => {
  it('lets a share pass, evenly', () => {
    expect(passes(new Diffusion(0), 0.5, 6)).toEqual([false, true, false, true, false, true])
    expect(passes(new Diffusion(0.75), 0.25, 8)).toEqual([true, false, false, false, true, false, false, false])
  })

  it('is exact within one over any row of calls, whatever its phase', () => {
    const share = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1, 0.1, 0.3, 1 / 3, 1e-6))
    fc.assert(
      fc.property(share, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), fc.nat(500), fc.integer({ min: 1, max: 2_000 }), (f, phase, skip, calls) => {
        const diffusion = new Diffusion(phase)
        passes(diffusion, f, skip)
        expect(Math.abs(count(passes(diffusion, f, calls)) - f * calls)).toBeLessThanOrEqual(1 + 1e-6)
      }),
    )
  })

  it('does not drift: 100 000 of a million at 0.1', () => {
    expect(count(passes(new Diffusion(0), 0.1, 1_000_000))).toBe(100_000)
  })

  it('lets nobody pass at 0, everybody at 1', () => {
    expect(count(passes(new Diffusion(0.999_999_999_999_9), 0, 100))).toBe(0)
    expect(count(passes(new Diffusion(0), 1, 100))).toBe(100)
  })

  it('lets another pass for one that was not sent, but never several at once', () => {
    const diffusion = new Diffusion(0.9)
    expect(diffusion.pass(0.1)).toBe(true)
    diffusion.refund()
    diffusion.refund()
    diffusion.refund()
    expect(passes(diffusion, 0.1, 4)).toEqual([true, false, false, false])
  })
})
