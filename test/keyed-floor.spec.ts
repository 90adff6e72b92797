import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { breaker, bulkhead, constant, keyed, pipeline, retry, retryBudget, type RetryBudget, retryFloor } from 'spillway'
import { manualClock } from 'spillway/testing'

const failing = async (): Promise<never> => {
  throw new Error('down')
}

/** How many retries a thousand keys make of `calls` failing first attempts each, all at once and then one round per second. */
async function retriesOf(budget: () => RetryBudget | undefined, rounds: number, keys = 1_000): Promise<number> {
  const clock = manualClock()
  const one = keyed((key) => pipeline(key, [retry({ backoff: constant(0), budget: budget() })], { clock }), { max: keys })
  let attempts = 0
  for (let round = 0; round < rounds; round++) {
    await Promise.all(Array.from({ length: keys }, (_, i) => one.tryRun(`${i}`, () => (attempts++, failing()))))
    await clock.advance(1_000)
  }
  return attempts - rounds * keys
}

describe('keyed › retry budgets', () => {
  it('a thousand keys share one floor without being told: 10 retries at once, not 10 000', async () => {
    expect(await retriesOf(() => undefined, 1)).toBe(10)
  })

  it('as do budgets that the factory makes, floor included where they say the same', async () => {
    expect(await retriesOf(() => retryBudget({ ratio: 0.2 }), 1)).toBe(10)
    expect(await retriesOf(() => retryBudget({ minPerSecond: 5, ttlMs: 2_000 }), 1)).toBe(10)
    expect(await retriesOf(() => retryBudget({ minPerSecond: 0 }), 1)).toBe(0)
    let i = 0
    expect(await retriesOf(() => retryBudget({ minPerSecond: 1 + (i++ % 2) }), 1)).toBe(30)
  })

  it('and each key earns its own share of its first attempts', async () => {
    // 20 rounds of 100 keys: 10 + 19 of the floor, and a tenth of 2 000 first attempts.
    const retries = await retriesOf(() => undefined, 20, 100)
    expect(retries).toBeGreaterThan(200)
    expect(retries).toBeLessThanOrEqual(10 + 19 + 200)
  })

  it('a floor may be made outside, and shared by other pipelines too', async () => {
    const floor = retryFloor({ minPerSecond: 3, ttlMs: 1_000 })
    expect(await retriesOf(() => retryBudget({ floor }), 1)).toBe(3)
  })

  it('each key has a floor of its own where it is given one', async () => {
    expect(await retriesOf(() => retryBudget({ floor: retryFloor() }), 1, 10)).toBe(10 * 2)
  })

  it('one budget for all keys stays one', async () => {
    const budget = retryBudget()
    expect(await retriesOf(() => budget, 1)).toBe(110)
  })

  it('evicted and made anew, a key brings no fresh floor', async () => {
    const clock = manualClock()
    const one = keyed((key) => pipeline(key, [retry({ backoff: constant(0) })], { clock }), { max: 1, idleMs: 0 })
    let attempts = 0
    for (let i = 0; i < 500; i++) await one.tryRun(`${i}`, () => (attempts++, failing()))
    expect(attempts - 500).toBe(10)
  })

  it('two families have two floors', async () => {
    expect((await retriesOf(() => undefined, 1)) + (await retriesOf(() => undefined, 1))).toBe(20)
  })

  it('a retry that a breaker refused gives its token back to who paid it', async () => {
    const clock = manualClock()
    const floor = retryFloor({ minPerSecond: 0.1 })
    const one = keyed((key) => pipeline(key, [retry({ backoff: constant(0), budget: retryBudget({ ratio: 0, floor }) }), breaker({ consecutive: 1 })], { clock }))
    for (const key of ['a', 'b', 'c']) expect(await one.tryRun(key, failing)).toMatchObject({ attempts: 1 })
    expect(floor.balance()).toBe(1)
  })
})

