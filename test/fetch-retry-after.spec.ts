import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { retryAfter } from '../src/fetch/retry-after.ts'

const now = Date.UTC(1994, 10, 6, 8, 49, 0)
const told = (value: string, date?: string): number | undefined =>
  retryAfter(new Headers({ 'retry-after': value, ...(date === undefined ? {} : { date }) }), now)

describe('Retry-After', () => {
  it('in seconds', () => {
    expect(told('120')).toBe(120_000)
    expect(told('0')).toBe(0)
    expect(told(' 7 ')).toBe(7_000)
  })

  it('in fractions of a second, as some servers say it, is rounded up', () => {
    expect(told('1.5')).toBe(1_500)
    expect(told('0.0001')).toBe(1)
  })

  it.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])('as a date: %s', (date) => {
    expect(told(date)).toBe(37_000)
  })

  it('as a date counts from the Date header of the response, whatever our own clock says', () => {
    expect(told('Sun, 06 Nov 2044 08:49:37 GMT', 'Sun, 06 Nov 2044 08:49:30 GMT')).toBe(7_000)
    expect(told('Sun, 06 Nov 1994 08:49:37 GMT', 'nonsense')).toBe(37_000)
  })

  it('as a date is rounded up to whole ms', () => {
    expect(retryAfter(new Headers({ 'retry-after': 'Sun, 06 Nov 1994 08:49:37 GMT' }), now + 0.4)).toBe(37_000)
  })

  it('that has passed means now', () => {
    expect(told('Sun, 06 Nov 1994 08:48:00 GMT')).toBe(0)
  })

  it('takes two digits for a year at most 50 years ahead', () => {
    expect(told('Sunday, 06-Nov-44 08:49:00 GMT')).toBe(Date.UTC(2044, 10, 6, 8, 49) - now)
    expect(told('Monday, 06-Nov-45 08:49:00 GMT')).toBe(0)
  })

  it('without a time given counts from the wall clock', () => {
    const inAMinute = new Date(Date.now() + 60_000).toUTCString()
    expect(retryAfter(new Headers({ 'retry-after': inAMinute }))).toBeGreaterThan(58_000)
    expect(retryAfter(new Headers({ 'retry-after': inAMinute }))).toBeLessThanOrEqual(60_000)
  })

  it.each(['', '-1', '1e3', 'soon 1', 'tomorrow', '1, 2', '0x10', 'Infinity', 'Sun, 06 Foo 1994 08:49:37 GMT', 'Sun, 06 Nov 1994 25:49:37 GMT', 'Sun, 32 Nov 1994 08:49:37 GMT', '1994-11-06'])('that makes no sense (%j) says nothing', (value) => {
    expect(told(value)).toBeUndefined()
  })

  it('that is not there says nothing', () => {
    expect(retryAfter(new Headers())).toBeUndefined()
  })

  it('is never understood as earlier than told, in any of its forms', () => {
    const second = fc.integer({ min: Date.UTC(1970, 0, 1) / 1000, max: Date.UTC(2100, 0, 1) / 1000 })
    fc.assert(fc.property(second, fc.double({ min: 0, max: 4e12, noNaN: true }), (at, from) => {
      const waited = retryAfter(new Headers({ 'retry-after': new Date(at * 1000).toUTCString() }), from)!
      expect(waited).toBeGreaterThanOrEqual(at * 1000 - from)
      expect(waited).toBeLessThan(Math.max(1, at * 1000 - from + 1))
    }))
  })

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (value, date) => {
      const waited = retryAfter({ get: (name) => (name === 'date' ? date : value) }, now)
      expect(waited === undefined || waited >= 0).toBe(true)
    }))
  })
})
