import { describe, expect, it } from 'vitest'
import { adaptiveLimit, attempt, pipeline, settled, timeout } from 'spillway'
import { manualClock } from 'spillway/testing'

describe('an adaptive limit', () => {
  it.each(['aimd', 'vegas'] as const)('is a number also without a pipeline around its attempts: %s', (algorithm) => {
    const clock = manualClock()
    const one = adaptiveLimit({ algorithm, start: 1 })
    pipeline('search', [one], { clock })
    for (let i = 0; i < 200; i++) {
      const a = attempt({ clock })
      const permit = one.admit(a)
      clock.tick(100)
      one.settle!(permit, settled(i % 50 === 49 ? 'overload' : 'success', a), a)
      one.release!(permit, a)
    }
    expect([one.limit >= 1, one.inFlight]).toEqual([true, 0])
  })
  it('does not take an idle hour for a dependency that answers nothing', async () => {
    const clock = manualClock()
    const told: string[] = []
    const one = adaptiveLimit()
    one.on('policy.warned', ({ message }) => told.push(message))
    const search = pipeline('search', [one, timeout(1_000)], { clock })
    const work = (): Promise<void> => new Promise((resolve) => clock.after(50, resolve))
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 20; i++) void search.tryRun(work, { priority: 'critical' })
      await clock.advance(60)
    }
    await clock.advance(3_600_000)
    await search.tryRun(() => {})
    expect(told).toEqual([])
  })
  it('learns nothing once it is off, also of who came before', async () => {
    const clock = manualClock()
    const one = adaptiveLimit()
    const search = pipeline('search', [one, timeout(100)], { clock })
    void search.tryRun(() => new Promise(() => {}))
    one.update({ mode: 'off' })
    await clock.advance(200)
    expect(one.limit).toBe(10)
  })
})
