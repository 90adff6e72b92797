import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fares } from '../src/dashboard/condition.ts'
import { worst } from '../src/dashboard/history.ts'
import { brief, label } from '../src/dashboard/label.ts'
import { picture } from '../src/dashboard/picture.ts'
import type { BreakerStateName, PolicySnapshot, StateSegment } from '../src/metrics/snapshot.ts'
import { breakerSnapshot, noon, pipelineSnapshot, recorderOf, snapshotOf } from './support/snapshots.ts'

const look = { title: 'test', everyMs: 1_000, shown: 100, control: false }
const bulkhead: PolicySnapshot = { name: 'bulkhead', type: 'bulkhead', mode: 'enforce', pressure: 1, bulkhead: { inFlight: 20, queued: 3, slots: 20 } }
const throttle = (allowByPriority: Record<'critical' | 'high' | 'normal' | 'low', number>, allow: number): PolicySnapshot =>
  ({ name: 'throttle', type: 'throttle', mode: 'enforce', pressure: 0, throttle: { allow, allowByPriority, acceptance: null, history: [{ at: noon - 60_000, allow }] } })

const pipelines = {
  open: pipelineSnapshot({ name: 'open', policies: [breakerSnapshot([[900, 'closed'], [60, 'open', '62 % of 41 calls in 10 s failed'], [40, 'halfOpen'], [39, 'open', 'a probe failed']], 4_000)] }),
  isolated: pipelineSnapshot({ name: 'isolated', policies: [breakerSnapshot([[900, 'closed'], [60, 'isolated', 'isolated by hand']])] }),
  halfOpen: pipelineSnapshot({ name: 'halfOpen', policies: [breakerSnapshot([[900, 'closed'], [60, 'open', '3 failures in a row'], [2, 'halfOpen']])] }),
  failing: pipelineSnapshot({ name: 'failing', window: { outcomes: { success: 4, failure: 5, timeout: 1 } } }),
  throttled: pipelineSnapshot({ name: 'throttled', policies: [throttle({ critical: 1, high: 1, normal: 0.5, low: 0 }, 0.4)] }),
  shedding: pipelineSnapshot({ name: 'shedding', policies: [{ name: 'shed', type: 'shed', mode: 'enforce', pressure: 0, shed: { byPriority: { critical: 0, high: 0, normal: 0, low: 9 }, allowByPriority: null, level: null } }], window: { outcomes: { success: 100, rejected: 9 }, rejectionsByPolicy: { shed: 9 }, rejectionsByPriority: { critical: 0, high: 0, normal: 2, low: 7 } } }),
  full: pipelineSnapshot({ name: 'full', policies: [bulkhead], window: { outcomes: { success: 100, rejected: 4 }, rejectionsByPolicy: { bulkhead: 4 } } }),
  degraded: pipelineSnapshot({ name: 'degraded', window: { outcomes: { success: 90, failure: 10 }, amplification: 1.5 } }),
  healthy: pipelineSnapshot({ name: 'healthy', window: { outcomes: { success: 99, failure: 1 } } }),
  idle: pipelineSnapshot({ name: 'idle' }),
}

