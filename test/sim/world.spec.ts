import { breaker, type Clock, pipeline, retry, timeout } from 'spillway'
import { exponentialMs, mixedMs, paretoMs, seededRandom, simulation, type SimResult, type SimServerOptions, type SimTraffic, uniformMs } from 'spillway/testing'
import { describe, expect, it } from 'vitest'

/** Erlang's C formula: how likely an arrival has to wait at `c` servers with `load` = λ/μ. */
function erlangC(c: number, load: number): number {
  let term = 1
  let sum = 1
  for (let k = 1; k < c; k++) sum += (term *= load / k)
  const wait = ((term * load) / c) * (c / (c - load))
  return wait / (sum + wait)
}

/** Without any policies: just the server. */
async function bare(options: SimServerOptions, traffic: SimTraffic, forMs: number, seed = 1): Promise<SimResult> {
  const world = simulation({ seed })
  const server = world.server('db', options)
  return world.run({ forMs, traffic, client: () => () => server.request() })
}

const mean = (draw: (random: () => number) => number): number => {
  const random = seededRandom(3)
  let sum = 0
  for (let i = 0; i < 100_000; i++) sum += draw(random)
  return sum / 100_000
}

/** They take seconds; but a busy machine is no failure. */
const patient = { timeout: 600_000 }

describe('world › queues', patient, () => {
  it.each([
    { workers: 1, perSecond: 5, serviceMs: 100 },
    { workers: 10, perSecond: 80, serviceMs: 100 },
    { workers: 30, perSecond: 255, serviceMs: 100 },
  ])('M/M/$workers at $perSecond calls/s waits as long as theory says', async ({ workers, perSecond, serviceMs }) => {
    const load = (perSecond * serviceMs) / 1_000
    const inTheory = erlangC(workers, load) / ((workers - load) / serviceMs)
    const waits: number[] = []
    for (let seed = 1; seed <= 4; seed++) {
      const forMs = 100_000_000 / perSecond
      const world = simulation({ seed })
      const server = world.server('db', { workers, serviceMs: exponentialMs(serviceMs) })
      // Little's law: the mean wait is the mean queue over the rate, and arrivals see time averages.
      let seen = 0
      const { clock } = world
      let waiting = 0
      let since = 0
      const watch = (): void => {
        seen += waiting * (clock.now() - since)
        since = clock.now()
        waiting = server.queued
      }
      const request = (): Promise<void> => {
        watch()
        const answer = server.request()
        watch()
        return answer.then(watch)
      }
      await world.run({ forMs, traffic: { perSecond }, client: () => request })
      waits.push(seen / (forMs * (perSecond / 1_000)))
    }
    const waitMs = waits.reduce((sum, wait) => sum + wait, 0) / waits.length
    expect(Math.abs(waitMs / inTheory - 1), `${waitMs} ms, in theory ${inTheory} ms`).toBeLessThan(0.05)
  })

  it('serves at most workers / service time, and is busy for load / workers of the time', async () => {
    const over = await bare({ workers: 4, serviceMs: 100 }, { perSecond: 80 }, 60_000)
    expect(over.total('served', { fromMs: 1_000 }) / 59).toBeCloseTo(40, 0)
    const under = await bare({ workers: 4, serviceMs: 100 }, { perSecond: 20, arrivals: 'even' }, 60_000)
    expect(under.quantileMs(0.99)).toBeCloseTo(100, 6)
  })

  it('refuses with a 503 when the queue is full', async () => {
    const result = await bare({ workers: 1, serviceMs: 100, queue: 2 }, { perSecond: 100, arrivals: 'even' }, 10_000)
    expect(result.total('good')).toBeGreaterThanOrEqual(99)
    expect(result.total('good')).toBeLessThanOrEqual(103)
    expect(result.total('failed')).toBe(result.total('offered') - result.total('good'))
    expect(result.quantileMs(1)).toBeLessThanOrEqual(300)
  })

  it('a refusal costs its share of a service: s = C − cost · (sent − s)', async () => {
    const result = await bare({ workers: 10, serviceMs: 100, queue: 10, rejectCost: 0.5 }, { perSecond: 150 }, 120_000)
    // 100 = s + 0.5 · (150 − s) gives 50.
    expect(result.total('served', { fromMs: 10_000 }) / 110).toBeGreaterThan(47)
    expect(result.total('served', { fromMs: 10_000 }) / 110).toBeLessThan(53)
  })

  it('more workers serve at once, fewer as calls end', async () => {
    const world = simulation()
    const server = world.server('db', { workers: 1, serviceMs: 100 })
    const busy: number[] = []
    world.at(10_000, () => server.update({ workers: 5 }))
    world.at(20_000, () => server.update({ workers: 2 }))
    world.every(1_000, () => busy.push(server.busy))
    await world.run({ forMs: 30_000, traffic: { perSecond: 100 }, client: () => () => server.request() })
    expect([busy[5], busy[15], busy[25]]).toEqual([1, 5, 2])
  })

  it('one that heeds aborts drops from its queue who has gone; others keep the work for nobody', async () => {
    const queued = async (heedsAbort: boolean): Promise<number> => {
      const world = simulation()
      const server = world.server('db', { workers: 1, serviceMs: 100, heedsAbort })
      const { series } = await world.run({
        forMs: 20_000,
        traffic: { perSecond: 30 },
        client: (options) => {
          const quotes = pipeline('db', [timeout(250)], options)
          return () => quotes.run((attempt) => server.request(attempt))
        },
      })
      return series['queued']!.at(-1)!
    }
    expect(await queued(true)).toBeLessThan(15)
    expect(await queued(false)).toBeGreaterThan(300)
  })
})

