import { afterAll, describe, expect, it } from 'vitest'
import { breaker, bulkhead, type Guard, keyed, type KeyedOptions, pipeline, type Pipeline, type Policy, retry, timeout, unguarded } from 'spillway'
import { LOOKS } from '../src/keyed/idle.ts'
import { countingClock } from './support/counting-clock.ts'
import { collect, FLAT, heapGrowth } from './support/heap.ts'
import { promisesMade } from './support/promises.ts'

const policies = (): Policy[] => [retry(), breaker(), bulkhead({ slots: 50 }), timeout(500)]
const answer = async (): Promise<number> => 1

const table: object[] = []
afterAll(() => console.table(table))

describe('a call of a key that is there', () => {
  it('makes no promise of its own', async () => {
    const plain = pipeline('plain', policies())
    const one = keyed((key) => pipeline(key, policies()))
    await one.run('a', answer)
    expect(await promisesMade(() => one.run('a', answer))).toBe(await promisesMade(() => plain.run(answer)))
  })

  it('reads the clock once more, when it has ended, and arms no timer', async () => {
    const clock = countingClock()
    const one = keyed((key) => pipeline(key, [bulkhead({ slots: 5 })], { clock }))
    await one.run('a', () => 1)
    clock.reads = 0
    await one.run('a', () => 1)
    expect([clock.reads, clock.timers]).toEqual([1, 0])
    // Of many at once, the last.
    await Promise.all(Array.from({ length: 5 }, () => one.run('a', answer)))
    expect(clock.reads).toBe(2)
  })
})

describe('making room', () => {
  /** A thousand keys; how often a policy was asked whether it is busy. */
  async function full(busy: (key: string) => boolean, options: KeyedOptions = {}) {
    const clock = countingClock()
    const asked = { times: 0 }
    const one = keyed((key) => {
      const guard: Guard = { kind: 'guard', name: 'asked', admit: () => unguarded, busy: () => (asked.times++, busy(key)) }
      return pipeline('tenants', [guard], { clock })
    }, { idleMs: 1, ...options })
    for (let i = 0; i < 1_000; i++) await one.run(`${i}`, answer)
    return { one, clock, asked }
  }

  it('asks nobody below max, nor for a key that is there', async () => {
    const { one, asked } = await full(() => false)
    for (let i = 0; i < 1_000; i++) await one.run(`${i}`, answer)
    expect(asked.times).toBe(0)
  })

  it('asks two times for each further key: before the factory and after it', async () => {
    const { one, asked, clock } = await full(() => false)
    await clock.manual.advance(1)
    for (let i = 0; i < 1_000; i++) await one.run(`new ${i}`, answer)
    expect(asked.times).toBe(2_000)
    expect(one.size).toBe(1_000)
  })

  it('asks nobody who has not rested long enough', async () => {
    const { one, asked } = await full(() => false)
    for (let i = 0; i < 1_000; i++) await one.run(`new ${i}`, answer)
    expect(asked.times).toBe(0)
  })

  it('asks no policy of one that runs', async () => {
    const { one, asked, clock } = await full(() => true)
    const ends: (() => void)[] = []
    const running = Array.from({ length: 1_000 }, (_, i) => one.run(`${i}`, () => new Promise<void>((resolve) => ends.push(resolve))))
    await clock.manual.advance(1)
    for (let i = 0; i < 10; i++) await one.run('new', answer)
    expect(asked.times).toBe(0)
    for (const end of ends) end()
    await Promise.all(running)
  })

  it('asks each busy one once, and then a few for each call in the overflow', async () => {
    const { one, asked, clock } = await full(() => true)
    await clock.manual.advance(1)
    await one.run('new', answer)
    expect(asked.times).toBe(1_000)
    for (let i = 0; i < 1_000; i++) await one.run('new', answer)
    expect(asked.times).toBe(1_000 + 1_000 * LOOKS)
  })
})

describe('memory', { timeout: 60_000 }, () => {
  const keys = 20_000
  /** Bytes for each of many keys that have run a call. */
  async function perKey(make: (key: string) => Promise<unknown>): Promise<number> {
    for (let i = 0; i < 1_000; i++) await make(`warm ${i}`)
    await collect()
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < keys; i++) await make(`key ${i}`)
    await collect()
    return (process.memoryUsage().heapUsed - before) / keys
  }

  it.each<[string, () => Policy[], number]>([
    ['no policy', () => [], 500],
    ['retry, breaker, bulkhead, timeout', policies, 500],
  ])('of a key with %s: what the pipeline takes, and at most 500 bytes', async (what, list, most) => {
    const map = new Map<string, Pipeline<unknown>>()
    const plain = await perKey((key) => {
      const one = pipeline('tenants', list())
      map.set(key, one)
      return one.run(answer)
    })
    expect(map.size).toBe(keys + 1_000)
    const one = keyed(() => pipeline('tenants', list()), { max: Infinity })
    const kept = await perKey((key) => one.run(key, answer))
    expect(one.size).toBe(keys + 1_000)
    table.push({ what, 'bytes per key': Math.round(kept), 'in a Map': Math.round(plain), more: Math.round(kept - plain) })
    expect(kept - plain).toBeLessThan(most)
  })

  it('stays flat over 2·10⁴ keys of which 100 are kept', async () => {
    const one = keyed((key) => pipeline(key, [bulkhead({ slots: 5 }), timeout(500)]), { max: 100, idleMs: 0 })
    one.on('call.settled', () => {})
    one.on('*', () => {})
    let i = 0
    expect(await heapGrowth(keys, async (times) => {
      for (const end = i + times; i < end; i++) await one.run(`${i}`, answer)
    })).toBeLessThan(FLAT)
  })

  it('evicted and deleted pipelines are collected, though they share a policy and are listened to', async () => {
    const shared = breaker()
    const refs: WeakRef<object>[] = []
    const one = keyed((key) => {
      const made = pipeline(key, [retry(), shared, timeout(500)])
      refs.push(new WeakRef(made))
      return made
    }, { max: 2, idleMs: 0, observers: [{ callSettled() {}, event() {} }] })
    one.on('*', () => {})
    const undo = one.on('breaker.opened', () => {})
    for (let i = 0; i < 200; i++) await one.run(`${i}`, answer)
    undo()
    one.delete('199')
    await collect()
    // The first pipeline's host is what the shared policy is bound to, and its clock that of all.
    expect(refs.slice(1, -2).filter((ref) => ref.deref() !== undefined)).toHaveLength(0)
    expect(refs.at(-1)!.deref()).toBeUndefined()
    expect([...one.keys()]).toEqual(['198'])
  })

  it('one deleted with calls in flight is collected when they have ended', async () => {
    let end!: () => void
    const refs: WeakRef<object>[] = []
    const one = keyed((key) => {
      const made = pipeline(key, [])
      refs.push(new WeakRef(made))
      return made
    })
    one.on('*', () => {})
    await one.run('first', answer)
    const call = one.run('a', () => new Promise<void>((resolve) => (end = resolve)))
    one.delete('a')
    await collect()
    end()
    await call
    await collect()
    expect(refs[1]!.deref()).toBeUndefined()
  })
})
