import { describe, expect, it } from 'vitest'
import { attempt, breaker, pipeline, settled, throttle, type Verdict } from 'spillway'
import { manualClock } from 'spillway/testing'
import { AdaptiveShare } from '../../src/math/adaptive-share.ts'

describe('a share that was just begun', () => {
  it('stands until a first result has come, however many were refused meanwhile', () => {
    const share = new AdaptiveShare(40_000, 20)
    share.seed(0.1, 0)
    for (let at = 0; at < 5_000; at += 10) share.refused(at)
    expect(share.share).toBe(0.1)
    for (let at = 5_000; at < 10_000; at += 10) share.settled(true, at)
    expect(share.share).toBeGreaterThan(0.1)
  })
  it('grows also where it was none', () => {
    const share = new AdaptiveShare(4_000, 20)
    share.seed(0, 0)
    for (let at = 0; at < 30_000; at += 10) {
      if (at % 1_000 === 0 || share.share > 0.5) share.settled(true, at)
      else share.refused(at)
    }
    expect(share.share).toBeGreaterThan(0)
  })
  it('ends also where a breaker was restored before there was a clock', async () => {
    const clock = manualClock()
    const one = breaker({ recovery: 'ramp' })
    one.restore({ version: 1, state: 'closed', failuresInARow: 0, rampShare: 0.1, window: { bucketMs: 1_000, buckets: [] } })
    const search = pipeline('search', [one], { clock })
    for (let i = 0; i < 10; i++) {
      await search.tryRun(() => {})
      clock.tick(10_000)
    }
    expect([one.share(), one.busy()]).toEqual([1, false])
  })
})

describe('a ramp', () => {
  it('ends when its breaker is closed by hand', async () => {
    const clock = manualClock()
    const one = breaker({ consecutive: 1, recovery: 'ramp', breakMs: 1_000 })
    const search = pipeline('search', [one], { clock, random: () => 0.5 })
    await search.tryRun(() => Promise.reject(new Error('down')))
    clock.tick(2_000)
    await search.tryRun(() => {})
    expect(one.share()).toBe(0.1)
    one.close()
    expect([one.share(), one.busy(), one.state]).toEqual([1, false, 'closed'])
  })
  it("does not come back into a breaker with recovery 'close'", () => {
    const one = breaker()
    one.restore({ version: 1, state: 'closed', failuresInARow: 0, rampShare: 0.1, window: { bucketMs: 1_000, buckets: [] } })
    expect(one.share()).toBe(1)
  })
  it('that a throttle takes on is told once the breaker is closed: what a listener does then stays', () => {
    const clock = manualClock()
    const held = throttle({ adaptive: true })
    const one = breaker({ consecutive: 1, recovery: 'ramp', breakMs: 1_000 })
    pipeline('search', [held, one], { clock, random: () => 0.5 })
    const end = (verdict: Verdict): void => {
      const a = attempt({ clock })
      one.settle(one.admit(a), settled(verdict, a), a)
    }
    end('failure')
    clock.tick(2_000)
    held.on('throttle.changed', () => one.open())
    end('success')
    expect(one.state).toBe('open')
  })
})
