import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { retryBudget, type RetryBudgetOptions } from '../src/retry/index.ts'
import { manualClock, seededRandom } from '../src/testing/index.ts'

/** A budget whose time began at 0. */
function budgetAt0(options?: RetryBudgetOptions): ReturnType<typeof retryBudget> {
  const budget = retryBudget(options)
  budget.bind(manualClock())
  return budget
}

/** How many retries it grants in a row. */
function grants(budget: ReturnType<typeof retryBudget>, now: number, most = 100_000): number {
  let granted = 0
  while (granted < most && budget.withdraw(now)) granted++
  return granted
}

function deposit(budget: ReturnType<typeof retryBudget>, count: number): void {
  for (let i = 0; i < count; i++) budget.deposit()
}

describe('retry budget', () => {
  it('is full when fresh: minPerSecond for one ttl', () => {
    expect(grants(budgetAt0(), 0)).toBe(10)
    expect(grants(budgetAt0({ minPerSecond: 3, ttlMs: 5_000 }), 0)).toBe(15)
    expect(grants(budgetAt0({ minPerSecond: 0 }), 0)).toBe(0)
  })

  it('grants one retry for ten first attempts', () => {
    const budget = budgetAt0({ minPerSecond: 0 })
    deposit(budget, 9)
    expect(grants(budget, 0)).toBe(0)
    deposit(budget, 1)
    expect(grants(budget, 0)).toBe(1)
    deposit(budget, 100)
    expect(grants(budget, 0)).toBe(10)
  })

  it('ten times a tenth is one, also when counted one by one', () => {
    const budget = budgetAt0({ minPerSecond: 0 })
    for (let i = 0; i < 10; i++) {
      budget.deposit()
      budget.balance(0)
    }
    expect(grants(budget, 0)).toBe(1)
  })

  it('grants minPerSecond without any traffic', () => {
    const budget = budgetAt0({ minPerSecond: 2 })
    grants(budget, 0)
    expect(grants(budget, 499)).toBe(0)
    expect(grants(budget, 500)).toBe(1)
    expect(grants(budget, 3_500)).toBe(6)
  })

  it('grants little traffic its share too', () => {
    const budget = budgetAt0({ minPerSecond: 0 })
    let granted = 0
    for (let s = 1; s <= 1_000; s++) {
      if (s % 5 === 0) budget.deposit()
      if (budget.withdraw(s * 1_000)) granted++
    }
    expect(granted).toBeGreaterThan(15)
    expect(granted).toBeLessThanOrEqual(20)
  })

  it('after an idle hour is as full as its cap says, not fuller', () => {
    const budget = budgetAt0()
    grants(budget, 0)
    for (let ms = 0; ms < 60_000; ms += 10) {
      budget.deposit()
      budget.balance(ms)
    }
    // A minute of 100/s: 1·10 + 0.1·100·10.
    expect(budget.balance(60_000)).toBeGreaterThan(65)
    expect(budget.balance(60_000)).toBeLessThanOrEqual(110)
    expect(budget.balance(3_660_000)).toBeCloseTo(10, 9)
    expect(grants(budget, 3_660_000)).toBe(10)
  })

  it('after a healthy day without a single retry is as full as its cap says, not fuller', () => {
    const budget = budgetAt0()
    deposit(budget, 864_000)
    // 10/s: 1·10 + 0.1·10·10.
    expect(grants(budget, 86_400_000)).toBe(20)
  })

  it('knows no rate before its time begins: a first outage after a healthy day gets no day of retries', () => {
    const budget = retryBudget()
    deposit(budget, 864_000)
    expect(grants(budget, 86_400_000)).toBe(10)
    const mean = retryBudget({ minPerSecond: 0 })
    deposit(mean, 10)
    expect(grants(mean, 86_400_000)).toBe(1)
  })

  it('takes back the withdrawal of a retry that was refused', () => {
    const budget = budgetAt0({ minPerSecond: 0.1 })
    expect(grants(budget, 0)).toBe(1)
    budget.refund()
    expect(grants(budget, 0)).toBe(1)
    expect(grants(budget, 0)).toBe(0)
    for (let i = 0; i < 5; i++) budget.refund()
    expect(grants(budget, 0)).toBe(1)
  })

  it('does not mind a clock that steps back', () => {
    const budget = budgetAt0({ minPerSecond: 1 })
    expect(grants(budget, 100_000)).toBe(10)
    expect(grants(budget, 50_000)).toBe(0)
    expect(grants(budget, 100_500)).toBe(0)
    expect(grants(budget, 101_000)).toBe(1)
  })

  it('nor does a rate grow by one', () => {
    const budget = budgetAt0({ minPerSecond: 0 })
    budget.balance(100_000)
    deposit(budget, 1_100)
    expect(budget.balance(50_000)).toBeCloseTo(110)
    expect(budget.balance(50_000)).toBeCloseTo(110)
    expect(budget.balance(120_000)).toBeCloseTo(110 * Math.exp(-2))
  })

  it('is one level for all that share it', () => {
    const clock = manualClock(500)
    const budget = retryBudget({ minPerSecond: 0.1 })
    budget.bind(clock)
    budget.bind(clock)
    expect(budget.withdraw(500)).toBe(true)
    expect(budget.withdraw(500)).toBe(false)
    expect(() => budget.bind(manualClock())).toThrow(TypeError)
  })

  it('shows its balance and its options', async () => {
    const clock = manualClock(1_000)
    const budget = retryBudget({ ratio: 0.2 })
    expect(budget.balance()).toBe(10)
    budget.bind(clock)
    budget.withdraw(1_000)
    expect(budget.balance()).toBe(9)
    await clock.advance(500)
    expect(budget.balance()).toBe(9.5)
    expect(budget.options).toEqual({ ratio: 0.2, minPerSecond: 1, ttlMs: 10_000 })
  })

  it('is updated in part, checked as a whole, and keeps what was earned up to the new cap', () => {
    const budget = budgetAt0()
    budget.update({ minPerSecond: 0.5 })
    expect(budget.options).toEqual({ ratio: 0.1, minPerSecond: 0.5, ttlMs: 10_000 })
    expect(grants(budget, 0)).toBe(5)
    expect(() => budget.update({ ratio: 2 })).toThrow(RangeError)
    expect(budget.options.ratio).toBe(0.1)
  })

  it('0 and Infinity mean what they say', () => {
    const none = budgetAt0({ ratio: 0, minPerSecond: 0 })
    deposit(none, 1_000)
    expect(grants(none, 1e9)).toBe(0)
    expect(grants(budgetAt0({ minPerSecond: Infinity }), 0, 1_000)).toBe(1_000)
  })

  it.each([
    [{ ratio: -0.1 }, RangeError, 'retryBudget.ratio must be a ratio from 0 to 1, got -0.1'],
    [{ ratio: 1.5 }, RangeError, 'retryBudget.ratio'],
    [{ ratio: NaN }, RangeError, 'retryBudget.ratio'],
    [{ ratio: '10%' }, TypeError, 'retryBudget.ratio must be a ratio from 0 to 1, got "10%"'],
    [{ minPerSecond: -1 }, RangeError, 'retryBudget.minPerSecond must be a number from 0 on, got -1'],
    [{ minPerSecond: NaN }, RangeError, 'retryBudget.minPerSecond'],
    [{ minPerSecond: null }, TypeError, 'retryBudget.minPerSecond'],
    [{ ttlMs: 0 }, RangeError, 'retryBudget.ttlMs must be a finite number over 0, got 0'],
    [{ ttlMs: Infinity }, RangeError, 'retryBudget.ttlMs'],
    [{ ttlMs: [] }, TypeError, 'retryBudget.ttlMs'],
    [{ ttl: 5 }, TypeError, 'retryBudget has no option "ttl"; did you mean "ttlMs"?'],
    [7, TypeError, 'retryBudget options must be an object, got 7'],
  ])('%j is refused at build', (options, kind, message) => {
    expect(() => retryBudget(options as never)).toThrow(kind)
    expect(() => retryBudget(options as never)).toThrow(message)
  })
})

