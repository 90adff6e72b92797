import { describe, expect, it } from 'vitest'
import { AdaptiveShare } from '../../src/math/adaptive-share.ts'
import { Baseline } from '../../src/math/baseline.ts'
import { gain, shrunk } from '../../src/math/gain.ts'
import { Pacer } from '../../src/math/pacer.ts'
import { Recent } from '../../src/math/recent.ts'
import { seededRandom } from '../../src/testing/index.ts'
import { Diffusion } from '../../src/math/diffusion.ts'

/** A dependency that answers each call with these odds, given how many were sent in the last second. */
type Odds = (sentPerSecond: number) => number

/** One client with evenly spaced calls, whose share decides, and a dependency that answers at once. */
function story(perSecond: number, seed = 1) {
  const one = new AdaptiveShare(4_000, 20, new Baseline())
  const random = seededRandom(seed)
  const diffusion = new Diffusion(random())
  const pacer = new Pacer()
  let now = 0
  const sent: number[] = []
  return {
    one,
    /** Lets so many seconds pass; says what share of the calls was sent. */
    run(seconds: number, odds: Odds): number {
      let passed = 0
      const calls = Math.round(seconds * perSecond)
      for (let i = 0; i < calls; i++) {
        now += 1_000 / perSecond
        while (sent.length > 0 && sent[0]! <= now - 1_000) sent.shift()
        if (one.share === 1 || diffusion.pass(one.share) || pacer.due(now)) {
          pacer.passed(now, Math.max(1, one.offeredPerSecond * 0.02), random)
          sent.push(now)
          passed++
          one.settled(random() < odds(sent.length), now)
        } else one.refused(now)
      }
      return passed / calls
    },
  }
}

const capacity = (perSecond: number): Odds => (sent) => perSecond / sent
const fault = (ratio: number): Odds => () => 1 - ratio

describe('gain', () => {
  const of = (near: boolean, accepted: number, ...acceptances: number[]): number[] => acceptances.map((q) => Number(gain(q, near, accepted).toFixed(3)))

  it('is 1.1 while every tenth call is refused, 2 once hardly any is', () => {
    expect(of(false, 100, 0, 0.5, 0.9, 0.94, 0.98, 1)).toEqual([1.1, 1.1, 1.1, 1.55, 2, 2])
  })

  it('climbs slowly near the share at which it refused lately, and guesses nothing from few calls', () => {
    expect(of(true, 100, 0.5, 0.95, 0.97, 0.99, 1)).toEqual([1.1, 1.1, 1.175, 1.25, 1.25])
    expect(of(true, 19, 0.5, 1)).toEqual([1.18, 1.18])
  })

  it('takes few results for no certainty', () => {
    expect(shrunk(3, 3, false)).toBeCloseTo(0.96)
    expect(shrunk(3, 3, true)).toBeCloseTo(0.95)
    expect(shrunk(1_000, 1_000, true)).toBeGreaterThan(0.999)
  })
})

describe('recent', () => {
  it('looks further back for as many calls as it needs', () => {
    const recent = new Recent(4_000)
    for (let now = 0; now < 40_000; now += 1_000) {
      recent.advance(now)
      if (now % 2_000 === 0) recent.settled(now >= 20_000)
      else recent.refused()
    }
    recent.advance(40_000)
    expect(recent.look(1)).toBe(true)
    expect([recent.offered, recent.ended, recent.accepted]).toEqual([3, 1, 1])
    expect(recent.look(20)).toBe(true)
    expect(recent.offered).toBeGreaterThanOrEqual(20)
    expect(recent.offered).toBeLessThan(25)
    expect(recent.look(100)).toBe(false)
  })

  it('says what share was accepted lately, and forgets', () => {
    const recent = new Recent(4_000)
    expect([recent.pastShare, recent.pastRefused]).toEqual([0, false])
    recent.advance(0)
    recent.settled(true)
    recent.settled(false)
    recent.refused()
    recent.refused()
    expect([recent.pastShare, recent.pastRefused]).toEqual([0.25, true])
    recent.clear()
    expect([recent.pastShare, recent.endedIn(16), recent.offeredPerSecond]).toEqual([0, 0, 0])
  })
})

