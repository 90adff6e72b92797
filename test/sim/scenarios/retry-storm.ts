import { exponentialMs } from 'spillway/testing'
import { play } from '../play.ts'
import type { Scenario } from '../scenario.ts'

const stall = { fromMs: 30_000, toMs: 40_000 }
const forMs = 120_000

export const retryStorm: Scenario = {
  name: 'retry-storm',
  setUp: 'capacity 300/s (30 workers × 100 ms, exponential), 280 calls/s, timeout 1 s, 1 retry; the network keeps all requests of 10 s back and delivers them at once',
  note: "One client's breaker decides for all: where its probe meets the backlog of the stall it rests twice, and one seed in five takes 13 s instead of 12. Ten and fifty clients average that out",
  clients: [1, 10, 50],
  variants: ['naive', 'breaker', 'opossum', 'spillway'],
  plot: { clients: 10, variants: ['naive', 'breaker', 'spillway'] },
  goals: [
    { measure: 'recoveredSeconds', atMost: 12, elsewhere: 'naive: never; breaker 11' },
    { measure: 'amplificationAfter', atMost: 1, elsewhere: '–' },
    { measure: 'lateGoodput', atLeast: 0.99, elsewhere: '–' },
  ],
  play: (setting) =>
    play(
      {
        forMs,
        traffic: { perSecond: 280 },
        limits: { timeoutMs: 1_000, maxAttempts: 2 },
        world: (world) => {
          const server = world.server('db', { workers: 30, serviceMs: exponentialMs(100) })
          world.at(stall.fromMs, () => server.hold())
          world.at(stall.toMs, () => server.release())
          return (attempt) => server.request(attempt)
        },
        measure: (result) => ({
          recoveredSeconds: result.recoveredMs(stall.toMs) / 1_000,
          amplificationAfter: result.total('sent', { fromMs: stall.toMs }) / result.total('offered', { fromMs: stall.toMs }),
          lateGoodput: result.goodRatio({ fromMs: 90_000 }),
        }),
      },
      setting,
    ),
}