describe('retryFloor', () => {
  it('is full when fresh, and refilled by minPerSecond', async () => {
    const clock = manualClock(500)
    const floor = retryFloor({ minPerSecond: 2, ttlMs: 5_000 })
    expect(floor.balance()).toBe(10)
    floor.bind(clock)
    let granted = 0
    while (floor.withdraw(500)) granted++
    expect(granted).toBe(10)
    await clock.advance(1_500)
    expect(floor.balance()).toBe(3)
    floor.refund()
    expect(floor.balance()).toBe(4)
    await clock.advance(1e9)
    expect(floor.balance()).toBe(10)
  })

  it('grants little too, and 0 and Infinity mean what they say', () => {
    const little = retryFloor({ minPerSecond: 0.05 })
    expect(little.withdraw(0)).toBe(false)
    expect(little.withdraw(10_000)).toBe(true)
    expect(retryFloor({ minPerSecond: 0 }).withdraw(1e9)).toBe(false)
    const endless = retryFloor({ minPerSecond: Infinity })
    for (let i = 0; i < 1_000; i++) expect(endless.withdraw(i)).toBe(true)
    const budget = retryBudget({ minPerSecond: Infinity })
    budget.shareFloor(new Map())
    expect(budget.withdraw(0)).toBe(true)
    expect(budget.balance(1)).toBe(Infinity)
  })

  it('does not mind a clock that steps back', () => {
    const floor = retryFloor({ minPerSecond: 0.1 })
    expect(floor.withdraw(100_000)).toBe(true)
    expect(floor.withdraw(50_000)).toBe(false)
    expect(floor.withdraw(109_999)).toBe(false)
    expect(floor.withdraw(110_000)).toBe(true)
  })

  it('shows its options, and is updated in part, checked as a whole', () => {
    const floor = retryFloor({ minPerSecond: 2 })
    floor.update({ ttlMs: 1_000 })
    expect(floor.options).toEqual({ minPerSecond: 2, ttlMs: 1_000 })
    expect(floor.balance(0)).toBe(2)
    expect(() => floor.update({ minPerSecond: -1 })).toThrow(RangeError)
    expect(JSON.stringify(retryBudget({ floor }).options)).toBe('{"ratio":0.1,"minPerSecond":2,"ttlMs":10000,"floor":{"minPerSecond":2,"ttlMs":1000}}')
  })

  it('lives on one clock', () => {
    const floor = retryFloor()
    retryBudget({ floor }).bind(manualClock())
    expect(() => retryBudget({ floor }).bind(manualClock())).toThrow(new TypeError('Cannot use one retryFloor on two clocks: it is bound to that of another pipeline'))
  })

  it.each([
    [() => retryFloor({ minPerSecond: -1 }), RangeError, 'retryFloor.minPerSecond must be a number from 0 on, got -1'],
    [() => retryFloor({ ttlMs: 0 }), RangeError, 'retryFloor.ttlMs must be a finite number over 0, got 0'],
    [() => retryFloor({ ratio: 1 } as never), TypeError, 'retryFloor has no option "ratio"'],
    [() => retryBudget({ floor: { minPerSecond: 1 } as never }), TypeError, 'retryBudget.floor must be a retryFloor({…}), got an object'],
    [() => retryBudget({ floor: null as never }), TypeError, 'retryBudget.floor'],
    [() => retryBudget({ floor: retryFloor(), minPerSecond: 1 }), TypeError, 'retryBudget.minPerSecond must be left out where a floor is given'],
    [() => retryBudget({ floor: retryFloor() }).update({ minPerSecond: 1 }), TypeError, 'retryBudget.minPerSecond must be left out where a floor is given'],
  ])('refuses nonsense %#', (make, kind, message) => {
    expect(make).toThrow(kind)
    expect(make).toThrow(message)
  })
})

describe('a budget that joins a family', () => {
  const spent = (budget: RetryBudget, now = 0): number => {
    let n = 0
    while (n < 1_000 && budget.withdraw(now)) n++
    return n
  }

  it('brings what it has earned, not its floor', () => {
    const budget = retryBudget()
    budget.bind(manualClock())
    for (let i = 0; i < 50; i++) budget.deposit()
    expect(budget.balance(0)).toBeCloseTo(15)
    const floors = new Map()
    budget.shareFloor(floors)
    expect(budget.balance(0)).toBeCloseTo(15)
    expect(spent(budget)).toBe(15)
    const other = retryBudget()
    other.shareFloor(floors)
    expect(spent(other)).toBe(0)
  })

  it('stays in it, and with the floor it was given', () => {
    const floor = retryFloor()
    const given = retryBudget({ floor })
    const first = new Map()
    const budget = retryBudget()
    for (const floors of [first, new Map()]) {
      given.shareFloor(floors)
      budget.shareFloor(floors)
    }
    expect(first.size).toBe(1)
    spent(given)
    expect(floor.balance(0)).toBe(0)
    expect(spent(budget)).toBe(10)
  })

  it('that says another floor takes part in that one', () => {
    const floors = new Map()
    const one = retryBudget()
    const two = retryBudget({ minPerSecond: 2 })
    one.shareFloor(floors)
    two.shareFloor(floors)
    one.update({ minPerSecond: 2 })
    expect(spent(one) + spent(two)).toBe(20)
    const floor = retryFloor({ minPerSecond: 0.5 })
    one.update({ floor })
    expect(spent(one)).toBe(5)
    expect(floor.balance(0)).toBe(0)
  })

  it('law: retries of all ≤ one floor + ratio of their first attempts, whoever asks when', () => {
    const event = fc.record({
      waitMs: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 30_000, noNaN: true })),
      which: fc.nat(5),
      firstAttempts: fc.nat({ max: 50 }),
      wanted: fc.nat({ max: 30 }),
      refunded: fc.nat({ max: 3 }),
    })
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 20, noNaN: true }),
        fc.double({ min: 1, max: 60_000, noNaN: true }),
        fc.array(event, { maxLength: 60 }),
        fc.boolean(),
        (ratio, minPerSecond, ttlMs, events, joins) => {
          const clock = manualClock()
          const floors = new Map()
          const floor = retryFloor({ minPerSecond, ttlMs })
          const budgets = Array.from({ length: 6 }, () => {
            const budget = joins ? retryBudget({ ratio, minPerSecond, ttlMs }) : retryBudget({ ratio, ttlMs, floor })
            budget.bind(clock)
            budget.shareFloor(floors)
            return budget
          })
          let now = 0
          let firsts = 0
          const retries = budgets.map(() => 0)
          for (const { waitMs, which, firstAttempts, wanted, refunded } of events) {
            now += waitMs
            const budget = budgets[which]!
            for (let i = 0; i < firstAttempts; i++) budget.deposit()
            firsts += firstAttempts
            for (let i = 0; i < wanted; i++) if (budget.withdraw(now)) retries[which]!++
            for (let i = 0; i < refunded && retries[which]! > 0; i++) {
              budget.refund()
              retries[which]!--
            }
            const all = retries.reduce((sum, n) => sum + n)
            expect(all).toBeLessThanOrEqual((minPerSecond * (now + ttlMs)) / 1_000 + ratio * firsts + 1e-6)
          }
        },
      ),
    )
  })

  it('bulkheads and other policies are left alone', async () => {
    const one = keyed((key) => pipeline(key, [retry({ budget: false }), bulkhead({ slots: 1 }), { kind: 'guard', name: 'own', options: { budget: null }, admit: () => ({}) }]))
    expect(await one.run('a', () => 1)).toBe(1)
  })
})
