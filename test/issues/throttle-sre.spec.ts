import { describe, expect, it } from 'vitest'
import { breaker, pipeline, throttle } from 'spillway'
import { manualClock } from 'spillway/testing'

const busy = () => Promise.reject(Object.assign(new Error('busy'), { status: 503 }))

describe("a throttle with algorithm 'sre'", () => {
  it('holds nothing back for what is hours old', async () => {
    const clock = manualClock()
    const one = throttle({ adaptive: { algorithm: 'sre' } })
    const search = pipeline('search', [one], { clock, random: () => 0 })
    for (let i = 0; i < 400; i++) {
      await search.tryRun(busy)
      clock.tick(10)
    }
    expect(one.allow).toBe(0.1)
    clock.tick(3_600_000)
    let served = 0
    for (let i = 0; i < 10; i++) await search.tryRun(() => served++)
    expect(served).toBeGreaterThan(8)
  })
  it('gets over the share that a breaker began it with, however little comes', async () => {
    const clock = manualClock()
    const one = throttle({ adaptive: { algorithm: 'sre' } })
    const broken = breaker({ consecutive: 3, recovery: 'ramp', breakMs: 1_000 })
    const search = pipeline('search', [one, broken], { clock, random: () => 0 })
    for (let i = 0; i < 3; i++) await search.tryRun(busy)
    clock.tick(10_000)
    await search.tryRun(() => {})
    expect([broken.state, one.allow]).toEqual(['closed', 0.1])
    for (let i = 0; i < 7; i++) {
      clock.tick(10_000)
      await search.tryRun(() => {})
    }
    expect(one.allow).toBe(1)
  })
  it("can be changed for 'gain' where k was said", () => {
    const one = throttle({ adaptive: { algorithm: 'sre', k: 3, probesPerSecond: 5 } })
    one.update({ adaptive: { algorithm: 'gain' } })
    expect(one.options.adaptive).toMatchObject({ algorithm: 'gain', probesPerSecond: 5 })
    expect(() => one.update({ adaptive: { algorithm: 'gain', k: 3 } })).toThrow('throttle.adaptive.k')
  })
})
