import { exponentialMs, type SimServer } from 'spillway/testing'
import { play } from '../play.ts'
import type { Scenario } from '../scenario.ts'

const settledMs = 10_000
const forMs = 70_000

export const queue: Scenario = {
  name: 'queue',
  setUp: '1000 calls/s come, 500 can be served (10 slots, 20 ms each, exponential); the others wait in the bulkhead, up to 1 s; no timeout',
  clients: [1],
  variants: ['queue-fifo', 'queue-lifo', 'queue-adaptive'],
  goals: [
    { measure: 'p50Ms', atMost: 35, elsewhere: '27', of: 'queue-adaptive' },
    { measure: 'p99Ms', elsewhere: '117', of: 'queue-adaptive' },
    { measure: 'throughput', atLeast: 0.99, elsewhere: '–', of: 'queue-adaptive' },
  ],
  play: (setting) => {
    let server: SimServer
    const worked = { before: 0, after: 0 }
    return play(
      {
        forMs,
        traffic: { perSecond: 1_000 },
        limits: { timeoutMs: 10_000, maxAttempts: 1 },
        world: (world) => {
          server = world.server('db', { workers: 10, serviceMs: exponentialMs(20) })
          world.at(settledMs, () => (worked.before = server.workedMs))
          world.at(forMs, () => (worked.after = server.workedMs))
          return (attempt) => server.request(attempt)
        },
        measure: (result) => {
          const settled = { fromMs: settledMs }
          return {
            p50Ms: result.quantileMs(0.5, settled),
            p95Ms: result.quantileMs(0.95, settled),
            p99Ms: result.quantileMs(0.99, settled),
            // Of what the ten could do, with the times that this seed has drawn.
            throughput: (worked.after - worked.before) / (10 * (forMs - settledMs)),
          }
        },
      },
      setting,
    )
  },
}
