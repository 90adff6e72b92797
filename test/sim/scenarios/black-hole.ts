import type { SimServer } from 'spillway/testing'
import { exponentialMs } from 'spillway/testing'
import { endpointOf } from '../balancing.ts'
import { play } from '../play.ts'
import type { Scenario } from '../scenario.ts'

const brokenMs = 20_000
const endpoints = 10

export const blackHole: Scenario = {
  name: 'black-hole',
  setUp: '10 endpoints of 100/s each (10 workers × 100 ms, exponential), 600 calls/s; from 20 s on one of them answers 500 within 1 ms; timeout 1 s, 1 retry. The balancers are small ones of the lab\'s own',
  clients: [10],
  variants: ['round-robin', 'least-loaded', 'ejecting'],
  plot: { clients: 10, variants: ['round-robin', 'least-loaded', 'ejecting'] },
  goals: [
    { measure: 'success', atLeast: 0.999, elsewhere: 'round robin 0.90, least loaded 0.80', of: 'ejecting' },
    { measure: 'sentToIt', elsewhere: '0.1 of all', of: 'ejecting' },
  ],
  play: (setting) => {
    let hole: SimServer
    let before = 0
    return play(
      {
        forMs: 60_000,
        traffic: { perSecond: 600 },
        limits: { timeoutMs: 1_000, maxAttempts: 1 },
        world: (world) => {
          const servers = Array.from({ length: endpoints }, (_, i) => world.server(`endpoint ${i}`, { workers: 10, serviceMs: exponentialMs(100) }))
          hole = servers[3]!
          world.at(brokenMs, () => hole.update({ workers: Infinity, serviceMs: 1, errorRatio: 1 }))
          world.at(brokenMs + 1_000, () => (before = hole.sent))
          return (attempt) => servers[endpointOf(attempt)]!.request(attempt)
        },
        measure: (result) => {
          const after = { fromMs: brokenMs + 1_000 }
          return { success: result.goodRatio(after), sentToIt: (hole.sent - before) / result.total('sent', after) }
        },
      },
      setting,
    )
  },
}