describe('world › what happens to it', () => {
  const statesOf = async (state: 'refuse' | 'hang' | 'error'): Promise<SimResult> => {
    const world = simulation()
    const server = world.server('db', { workers: 10, serviceMs: 50, networkMs: 5 })
    world.at(10_000, () => server.turn(state))
    world.at(20_000, () => server.turn('up'))
    return world.run({
      forMs: 30_000,
      traffic: { perSecond: 50 },
      client: (options) => {
        const quotes = pipeline('db', [timeout(500)], options)
        return () => quotes.run((attempt) => server.request(attempt))
      },
    })
  }

  it.each(['refuse', 'hang', 'error'] as const)('an outage of the kind %s begins and ends', async (state) => {
    const result = await statesOf(state)
    expect(result.goodRatio({ toMs: 9_000 })).toBe(1)
    expect(result.goodRatio({ fromMs: 10_000, toMs: 20_000 })).toBe(0)
    expect(result.goodRatio({ fromMs: 20_000 })).toBe(1)
    expect(result.total(state === 'hang' ? 'timedOut' : 'failed', { fromMs: 10_000, toMs: 20_000 })).toBe(result.total('offered', { fromMs: 10_000, toMs: 20_000 }))
    expect(result.recoveredMs(15_000)).toBe(5_000)
  })

  it('the network keeps requests back and delivers them at one moment', async () => {
    const world = simulation()
    const server = world.server('db', { workers: Infinity, serviceMs: 10 })
    world.at(2_000, () => server.hold())
    world.at(5_000, () => server.release())
    const result = await world.run({ forMs: 10_000, traffic: { perSecond: 100, arrivals: 'even' }, client: () => () => server.request() })
    expect(result.series['served']!.slice(2, 6)).toEqual([1, 0, 0, 400 - 1])
    expect(result.quantileMs(1)).toBeCloseTo(3_010, -2)
  })

  it('a fault refuses its share whatever the load', async () => {
    const result = await bare({ workers: Infinity, serviceMs: 1, faultRatio: 0.3 }, { perSecond: 500 }, 60_000)
    expect(result.goodRatio()).toBeCloseTo(0.7, 1)
    expect(result.pending).toBe(0)
  })
})

describe('world › traffic', patient, () => {
  it('is Poisson: as many as were asked for, and the variance of a second is its mean', async () => {
    const { series } = await bare({ workers: Infinity, serviceMs: 1 }, { perSecond: 100 }, 400_000)
    const offered = series['offered']!
    const average = offered.reduce((sum, n) => sum + n, 0) / offered.length
    const variance = offered.reduce((sum, n) => sum + (n - average) ** 2, 0) / offered.length
    expect(average).toBeGreaterThan(98)
    expect(average).toBeLessThan(102)
    expect(variance / average).toBeGreaterThan(0.8)
    expect(variance / average).toBeLessThan(1.25)
  })

  it('follows a rate that changes, to zero and back', async () => {
    const rate = (at: number): number => (at < 2_000 ? 10 : at < 4_000 ? 0 : 20)
    const { series } = await bare({ workers: Infinity, serviceMs: 1 }, { perSecond: rate, arrivals: 'even' }, 6_000)
    expect(series['offered']).toEqual([9, 10, 0, 0, 20, 20].map((n) => expect.closeTo(n, -0.4)))
    expect(series['offered']!.slice(2, 4)).toEqual([0, 0])
  })

  it('has the mix of priorities that it was given', async () => {
    const result = await bare({ workers: Infinity, serviceMs: 1 }, { perSecond: 1_000, priorities: { critical: 10, low: 30 } }, 50_000)
    const share = (priority: 'critical' | 'low' | 'high'): number => result.byPriority[priority].offered.reduce((sum, n) => sum + n, 0) / result.total('offered')
    expect(share('critical')).toBeCloseTo(0.25, 1)
    expect(share('low')).toBeCloseTo(0.75, 1)
    expect(share('high')).toBe(0)
  })

  it('spans have the means that they should', () => {
    expect(mean(exponentialMs(50))).toBeCloseTo(50, 0)
    expect(mean(uniformMs(10, 30))).toBeCloseTo(20, 0)
    expect(mean(paretoMs(10, 3))).toBeCloseTo(15, 0)
    expect(mean(mixedMs([3, 10], [1, exponentialMs(50)]))).toBeCloseTo(20, 0)
  })
})

