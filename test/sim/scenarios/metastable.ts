import { exponentialMs } from 'spillway/testing'
import { play } from '../play.ts'
import type { Scenario } from '../scenario.ts'

const burst = { fromMs: 30_000, toMs: 40_000 }

export const metastable: Scenario = {
  name: 'metastable',
  setUp: 'capacity 300/s (30 workers × 100 ms, exponential) that queues in silence, 250 calls/s; for 10 s 900 calls/s; timeout 1 s, 2 retries',
  clients: [1, 10, 50],
  variants: ['naive', 'breaker', 'opossum', 'spillway'],
  plot: { clients: 10, variants: ['naive', 'breaker', 'spillway'] },
  goals: [
    { measure: 'recoveredSeconds', atMost: 15, elsewhere: 'naive: never' },
    { measure: 'goodputInTheBurst', elsewhere: '–' },
    { measure: 'lateGoodput', atLeast: 0.99, elsewhere: '–' },
  ],
  play: (setting) =>
    play(
      {
        forMs: 120_000,
        traffic: { perSecond: (at) => (at >= burst.fromMs && at < burst.toMs ? 900 : 250) },
        limits: { timeoutMs: 1_000, maxAttempts: 3 },
        world: (world) => {
          const server = world.server('db', { workers: 30, serviceMs: exponentialMs(100), queue: 10_000 })
          return (attempt) => server.request(attempt)
        },
        measure: (result) => ({
          recoveredSeconds: result.recoveredMs(burst.toMs) / 1_000,
          goodputInTheBurst: result.total('good', burst) / 3_000,
          lateGoodput: result.goodRatio({ fromMs: 90_000 }),
        }),
      },
      setting,
    ),
}
