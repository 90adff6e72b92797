import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Outcome } from '../src/core/verdict.ts'
import { type Backoff, constant, decorrelated, exponential, linear } from '../src/retry/index.ts'
import { checkedDelay } from '../src/retry/backoff.ts'
import { seededRandom } from '../src/testing/index.ts'

const failed: Outcome<unknown> = { ok: false, error: new Error('down'), verdict: 'failure' }

/** The delays before the first `count` retries. */
function delays(backoff: Backoff, count: number, random: () => number = () => 0.5): number[] {
  const all: number[] = []
  for (let n = 1; n <= count; n++) all.push(backoff(n, failed, { random, previousMs: all.at(-1) ?? 0 }))
  return all
}

describe('exponential', () => {
  it('doubles from 100 ms up to 10 s', () => {
    expect(delays(exponential({ jitter: 'none' }), 9)).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000])
  })

  it('grows by the factor it is told, up to its maximum', () => {
    expect(delays(exponential({ initialMs: 10, factor: 3, maxMs: 100, jitter: 'none' }), 4)).toEqual([10, 30, 90, 100])
    expect(delays(exponential({ initialMs: 50, factor: 1, jitter: 'none' }), 3)).toEqual([50, 50, 50])
  })

  it('spreads over the whole delay by default, over its upper half with equal jitter', () => {
    expect(delays(exponential(), 3, () => 0.25)).toEqual([25, 50, 100])
    expect(delays(exponential({ jitter: 'full' }), 1, () => 0)).toEqual([0])
    expect(delays(exponential({ jitter: 'equal' }), 3, () => 0)).toEqual([50, 100, 200])
    expect(delays(exponential({ jitter: 'equal' }), 1, () => 0.5)).toEqual([75])
  })

  it.each([
    ['the default maximum', exponential({ jitter: 'none' }), 10_000],
    ['no wait at first', exponential({ initialMs: 0, jitter: 'none' }), 0],
    ['no maximum', exponential({ maxMs: Infinity, jitter: 'none' }), Number.MAX_VALUE],
    ['no maximum and bad luck', exponential({ maxMs: Infinity }), 0],
  ])('does not overflow after thousands of attempts: %s', (_case, backoff, expected) => {
    expect(backoff(5_000, failed, { random: () => 0, previousMs: 0 })).toBe(expected)
  })
})

describe('constant and linear', () => {
  it('wait what they are told', () => {
    expect(delays(constant(250), 3)).toEqual([250, 250, 250])
    expect(delays(constant(0), 1)).toEqual([0])
    expect(delays(linear(), 3)).toEqual([100, 200, 300])
    expect(delays(linear({ initialMs: 10, stepMs: 5, maxMs: 18 }), 4)).toEqual([10, 15, 18, 18])
    expect(delays(linear({ jitter: 'full' }), 2)).toEqual([50, 100])
  })
})

describe('decorrelated', () => {
  it('waits between the initial delay and three times the previous one', () => {
    expect(delays(decorrelated(), 3, () => 0)).toEqual([100, 100, 100])
    expect(delays(decorrelated(), 3, () => 0.5)).toEqual([200, 350, 575])
    expect(delays(decorrelated({ initialMs: 100, maxMs: 500 }), 4, () => 0.999_999_999)[3]).toBe(500)
  })
})

describe('any backoff of the house', () => {
  const jitter = fc.constantFrom('none' as const, 'equal' as const, 'full' as const)
  const initialMs = fc.integer({ min: 1, max: 1_000 })
  const maxMs = fc.oneof(fc.integer({ min: 1_000, max: 100_000 }), fc.constant(Infinity))
  const backoff = fc.oneof(
    fc.record({ initialMs, maxMs, jitter, factor: fc.double({ min: 1, max: 1e9, noNaN: true }) }).map((o) => [exponential(o), o.jitter === 'full' ? 0 : o.initialMs / 2, o.maxMs] as const),
    fc.record({ initialMs, maxMs, jitter, stepMs: fc.integer({ min: 0, max: 1e6 }) }).map((o) => [linear(o), o.jitter === 'full' ? 0 : o.initialMs / 2, o.maxMs] as const),
    fc.record({ initialMs, maxMs }).map((o) => [decorrelated(o), o.initialMs, o.maxMs] as const),
  )

  it('is a delay within its bounds, however many attempts there were', () => {
    fc.assert(
      fc.property(backoff, fc.integer({ min: 1, max: 1e6 }), fc.double({ min: 0, max: Number.MAX_VALUE, noNaN: true }), fc.nat(), ([delay, least, most], n, previousMs, seed) => {
        const ms = delay(n, failed, { random: seededRandom(seed), previousMs: Math.min(previousMs, most) })
        expect(ms).toBeGreaterThanOrEqual(least)
        expect(ms).toBeLessThanOrEqual(most)
      }),
    )
  })

  it('says what it does by its name, for describe()', () => {
    expect([exponential(), constant(5), linear(), decorrelated()].map((one) => one.name)).toEqual([
      'exponential(100 ms × 2, at most 10000 ms, jitter full)',
      'constant(5 ms)',
      'linear(100 ms + 100 ms, at most 10000 ms, jitter none)',
      'decorrelated(100 ms, at most 10000 ms)',
    ])
  })
})