/** A fleet with retries, breakers and timeouts through a stall and an outage. */
async function eventful(seed: number): Promise<SimResult> {
  const world = simulation({ seed })
  const server = world.server('db', { workers: 10, serviceMs: mixedMs([9, exponentialMs(50)], [1, paretoMs(50, 1.5)]), queue: 50, networkMs: uniformMs(1, 5), rejectCost: 0.2, errorRatio: 0.02 })
  world.at(5_000, () => server.hold())
  world.at(8_000, () => server.release())
  world.at(15_000, () => server.turn('refuse'))
  world.at(20_000, () => server.turn('hang'))
  world.at(25_000, () => server.turn('up'))
  return world.run({
    forMs: 40_000,
    traffic: [{ perSecond: 150, priorities: { critical: 1, normal: 2 } }, { perSecond: (at) => (at > 30_000 ? 200 : 0), arrivals: 'even' }],
    clients: 7,
    withinMs: 800,
    client: (options) => {
      const db = pipeline('db', [timeout(2_000), retry(), breaker(), timeout(500)], options)
      return ({ priority }) => db.run((attempt) => server.request(attempt), { priority })
    },
  })
}

describe('world › repeatable and complete', patient, () => {
  const log = ({ series, byPriority, errors, pending }: SimResult): string => JSON.stringify([series, byPriority, [...errors], pending])

  it('the same seed gives the same run, another seed another', async () => {
    const [one, again, other] = [await eventful(1), await eventful(1), await eventful(2)]
    expect(log(again)).toBe(log(one))
    expect(log(other)).not.toBe(log(one))
  })

  it('every call is counted once', async () => {
    for (const seed of [1, 2, 3]) {
      const result = await eventful(seed)
      const { offered, good, late, refused, timedOut, failed, sent, served, rejected } = result.series as Record<string, number[]>
      expect(offered!.map((_, at) => good![at]! + late![at]! + refused![at]! + timedOut![at]! + failed![at]!)).toEqual(offered)
      expect(result.pending).toBe(0)
      const sum = (list: number[] | undefined): number => list!.reduce((total, n) => total + n, 0)
      expect(sum(sent)).toBeGreaterThan(sum(served) + sum(rejected))
      expect(sum(served)).toBeGreaterThanOrEqual(sum(good))
    }
  })

  it('lets chains of promises of any length end before time goes on', async () => {
    const world = simulation()
    const log: string[] = []
    const client = ({ clock }: { readonly clock: Clock }) => async (): Promise<void> => {
      const began = clock.now()
      world.at(began + 1e-6, () => log.push('next'))
      for (let hop = 0; hop < 200; hop++) await Promise.resolve()
      log.push(`200 hops in ${clock.now() - began} ms`)
    }
    await world.run({ forMs: 500, traffic: { perSecond: 10, arrivals: 'even' }, client })
    expect(log).toEqual(Array.from({ length: 4 }, () => ['200 hops in 0 ms', 'next']).flat())
  })
})

describe('world › what it refuses', () => {
  const run = { forMs: 1_000, traffic: { perSecond: 1 }, client: () => () => Promise.resolve() }

  it('runs once', async () => {
    const world = simulation()
    await world.run(run)
    await expect(world.run(run)).rejects.toThrow('world.run must be called once')
  })

  it.each<[string, () => unknown]>([
    ['simulation.seed', () => simulation({ seed: -1 })],
    ['did you mean "seed"', () => simulation({ sed: 1 } as never)],
    ['server.workers', () => simulation().server('db', { workers: 1.5, serviceMs: 1 })],
    ['server.serviceMs', () => simulation().server('db', { workers: 1, serviceMs: -1 })],
    ['server.faultRatio', () => simulation().server('db', { workers: 1, serviceMs: 1, faultRatio: 2 })],
    ['did you mean "queue"', () => simulation().server('db', { workers: 1, serviceMs: 1, qeue: 2 } as never)],
    ['world.at ms', () => simulation().at(-1, () => {})],
    ['world.every ms', () => simulation().every(0, () => {})],
    ['at least one', () => mixedMs()],
    ['paretoMs shape', () => paretoMs(10, 0)],
  ])('%s', (message, wrong) => {
    expect(wrong).toThrow(message)
  })

  it.each([
    ['run.forMs', { ...run, forMs: 0 }],
    ['run.clients', { ...run, clients: 0 }],
    ['traffic.perSecond', { ...run, traffic: { perSecond: -1 } }],
    ['traffic.priorities has no option "urgent"', { ...run, traffic: { perSecond: 1, priorities: { urgent: 1 } } as never }],
  ] as const)('a run: %s', async (message, wrong) => {
    await expect(simulation().run(wrong)).rejects.toThrow(message)
  })
})
