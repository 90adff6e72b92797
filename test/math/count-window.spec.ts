import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CountWindow } from '../../src/math/count-window.ts'

const digits = fc.array(fc.constantFrom('0', '1', '2', '3'), { maxLength: 60, size: 'max' })
const size = fc.integer({ min: 1, max: 12 })

function filled(n: number, results: readonly string[]): CountWindow {
  const window = new CountWindow(n)
  for (const digit of results) window.record(digit === '1' || digit === '3', digit === '2' || digit === '3')
  return window
}

const naive = (results: readonly string[]): number[] => [results.length, ...['13', '23'].map((kind) => results.filter((digit) => kind.includes(digit)).length)]

describe('count window', () => {
  it('counts the last so many results, exactly', () => {
    fc.assert(
      fc.property(size, digits, (n, results) => {
        const window = filled(n, results)
        expect([window.calls, window.failed, window.slow]).toEqual(naive(results.slice(-n)))
        expect(window.save()).toBe(results.slice(-n).join(''))
      }),
    )
  })

  it('loaded by a window of another size, keeps the latest that fit and goes on from there', () => {
    fc.assert(
      fc.property(size, size, digits, digits, (n, m, before, after) => {
        const window = new CountWindow(m)
        window.load(filled(n, before).save())
        for (const digit of after) window.record(digit === '1' || digit === '3', digit === '2' || digit === '3')
        const all = [...before.slice(-n).slice(-m), ...after].slice(-m)
        expect([window.calls, window.failed, window.slow]).toEqual(naive(all))
      }),
    )
  })
})