describe('bad options', () => {
  it.each([
    [() => exponential({ initialMs: -1 }), RangeError, 'exponential.initialMs must be a number from 0 on, got -1'],
    [() => exponential({ initialMs: NaN }), RangeError, 'exponential.initialMs'],
    [() => exponential({ initialMs: Infinity, maxMs: Infinity }), RangeError, 'exponential.initialMs must be a finite number from 0 on, got Infinity'],
    [() => exponential({ initialMs: '100' as never }), TypeError, 'exponential.initialMs must be a number from 0 on, got "100"'],
    [() => exponential({ factor: 0.5 }), RangeError, 'exponential.factor must be a finite number from 1 on, got 0.5'],
    [() => exponential({ factor: Infinity }), RangeError, 'exponential.factor'],
    [() => exponential({ factor: null as never }), TypeError, 'exponential.factor'],
    [() => exponential({ maxMs: NaN }), RangeError, 'exponential.maxMs'],
    [() => exponential({ initialMs: 20_000 }), RangeError, 'exponential.maxMs must be at least exponential.initialMs (20000), got 10000'],
    [() => exponential({ jitter: 'ful' as never }), RangeError, 'did you mean "full"?'],
    [() => exponential({ jitter: true as never }), TypeError, 'exponential.jitter'],
    [() => exponential({ initial: 5 } as never), TypeError, 'did you mean "initialMs"?'],
    [() => exponential(100 as never), TypeError, 'exponential options must be an object, got 100'],
    [() => constant(-1), RangeError, 'constant.ms must be a number from 0 on, got -1'],
    [() => constant(Infinity), RangeError, 'constant.ms must be a finite number from 0 on, got Infinity'],
    [() => constant(undefined as never), TypeError, 'constant.ms'],
    [() => linear({ initialMs: -1 }), RangeError, 'linear.initialMs'],
    [() => linear({ stepMs: -1 }), RangeError, 'linear.stepMs'],
    [() => linear({ stepMs: Infinity }), RangeError, 'linear.stepMs'],
    [() => linear({ maxMs: 99 }), RangeError, 'linear.maxMs must be at least linear.initialMs (100), got 99'],
    [() => linear({ jitter: '' as never }), RangeError, 'linear.jitter'],
    [() => linear({ factor: 2 } as never), TypeError, 'linear has no option "factor"'],
    [() => decorrelated({ initialMs: 0 }), RangeError, 'decorrelated.initialMs must be a finite number over 0, got 0'],
    [() => decorrelated({ initialMs: Infinity }), RangeError, 'decorrelated.initialMs'],
    [() => decorrelated({ maxMs: 50 }), RangeError, 'decorrelated.maxMs must be at least decorrelated.initialMs (100), got 50'],
    [() => decorrelated({ jitter: 'full' } as never), TypeError, 'decorrelated has no option "jitter"'],
  ])('%s is refused at once', (build, kind, message) => {
    expect(build).toThrow(kind)
    expect(build).toThrow(message)
  })

  it('counts undefined as not said, and never writes to what it was given', () => {
    const options = Object.freeze({ initialMs: undefined, jitter: 'none' as const })
    expect(delays(exponential(options), 1)).toEqual([100])
  })

  it.each([
    [NaN, RangeError],
    [-1, RangeError],
    [-Infinity, RangeError],
    ['5', TypeError],
    [undefined, TypeError],
    [Promise.resolve(5), TypeError],
  ])('a backoff may not answer %s', (answer, kind) => {
    expect(() => checkedDelay(answer)).toThrow(kind)
    expect(() => checkedDelay(answer)).toThrow('the delay that retry.backoff returned must be a number from 0 on')
  })
})