describe('dashboard picture', () => {
  it('says of each pipeline the worst that is to be said, and why', () => {
    expect(Object.values(pipelines).map((one) => fares(one))).toEqual([
      { condition: 'open', why: '62 % of 41 calls in 10 s failed; since then probed once in vain' },
      { condition: 'isolated', why: 'by hand' },
      { condition: 'halfOpen', why: 'probing after 3 failures in a row' },
      { condition: 'failing', why: '60 % of 10 calls failed' },
      { condition: 'throttled', why: 'lets 40 % pass: 50 % of normal, nothing of low' },
      { condition: 'shedding', why: 'refused 2 normal, 7 low' },
      { condition: 'full', why: '20 of 20 slots taken; bulkhead refused 4' },
      { condition: 'degraded', why: '10 % of the calls fail, 1.50 attempts per call' },
      { condition: 'healthy', why: '' },
      { condition: 'idle', why: '' },
    ])
  })

  it('sorts them by need of attention, those that have recovered before those that were always well', () => {
    const recovered = pipelineSnapshot({ name: 'recovered', window: { outcomes: { success: 9 } }, policies: [breakerSnapshot([[900, 'closed'], [60, 'open', 'x'], [50, 'halfOpen'], [49, 'closed']])] })
    const frame = picture([recorderOf(snapshotOf([...Object.values(pipelines).toReversed(), recovered]))], '', look)
    expect(frame.pipelines.map(({ id }) => id)).toEqual(['open', 'isolated', 'halfOpen', 'failing', 'throttled', 'shedding', 'full', 'degraded', 'recovered', 'healthy', 'idle'])
    expect(frame.sum).toMatchObject({ pipelines: 11, matching: 11, attention: 8 })
  })

  it('says how long until the probe, of which break', () => {
    const [row] = picture([recorderOf(snapshotOf([pipelines.open]))], '', look).pipelines
    expect(row?.breakers).toEqual([{ name: 'breaker', state: 'open', mode: 'enforce', reason: '62 % of 41 calls in 10 s failed; since then probed once in vain', forMs: 39_000, probeInMs: 4_000, breakMs: 43_000 }])
    expect(row?.history.states).toEqual([[900_000, 'closed'], [60_000, 'open'], [40_000, 'halfOpen'], [39_000, 'open']])
  })

  it('says of a breaker that only observes what it would do, and no more', () => {
    const observing = pipelineSnapshot({ name: 'dry', policies: [{ ...breakerSnapshot([[9, 'open', 'x']], 100), mode: 'observe' }] })
    expect(fares(observing)).toEqual({ condition: 'degraded', why: 'breaker would refuse, but only observes' })
  })

  it('shows the tenths of calls that went wrong, a little never as none and much never as all', () => {
    const past = { from: noon - 45_000, stepMs: 10_000, calls: [0, 100, 1_000, 1_000, 10], bad: [0, 0, 1, 999, 10] }
    const [row] = picture([recorderOf(snapshotOf([pipelineSnapshot({ name: 'a', past })]))], '', look).pipelines
    expect(row?.history).toMatchObject({ failing: '-019X', slotMs: 10_000, offsetMs: 5_000 })
  })

  it('sums over all pipelines, shown or not', () => {
    const recorder = recorderOf(snapshotOf([
      pipelineSnapshot({ name: 'a', window: { outcomes: { success: 60, rejected: 20, cancelled: 10 }, attempts: 90, amplification: 1.5 } }),
      pipelineSnapshot({ name: 'b', window: { outcomes: { success: 20, fallback: 20 }, attempts: 40, amplification: 1 } }),
    ]))
    const { sum, pipelines: shown } = picture([recorder], '', { ...look, shown: 1 })
    expect(shown).toHaveLength(1)
    expect(sum).toEqual({ pipelines: 2, matching: 2, attention: 1, callsPerSecond: 13, rejectedPerSecond: 2, goodRatio: 100 / 120, amplification: 1.3 })
  })

  it('finds by part of a name, and by condition', () => {
    const found = (search: string) => picture([recorderOf(snapshotOf(Object.values(pipelines)))], search, look)
    expect(found('ISOL').pipelines.map(({ id }) => id)).toEqual(['isolated'])
    expect(found('halfopen').sum).toMatchObject({ matching: 1, pipelines: 10 })
    expect(found('nothing').pipelines).toEqual([])
  })

  it('takes several recorders, and keeps pipelines of one name apart', () => {
    const log = (id: number, at: number) => [{ id, at, count: 2, pipeline: 'healthy', policy: 'breaker', type: 'breaker.closed', severity: 'information' as const, text: 'closed' }]
    const frame = picture([recorderOf(snapshotOf([pipelines.healthy], { log: log(4, noon - 5) })), recorderOf(snapshotOf([pipelines.healthy], { log: log(4, noon - 3) }))], '', look)
    expect(frame.pipelines.map(({ id }) => id)).toEqual(['healthy', 'healthy (2)'])
    expect(frame.log).toEqual([
      { id: 9, agoMs: 3, pipeline: 'healthy (2)', tone: 'good', text: 'breaker closed ×2' },
      { id: 8, agoMs: 5, pipeline: 'healthy', tone: 'good', text: 'breaker closed ×2' },
    ])
  })

  it('of a thousand pipelines with hostile names sends so many, in bounded size', () => {
    const names = Array.from({ length: 1_000 }, (_, i) => `${'<img src=x onerror=alert(1)>\n\u202e'.repeat(400)}${i}`)
    const flapping = Array.from({ length: 300 }, (_, i): [number, BreakerStateName, string] => [300 - i, i % 2 === 0 ? 'open' : 'halfOpen', 'x'.repeat(1_000)])
    const many = names.map((name) => pipelineSnapshot({ name, policies: [breakerSnapshot(flapping, 1, 'n'.repeat(10_000))] }))
    const log = names.map((pipeline, id) => ({ id, at: noon, count: 1, pipeline, policy: 'y'.repeat(10_000), type: 'x', severity: 'error' as const, text: 'z'.repeat(10_000) }))
    const frame = picture([recorderOf(snapshotOf(many, { log }))], '', look)
    expect(frame.pipelines).toHaveLength(100)
    expect(new Set(frame.pipelines.map(({ id }) => id)).size).toBe(100)
    expect(frame.log).toHaveLength(100)
    expect(JSON.stringify(frame).length).toBeLessThan(500_000)
  })
})

