import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { breaker, type BreakerOptions } from '../src/breaker/index.ts'

const bad: [options: unknown, error: Error][] = [
  [5, new TypeError('breaker options must be an object, got 5')],
  [null, new TypeError('breaker options must be an object, got null')],
  [[], new TypeError('breaker options must be an object, got an array')],
  [{ failRatio: 0.5 }, new TypeError('breaker has no option "failRatio"; did you mean "failureRatio"?')],
  [{ breakms: 5 }, new TypeError('breaker has no option "breakms"; did you mean "breakMs"?')],
  [{ name: '' }, new TypeError('breaker.name must be a string that is not empty, got ""')],
  [{ failureRatio: 50 }, new RangeError('breaker.failureRatio must be a ratio from 0 to 1, got 50')],
  [{ failureRatio: NaN }, new RangeError('breaker.failureRatio must be a ratio from 0 to 1, got NaN')],
  [{ failureRatio: '0.5' }, new TypeError('breaker.failureRatio must be a ratio from 0 to 1, got "0.5"')],
  [{ minimumThroughput: -1 }, new RangeError('breaker.minimumThroughput must be a whole number from 0 on, got -1')],
  [{ minimumThroughput: 1.5 }, new RangeError('breaker.minimumThroughput must be a whole number from 0 on, got 1.5')],
  [{ windowMs: 0 }, new RangeError('breaker.windowMs must be a number over 0, got 0')],
  [{ windowMs: '10s' }, new TypeError('breaker.windowMs must be a number over 0, got "10s"')],
  [{ windowCalls: 0 }, new RangeError('breaker.windowCalls must be a whole number from 1 on, got 0')],
  [{ windowCalls: Infinity }, new RangeError('breaker.windowCalls must be at most 1000000, got Infinity')],
  [{ windowMs: 10, windowCalls: 10 }, new TypeError('breaker.windowCalls must be left out where windowMs is given, got 10')],
  [{ consecutive: 0 }, new RangeError('breaker.consecutive must be a whole number from 1 on, got 0')],
  [{ slowMs: -1 }, new RangeError('breaker.slowMs must be a number from 0 on, got -1')],
  [{ slowRatio: 1.01 }, new RangeError('breaker.slowRatio must be a ratio from 0 to 1, got 1.01')],
  [{ breakMs: 0 }, new RangeError('breaker.breakMs must be a number over 0, got 0')],
  [{ breakMs: '5s' }, new TypeError('breaker.breakMs must be a number over 0 or a function, got "5s"')],
  [{ maxBreakMs: NaN }, new RangeError('breaker.maxBreakMs must be a number over 0, got NaN')],
  [{ maxBreakMs: 4_999 }, new RangeError('breaker.maxBreakMs must be at least breakMs (5000), got 4999')],
  [{ probes: 3 }, new TypeError('breaker.probes options must be an object, got 3')],
  [{ probes: { totl: 3 } }, new TypeError('breaker.probes has no option "totl"; did you mean "total"?')],
  [{ probes: { total: 0 } }, new RangeError('breaker.probes.total must be a whole number from 1 on, got 0')],
  [{ probes: { concurrent: 0.5 } }, new RangeError('breaker.probes.concurrent must be a whole number from 1 on, got 0.5')],
  [{ probes: { leaseMs: 0 } }, new RangeError('breaker.probes.leaseMs must be a number over 0, got 0')],
  [{ mode: 'dry' }, new RangeError("breaker.mode must be one of 'enforce', 'observe', 'off', got \"dry\"")],
  [{ mode: true }, new TypeError("breaker.mode must be one of 'enforce', 'observe', 'off', got true")],
]

describe('breaker › options', () => {
  it.each(bad)('refuses %o', (options, error) => {
    expect(() => breaker(options as BreakerOptions)).toThrow(error)
    const one = breaker({ windowMs: 77 })
    expect(() => one.update(options as BreakerOptions)).toThrow(error)
    expect(one.options).toEqual(breaker({ windowMs: 77 }).options)
  })

  it('have these defaults', () => {
    expect(breaker().options).toEqual({
      name: 'breaker',
      failureRatio: 0.5,
      minimumThroughput: 20,
      windowMs: 10_000,
      windowCalls: undefined,
      consecutive: Infinity,
      slowMs: Infinity,
      slowRatio: 0.5,
      breakMs: 5_000,
      maxBreakMs: 60_000,
      recovery: 'close',
      probes: { total: 1, concurrent: 1, leaseMs: 5_000 },
      mode: 'enforce',
    })
    expect(breaker({ failureRatio: undefined, probes: { total: undefined } }).options).toEqual(breaker({}).options)
  })

  it('of the user are never written to, nor looked at again', () => {
    const probes = Object.freeze({ total: 2 })
    const options = Object.freeze({ windowCalls: 10, minimumThroughput: 50, probes })
    const one = breaker(options)
    one.update(Object.freeze({ breakMs: 1, probes: Object.freeze({ concurrent: 2 }) }))
    expect(one.options).toMatchObject({ minimumThroughput: 10, breakMs: 1, probes: { total: 2, concurrent: 2, leaseMs: 1 } })
    expect(options).toEqual({ windowCalls: 10, minimumThroughput: 50, probes: { total: 2 } })
    expect(Object.isFrozen(one.options)).toBe(true)
  })

  it('0 and Infinity mean what they say where they are allowed', () => {
    for (const options of [{ minimumThroughput: 0 }, { minimumThroughput: Infinity, windowCalls: 5 }, { windowMs: Infinity }, { windowCalls: 1_000_000 }, { slowMs: 0 }, { breakMs: Infinity }, { maxBreakMs: Infinity }, { probes: { total: Infinity, concurrent: Infinity, leaseMs: Infinity } }]) {
      expect(breaker(options).options).toMatchObject(options)
    }
  })

  it('whatever is thrown at them, they are in force or refused with a sentence that names them', () => {
    const value = fc.oneof(fc.double(), fc.integer({ min: -2, max: 100 }), fc.constantFrom(undefined, null, '', 'x', true, Infinity, {}, []))
    const keys = ['name', 'failureRatio', 'minimumThroughput', 'windowMs', 'windowCalls', 'consecutive', 'slowMs', 'slowRatio', 'breakMs', 'maxBreakMs', 'probes', 'mode']
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), value, { maxKeys: 4 }), (options) => {
        try {
          expect(breaker(options as BreakerOptions).state).toBe('closed')
        } catch (error) {
          expect(String(error)).toMatch(/^(TypeError|RangeError): breaker(\.\w+)* .*(got|has no option) /)
        }
      }),
    )
  })
})
