import { describe, expect, it } from 'vitest'
import { pipeline, throttle, type ThrottleOptions } from 'spillway'
import { manualClock } from 'spillway/testing'

function story(options?: ThrottleOptions) {
  const clock = manualClock()
  const one = throttle(options)
  return { clock, one, search: pipeline('search', [one], { clock, random: () => 0 }) }
}

describe('what a throttle knows of the calls that come', () => {
  it('a hint of no calls at all holds also where nothing was offered', () => {
    const { one } = story()
    one.hint({ calls: 0, forMs: 5_000 })
    expect(one.allow).toBe(0)
  })
  it('a hint of calls goes by the last 10 s, also where nothing is adaptive', async () => {
    const { one, search, clock } = story()
    for (let i = 0; i < 200; i++) {
      await search.run(() => {})
      clock.tick(1_000)
    }
    one.hint({ calls: 10, forMs: 10_000 })
    expect(one.allow).toBe(1)
    one.hint({ calls: 5, forMs: 10_000 })
    expect(one.allow).toBeGreaterThan(0.45)
    expect(one.allow).toBeLessThan(0.7)
  })
  it('the share over all priorities goes by the last 10 s, also where it is fixed', async () => {
    const { one, search, clock } = story({ allow: { low: 0.1 } })
    for (let i = 0; i < 100; i++) await search.tryRun(() => {}, { priority: 'low' })
    expect(one.allow).toBeCloseTo(0.1)
    clock.tick(3_600_000)
    for (let i = 0; i < 100; i++) await search.tryRun(() => {}, { priority: 'critical' })
    expect(one.allow).toBe(1)
  })
})
