import { exponentialMs } from 'spillway/testing'
import { play } from '../play.ts'
import { mix } from '../priorities.ts'
import type { Scenario } from '../scenario.ts'

const down = { fromMs: 30_000, toMs: 60_000 }
const recovered = { fromMs: down.toMs + 15_000, toMs: down.toMs + 60_000 }

export const parking: Scenario = {
  name: 'parking',
  setUp: 'capacity 250/s (25 workers × 100 ms, exponential) that queues in silence, 200 calls/s, 40 % of them low; connections are refused for 30 s; timeout 1 s, 1 retry',
  clients: [10],
  variants: ['naive', 'breaker', 'park-at-once', 'spillway', 'spillway-park'],
  plot: { clients: 10, variants: ['breaker', 'park-at-once', 'spillway-park'] },
  goals: [
    { measure: 'newCritical', atLeast: 1, elsewhere: 'released at once: 0.44', of: 'spillway-park' },
    { measure: 'newCriticalWorstSecond', elsewhere: '–', of: 'spillway-park' },
    { measure: 'lowOfTheOutage', atLeast: 0.5, elsewhere: 'without parking: 0', of: 'spillway-park' },
  ],
  play: (setting) =>
    play(
      {
        forMs: 150_000,
        traffic: { perSecond: 200, priorities: mix },
        withinMs: 60_000,
        limits: { timeoutMs: 1_000, maxAttempts: 2 },
        world: (world) => {
          const server = world.server('db', { workers: 25, serviceMs: exponentialMs(100) })
          world.at(down.fromMs, () => server.turn('refuse'))
          world.at(down.toMs, () => server.turn('up'))
          return (attempt) => server.request(attempt)
        },
        measure: (result) => {
          const { good, offered } = result.byPriority.critical
          const worst = good.slice(recovered.fromMs / 1_000, recovered.toMs / 1_000).map((n, i) => n / Math.max(1, offered[recovered.fromMs / 1_000 + i]!))
          return {
            newCritical: result.goodRatio(recovered, 'critical'),
            newCriticalWorstSecond: Math.min(...worst),
            lowOfTheOutage: result.goodRatio(down, 'low'),
          }
        },
      },
      setting,
    ),
}
