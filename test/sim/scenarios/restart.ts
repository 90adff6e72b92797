import { exponentialMs } from 'spillway/testing'
import { play } from '../play.ts'
import type { Scenario } from '../scenario.ts'

const down = { fromMs: 30_000, toMs: 60_000 }
const warmMs = 30_000

/** Of 100/s: a tenth at once, all of it after half a minute. */
const warmth = (sinceMs: number): number => Math.min(1, 0.1 + (0.9 * sinceMs) / warmMs)

export const coldRestart: Scenario = {
  name: 'cold-restart',
  setUp: 'capacity 100/s (10 workers × 100 ms, exponential, 20 wait; a rejection costs half a request), 80 calls/s; down for 30 s, then its caches are cold: a tenth of its capacity, growing to all of it in 30 s; timeout 1 s, 1 retry',
  note: "A single client loses what it waits for its probe: up to 10 s of a minute in which the capacity is low anyway",
  clients: [1, 20],
  variants: ['naive', 'breaker', 'opossum', 'spillway'],
  plot: { clients: 20, variants: ['naive', 'breaker', 'spillway'] },
  goals: [
    { measure: 'goodputOfIdeal', atLeast: 0.85, elsewhere: '–' },
    { measure: 'recoveredSeconds', atMost: 35, elsewhere: '–' },
    { measure: 'tripsAfter', elsewhere: 'closed at once: 174, ramp: 27, gain throttle: 0' },
  ],
  play: (setting) =>
    play(
      {
        forMs: 150_000,
        traffic: { perSecond: 80 },
        limits: { timeoutMs: 1_000, maxAttempts: 2 },
        world: (world) => {
          const server = world.server('db', { workers: 10, serviceMs: exponentialMs(100), queue: 20, rejectCost: 0.5 })
          const warm = (random: () => number): number => exponentialMs(100 / warmth(world.clock.now() - down.toMs))(random)
          world.at(down.fromMs, () => server.turn('refuse'))
          world.at(down.toMs, () => (server.update({ serviceMs: warm }), server.turn('up')))
          return (attempt) => server.request(attempt)
        },
        measure: (result, { trips }) => {
          let possible = 0
          for (let second = 0; second < 60; second++) possible += Math.min(80, 100 * warmth(second * 1_000 + 500))
          return {
            goodputOfIdeal: result.total('good', { fromMs: down.toMs, toMs: down.toMs + 60_000 }) / possible,
            recoveredSeconds: result.recoveredMs(down.toMs) / 1_000,
            tripsAfter: trips.filter((at) => at > down.toMs).length,
          }
        },
      },
      setting,
    ),
}
