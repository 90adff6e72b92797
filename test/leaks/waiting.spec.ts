import { describe, expect, it } from 'vitest'
import { adaptiveLimit, breaker, keyed, park, pipeline, type Policy, shed, timeout } from 'spillway'
import { manualClock } from 'spillway/testing'
import { collect, FLAT, heapGrowth, kept } from '../support/heap.ts'

const down = new Error('down')
const quiet = { onWarning: () => {} }

describe('who waited and has gone', { timeout: 60_000 }, () => {
  it.each([
    ['parked', () => {
      const lot = park()
      const gate = breaker()
      gate.isolate()
      return { policies: [lot, gate, timeout(500)], guard: lot }
    }],
    ['for a limit', () => {
      const limit = adaptiveLimit({ start: 1, max: 1, queue: Infinity })
      return { policies: [limit, timeout(500)], guard: limit }
    }],
  ] as const)('%s, then aborted: leaves nothing, 10⁵ times', async (_where, make) => {
    const clock = manualClock()
    const { policies, guard } = make()
    const p = pipeline('waits', policies, { clock, ...quiet })
    const plan = await kept(p)
    let end!: () => void
    const holder = p.tryRun(() => new Promise<void>((resolve) => (end = resolve)), { priority: 'critical' })
    const second = p.tryRun(() => new Promise<void>(() => {}), { priority: 'critical' })
    const grown = await heapGrowth(100_000, async (times) => {
      for (let i = 0; i < times; i += 100) {
        const controller = new AbortController()
        const gone = Array.from({ length: 100 }, () => p.tryRun(async () => 1, { priority: 'low', signal: controller.signal }))
        expect(guard.queued).toBe(100)
        controller.abort(down)
        expect(guard.queued).toBe(0)
        await Promise.all(gone)
      }
    })
    expect(grown).toBeLessThan(FLAT)
    expect([plan.parked.size, plan.live.size]).toEqual([0, 0])
    end?.()
    await collect()
    void [holder, second]
  })
})

describe('keyed', () => {
  it('keeps a pipeline whose limit has come down, or in which somebody is parked; not for the load of the process', async () => {
    const clock = manualClock()
    const limit = adaptiveLimit()
    const lot = park()
    const gate = breaker()
    const kinds: Record<string, Policy[]> = { limit: [limit], parked: [lot, gate], load: [shed({ load: () => 0.5 })] }
    const family = keyed((key) => pipeline(key, kinds[key] ?? [adaptiveLimit()], { clock, ...quiet }), { max: 3, idleMs: 1_000 })
    const here = (): string[] => Object.keys(kinds).filter((key) => family.get(key) !== undefined)
    for (const key of Object.keys(kinds)) await family.run(key, () => 1)
    await family.get('limit')!.tryRun(() => Promise.reject(Object.assign(new Error('busy'), { status: 503 })))
    const undo = gate.isolate()
    const controller = new AbortController()
    const parked = family.get('parked')!.tryRun(() => 1, { priority: 'low', signal: controller.signal })
    undo()
    await clock.advance(900)
    expect([limit.busy!(), lot.queued]).toEqual([true, 1])
    await clock.advance(150)
    await family.run('x', () => 1)
    expect(here()).toEqual(['limit', 'parked'])
    controller.abort(down)
    await parked
    await clock.advance(1_500)
    for (const key of ['y', 'z']) await family.run(key, () => 1)
    expect(here()).toEqual(['limit'])
    // What was learned of a drop is old after a minute.
    await clock.advance(60_000)
    for (const key of ['a', 'b', 'c']) await family.run(key, () => 1)
    expect(here()).toEqual([])
  })
})
