import { describe, expect, it } from 'vitest'
import { breaker, type Guard, park, pipeline, type Policy, shed, throttle } from 'spillway'
import { manualClock } from 'spillway/testing'
import { watch } from '../support/guards.ts'

const busy = () => Promise.reject(Object.assign(new Error('busy'), { status: 503 }))

/** Only what may be parked comes, one a second. */
function only(policies: readonly Policy[]) {
  const clock = manualClock()
  const made = { clock, served: 0, pipeline: pipeline('reports', [park(), ...policies], { clock, random: () => 0.5 }) }
  return {
    made,
    async come(seconds: number): Promise<number> {
      for (let i = 0; i < seconds; i++) {
        void made.pipeline.tryRun(() => made.served++, { priority: 'low' })
        await clock.advance(1_000)
      }
      return made.served
    },
  }
}

describe('a park, where nothing else comes', () => {
  it('is not shut for ever by a throttle that nobody passes', async () => {
    const held = throttle({ adaptive: true })
    const { made, come } = only([held])
    for (let i = 0; i < 400; i++) {
      void made.pipeline.tryRun(busy)
      await made.clock.advance(10)
    }
    expect(held.allow).toBeLessThan(0.3)
    expect(await come(200)).toBeGreaterThan(100)
    expect(held.allow).toBe(1)
  })
  it('is not shut for ever by a hint that is over', async () => {
    const hinted = throttle()
    const { come } = only([hinted])
    hinted.hint({ allow: 0, forMs: 2_500 })
    expect(hinted.probeDue()).toBe(false)
    expect(await come(2)).toBe(0)
    expect(await come(20)).toBeGreaterThan(10)
    expect(hinted.allow).toBe(1)
  })
  it('is not shut for ever by a breaker that ramps up', async () => {
    const ramping = breaker({ consecutive: 3, recovery: 'ramp', breakMs: 1_000 })
    const { made, come } = only([ramping])
    for (let i = 0; i < 3; i++) await made.pipeline.tryRun(busy)
    expect(await come(200)).toBeGreaterThan(100)
    expect([ramping.state, ramping.share()]).toEqual(['closed', 1])
  })
  it('is not shut for ever by a load that was read once', async () => {
    let load = 1
    const { made, come } = only([shed({ load: () => load })])
    await made.pipeline.tryRun(() => {})
    expect(await come(2)).toBe(0)
    load = 0
    expect(await come(20)).toBeGreaterThan(10)
  })
  it('goes on looking after who waits when a guard that it asks throws', async () => {
    const clock = manualClock()
    let pressure = (): number => 1
    const gauge: Guard = { kind: 'guard', name: 'gauge', admit: () => ({}), pressure: () => pressure() }
    const reports = pipeline('reports', [park({ maxWaitMs: Infinity }), gauge], { clock })
    const seen = watch(reports.run(() => 'ok', { priority: 'low' }))
    await clock.advance(300)
    pressure = () => {
      throw new Error('no number')
    }
    await clock.advance(300)
    pressure = () => 0
    await clock.advance(10_000)
    expect(seen.state).toBe('fulfilled')
  })
})

describe('a park, while a breaker rests', () => {
  it('spends nobody on the trial that a throttle behind the breaker waits for', async () => {
    const clock = manualClock()
    const gate = breaker({ breakMs: () => 20_000 })
    let share = 0.05
    const held: Guard = { kind: 'guard', name: 'held', admit: () => ({}), pressure: () => 1 - share, share: () => share, probeDue: () => share < 1 }
    const lot = park()
    const reports = pipeline('reports', [lot, gate, held], { clock })
    gate.open()
    const seen = Array.from({ length: 10 }, () => watch(reports.run(() => 'ok', { priority: 'low' })))
    await clock.advance(10_000)
    expect([lot.queued, lot.released]).toEqual([10, 0])
    await clock.advance(10_000)
    expect([gate.state, lot.released]).toEqual(['closed', 1])
    share = 1
    await clock.advance(10_000)
    expect(seen.map(({ state }) => state)).toEqual(seen.map(() => 'fulfilled'))
  })
})

describe('a throttle whose trial is due', () => {
  it('lets one pass of those that a share of their own holds back, and not all', async () => {
    const clock = manualClock()
    const both = throttle({ allow: { low: 0.01 }, adaptive: true })
    const search = pipeline('search', [both], { clock, random: () => 0 })
    for (let i = 0; i < 400; i++) {
      void search.tryRun(busy)
      await clock.advance(10)
    }
    await clock.advance(5_000)
    let served = 0
    for (let i = 0; i < 20; i++) void search.tryRun(() => served++, { priority: 'low' })
    expect(served).toBe(1)
  })
})

describe('a trial that a park has sent and that hangs', () => {
  it('is followed by another once its lease is over', async () => {
    const clock = manualClock()
    const broken = breaker({ consecutive: 1, breakMs: 1_000, probes: { leaseMs: 2_000 } })
    const reports = pipeline('reports', [park(), broken], { clock, random: () => 0.5 })
    await reports.tryRun(busy)
    const first = watch(reports.run(() => new Promise(() => {}), { priority: 'low' }))
    const second = watch(reports.run(() => 'ok', { priority: 'low' }))
    await clock.advance(5_000)
    expect([broken.state, first.state, second.state]).toEqual(['closed', 'pending', 'fulfilled'])
  })
})