describe('law: retries stay within budget', () => {
  const event = fc.record({
    waitMs: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 30_000, noNaN: true })),
    firstAttempts: fc.nat({ max: 200 }),
    wanted: fc.nat({ max: 50 }),
    refunded: fc.nat({ max: 3 }),
  })

  it('retries ≤ minPerSecond·(elapsed + ttl) + ratio·first attempts, whatever happens when', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 20, noNaN: true }),
        fc.double({ min: 1, max: 60_000, noNaN: true }),
        fc.array(event, { maxLength: 60, size: 'max' }),
        fc.boolean(),
        (ratio, minPerSecond, ttlMs, events, bound) => {
          const budget = retryBudget({ ratio, minPerSecond, ttlMs })
          if (bound) budget.bind(manualClock())
          let now = 0
          let firsts = 0
          let retries = 0
          for (const { waitMs, firstAttempts, wanted, refunded } of events) {
            now += waitMs
            deposit(budget, firstAttempts)
            firsts += firstAttempts
            for (let i = 0; i < wanted; i++) if (budget.withdraw(now)) retries++
            for (let i = 0; i < refunded && retries > 0; i++) {
              budget.refund()
              retries--
            }
            expect(retries).toBeLessThanOrEqual((minPerSecond * (now + ttlMs)) / 1_000 + ratio * firsts + 1e-6)
          }
        },
      ),
    )
  })

  it.each([0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 0.9, 1])('amplification is at most 1.10 with 3 attempts and minPerSecond 0, at failure rate %d', (failureRate) => {
    const random = seededRandom(1)
    const budget = budgetAt0({ minPerSecond: 0 })
    const calls = 20_000
    let attempts = 0
    for (let call = 0; call < calls; call++) {
      const now = call * 10
      for (let attempt = 1; attempt <= 3; attempt++) {
        attempts++
        if (attempt === 1) budget.deposit()
        if (random() >= failureRate || attempt === 3 || !budget.withdraw(now)) break
      }
    }
    expect(attempts / calls).toBeLessThanOrEqual(1.1)
    // It is used, too: what it grants is what failed, up to its ratio.
    expect(attempts / calls).toBeGreaterThan(1 + Math.min(0.09, failureRate * 0.9))
  })
})