describe('dashboard label', () => {
  it('leaves an ordinary name alone', () => {
    for (const name of ['payments', 'eu-1/søk', '支付', 'a <b> & "c"', 'x'.repeat(100)]) expect(label(name)).toBe(name)
  })

  it('makes of any name plain text of bounded length, and of two names two', () => {
    const name = fc.oneof(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string({ unit: 'binary', minLength: 1 }), fc.string({ minLength: 1, maxLength: 2_000, size: 'max' }), fc.constantFrom('a\nb', 'a b', 'a\u2028b', 'a\u202eb', '\ud800', '👩‍👩‍👧', 'x'.repeat(10_000), `${'x'.repeat(10_000)}y`))
    fc.assert(
      fc.property(name, name, (one, other) => {
        expect(label(one)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
        expect(label(one).length).toBeLessThanOrEqual(220)
        expect(label(one) === label(other)).toBe(one === other)
      }),
      { numRuns: 200 },
    )
  })

  it('shortens what others say', () => {
    expect(brief('x'.repeat(300))).toBe(`${'x'.repeat(240)}…`)
    expect(brief('a\n\u202eb')).toBe('a b')
  })
})

describe('dashboard history', () => {
  const states: readonly BreakerStateName[] = ['closed', 'halfOpen', 'open', 'isolated']
  const history = fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.constantFrom(...states)), { minLength: 1, maxLength: 12 }).map((steps) => {
    let at = 0
    return steps.map(([ms, state]): StateSegment => ({ state, from: (at += ms), to: null, reason: null }))
  })

  it('is the worst state of all breakers at any moment', () => {
    const stateAt = (segments: readonly StateSegment[], at: number) => segments.findLast(({ from }) => from <= at)?.state
    fc.assert(
      fc.property(fc.array(history, { maxLength: 4 }), fc.integer({ min: 0, max: 700 }), (histories, at) => {
        const now = histories.map((one) => stateAt(one, at)).filter((state) => state !== undefined)
        const expected = now.toSorted((a, b) => states.indexOf(b) - states.indexOf(a))[0]
        expect(worst(histories).findLast(([since]) => since <= at)?.[1]).toBe(expected)
      }),
    )
  })
})