describe('pacer', () => {
  it('is due when nothing has passed for an interval, spread by a fifth', () => {
    const pacer = new Pacer()
    expect(pacer.due(0)).toBe(true)
    pacer.passed(0, 2, () => 0)
    expect([pacer.left(0), pacer.due(399), pacer.due(400)]).toEqual([400, false, true])
    pacer.passed(1_000, 2, () => 1)
    expect([pacer.left(1_100), pacer.due(1_599), pacer.due(1_600)]).toEqual([500, false, true])
    expect(pacer.left(9_999)).toBe(0)
  })
})

describe('adaptive share', () => {
  it('holds nothing back while all is accepted, or while there are too few calls to say', () => {
    const { one, run } = story(100)
    expect(run(60, () => 1)).toBe(1)
    expect(one.acceptance).toBe(1)
    expect(story(100).run(0.15, () => 0)).toBe(1)
  })

  it.each([1, 2, 3])('sends an overloaded dependency a tenth more than it can do, whatever is offered (seed %i)', (seed) => {
    for (const load of [2, 5, 9]) {
      const { run } = story(100 * load, seed)
      run(20, capacity(100))
      const sent = run(40, capacity(100)) * load
      expect(sent).toBeGreaterThan(1)
      expect(sent).toBeLessThan(1.2)
    }
  })

  it.each([1, 2, 3])('comes back from an outage within 15 s, and sends hardly anything meanwhile (seed %i)', (seed) => {
    const { run } = story(80, seed)
    run(30, () => 1)
    run(10, () => 0)
    expect(run(50, () => 0)).toBeLessThan(0.03)
    run(15, () => 1)
    expect(run(10, () => 1)).toBeGreaterThan(0.95)
  })

  it.each([1, 2, 3])('finds four times the capacity within 15 s (seed %i)', (seed) => {
    const { run } = story(500, seed)
    run(30, capacity(100))
    run(15, capacity(400))
    expect(run(10, capacity(400)) * 500).toBeGreaterThan(380)
  })

  it.each([1, 2, 3])('is not fooled by a constant fault (seed %i)', (seed) => {
    for (const [perSecond, ratio] of [[200, 0.05], [200, 0.15], [200, 0.3], [20, 0.05]] as const) {
      const { run } = story(perSecond, seed)
      run(60, fault(ratio))
      expect(run(60, fault(ratio))).toBeGreaterThan(0.9)
    }
  })

  it('takes back what it took for a fault, when more calls are met by more refusals', () => {
    const { one, run } = story(200)
    run(60, fault(0.3))
    expect(one.baseline).toBeLessThan(0.8)
    run(60, capacity(50))
    expect(run(30, capacity(50)) * 200).toBeLessThan(75)
    run(40, () => 1)
    expect([one.baseline, one.share]).toEqual([1, 1])
  })

  it('is never locked out by little traffic: one call a second passes at least', () => {
    const { run } = story(2)
    run(120, () => 0)
    expect(run(60, () => 0)).toBeGreaterThan(0.35)
    run(40, () => 1)
    expect(run(60, () => 1)).toBeGreaterThan(0.95)
  })

  it('begun at a share it doubles that by and by', () => {
    const { one, run } = story(100)
    one.seed(0.05, 0)
    expect(run(1, () => 1)).toBeLessThan(0.15)
    const first = run(3, () => 1)
    expect(first).toBeGreaterThan(0.04)
    expect(first).toBeLessThan(0.5)
    run(15, () => 1)
    expect(one.share).toBe(1)
  })

  it('begun at a share and hardly called, it lets all pass after a minute', () => {
    const { one, run } = story(0.2)
    one.seed(0.05, 0)
    run(55, () => 1)
    expect(one.share).toBe(0.05)
    run(10, () => 1)
    expect(one.share).toBe(1)
  })
})
