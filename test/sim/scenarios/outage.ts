import { exponentialMs, type ServerState } from 'spillway/testing'
import { play } from '../play.ts'
import type { Goal, Scenario } from '../scenario.ts'

const down = { fromMs: 30_000, toMs: 90_000 }
const forMs = 180_000
const recovered: Goal = { measure: 'recoveredSeconds', atMost: 15, elsewhere: 'SRE K 2 over 30 s: 159 s' }

interface Outage {
  readonly name: string
  readonly state: ServerState
  readonly perSecond: number
  readonly clients: readonly number[]
  readonly goals: readonly Goal[]
}

const outage = ({ name, state, perSecond, clients, goals }: Outage): Scenario => ({
  name,
  setUp: `capacity 100/s (10 workers × 100 ms, exponential), ${perSecond} calls/s; for 60 s ${state === 'hang' ? 'nothing is answered' : 'connections are refused'}; timeout 1 s, 1 retry`,
  ...(clients.includes(50) ? { note: 'Fifty clients that all have to see the recovery within 15 s cannot send less than one probe per 12 s each: 4 calls a second, 5 % of this demand. With ten it is 1.3 %' } : {}),
  clients,
  variants: ['naive', 'breaker', 'opossum', 'spillway'],
  ...(name === 'outage' ? { plot: { clients: 10, variants: ['naive', 'breaker', 'spillway'] } } : {}),
  goals,
  play: (setting) =>
    play(
      {
        forMs,
        traffic: { perSecond },
        limits: { timeoutMs: 1_000, maxAttempts: 2 },
        world: (world) => {
          const server = world.server('db', { workers: 10, serviceMs: exponentialMs(100) })
          world.at(down.fromMs, () => server.turn(state))
          world.at(down.toMs, () => server.turn('up'))
          return (attempt) => server.request(attempt)
        },
        measure: (result) => ({
          recoveredSeconds: result.recoveredMs(down.toMs) / 1_000,
          // Once it is known to be down.
          probesPerDemand: result.total('sent', { fromMs: down.fromMs + 20_000, toMs: down.toMs }) / result.total('offered', { fromMs: down.fromMs + 20_000, toMs: down.toMs }),
          aMinuteLater: result.goodRatio({ fromMs: down.toMs + 60_000 }),
        }),
      },
      setting,
    ),
})

const probes: Goal = { measure: 'probesPerDemand', atMost: 0.03, elsewhere: '–' }

export const outages: readonly Scenario[] = [
  outage({ name: 'outage', state: 'refuse', perSecond: 80, clients: [1, 10, 50], goals: [recovered, probes] }),
  outage({ name: 'outage-hang', state: 'hang', perSecond: 80, clients: [1, 10], goals: [recovered, probes] }),
  // A fifth of a call per second and client: who is too quiet to learn must not be locked out.
  outage({ name: 'outage-quiet', state: 'refuse', perSecond: 2, clients: [10], goals: [{ measure: 'aMinuteLater', atLeast: 0.95, elsewhere: '–' }] }),
]
