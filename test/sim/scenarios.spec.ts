import { describe, expect, it } from 'vitest'
import { type Done, perform } from './job.ts'
import { plot } from './plot.ts'
import type { Scenario } from './scenario.ts'
import { met } from './scenario.ts'
import { scenarios } from './scenarios/index.ts'
import { markdown, rows, spread } from './table.ts'
import { variants } from './variants.ts'

const named = (name: string): Scenario => scenarios.find((scenario) => scenario.name === name)!
const play = (scenario: string, variant: string, clients = 10, seed = 1): Promise<Done> => perform({ scenario, variant, clients, seed })

/** They take seconds; but a busy machine is no failure. */
const patient = { timeout: 600_000 }

describe('scenarios › the quick ones, one seed (npm run sim plays all)', patient, () => {
  it.each([
    'retry-storm',
    'metastable',
    'brownout-3x-half',
    'outage',
    'outage-quiet',
    'black-hole',
    'parking',
  ])('%s reaches its goals', async (name) => {
    const { goals } = named(name)
    const { of = 'spillway' } = goals[0]!
    const { measures } = await play(name, of)
    for (const goal of goals) expect.soft(met(goal, measures[goal.measure]!), `${goal.measure} ${measures[goal.measure]}`).toBe(true)
  })

  it('a fault that has nothing to do with load locks nobody out', async () => {
    const { measures } = await play('constant-fault-15-200', 'spillway', 1)
    expect(measures['ofThePossible']).toBeGreaterThan(0.97)
  })

  it('a queue is short where it is adaptive, and of a second where it is not', async () => {
    const [fifo, adaptive] = [await play('queue', 'queue-fifo', 1), await play('queue', 'queue-adaptive', 1)]
    expect(fifo.measures['p50Ms']).toBeGreaterThan(900)
    expect(adaptive.measures['p50Ms']).toBeLessThanOrEqual(35)
  })

  it('retries are within their budget, whatever fails', async () => {
    const { measures } = await play('amplification-100', 'budget-0', 1)
    expect(measures['amplification']).toBeLessThanOrEqual(1.1)
  })
})

describe('scenarios › the same without', patient, () => {
  it('a retry storm never ends', async () => {
    const { measures } = await play('retry-storm', 'naive')
    expect(measures).toMatchObject({ recoveredSeconds: Infinity, lateGoodput: 0 })
    expect(measures['amplificationAfter']).toBeGreaterThan(1.9)
  })

  it('a brownout in which refusing costs is an outage', async () => {
    expect((await play('brownout-9x-half', 'naive')).measures['goodput']).toBeLessThan(0.05)
    expect((await play('brownout-9x-half', 'breaker')).measures['goodput']).toBeLessThan(0.6)
  })
})

describe('scenarios › the lab', patient, () => {
  it('each has a name and a set-up of its own, and variants that exist', () => {
    expect(new Set(scenarios.map(({ name }) => name)).size).toBe(scenarios.length)
    expect(new Set(scenarios.map(({ setUp }) => setUp)).size).toBeGreaterThan(scenarios.length - 4)
    const unknown = scenarios.flatMap((scenario) => [...scenario.variants, ...scenario.goals.map(({ of = 'spillway' }) => of)].filter((name) => variants[name] === undefined))
    expect(unknown).toEqual([])
  })

  it('the same job comes to the same', async () => {
    const [one, again] = [await play('outage', 'spillway'), await play('outage', 'spillway')]
    expect({ ...again, ms: 0 }).toEqual({ ...one, ms: 0 })
  })

  it('no variant is warned of', () => {
    const warnings: string[] = []
    for (const [name, variant] of Object.entries(variants)) {
      const { pipeline: made } = variant({ clock: { now: () => 0, after: () => () => {} }, random: Math.random }, { timeoutMs: 1_000, maxAttempts: 2 })
      warnings.push(...made.describe().warnings.map((warning) => `${name}: ${warning}`))
    }
    expect(warnings).toEqual([])
  })

  it('a table says median, least and most, and whether every seed reached the goal', () => {
    const scenario: Scenario = { ...named('outage'), name: 's', clients: [10], goals: [{ measure: 'm', atLeast: 0.5, elsewhere: '0.4' }, { measure: 'shown', elsewhere: '–' }] }
    const done = (seed: number, variant: string, m: number): Done => ({ job: { scenario: 's', variant, clients: 10, seed }, ms: 1, measures: { m, shown: Infinity }, series: {} })
    const list = rows([scenario], [done(1, 'spillway', 0.9), done(2, 'spillway', 0.4), done(3, 'spillway', 0.6), done(1, 'naive', 0)])
    expect(list.map((row) => row.met)).toEqual([false, undefined])
    expect(markdown(list).split('\n')).toEqual([
      '| scenario | clients | measure | goal | best elsewhere | spillway | naive | met |',
      '| --- | --- | --- | --- | --- | --- | --- | --- |',
      '| s | 10 | m | ≥ 0.5 | 0.4 | 0.600 (0.400 … 0.900) | 0.000 | **no** |',
      '| s | 10 | shown | – | – | never | never |  |',
    ])
    expect(spread([3, 1, 2])).toEqual({ min: 1, median: 2, max: 3 })
  })

  it('a plot has a column per variant and a line per series', async () => {
    const { series } = await play('outage-quiet', 'breaker')
    const svg = plot('outage-quiet', [{ variant: 'breaker', series }, { variant: 'again', series }])
    expect(svg.match(/<path /g)).toHaveLength(2 * (3 + 1 + 1))
    expect(svg).toContain('prefers-color-scheme:dark')
    expect(svg).not.toContain('NaN')
    expect(svg.length).toBeLessThan(30_000)
  })
})
