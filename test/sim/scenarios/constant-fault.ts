import { play } from '../play.ts'
import type { Goal, Scenario } from '../scenario.ts'

const settledMs = 30_000
const forMs = 120_000

const elsewhere = (percent: number): string => `SRE K 2: ${percent <= 30 ? '1.00' : '0.22'}; K 1.1: ${{ 5: '–', 15: '0.13', 30: '0.08' }[percent] ?? '–'}`

const goal = (percent: number, perSecond: number): Goal => ({
  measure: 'ofThePossible',
  elsewhere: elsewhere(percent),
  ...(perSecond === 200 ? { atLeast: 0.97 } : percent <= 30 ? { atLeast: 0.9 } : {}),
})

/** A share of the calls fails whatever the load. There is no overload: to hold back helps nobody. */
const constantFault = (percent: number, perSecond: number): Scenario => ({
  name: `constant-fault-${percent}-${perSecond}`,
  setUp: `${percent} % of the calls are refused (ECONNREFUSED) whatever the load; ${perSecond} calls/s of each client at ample capacity; timeout 1 s, no retries`,
  ...(perSecond === 20 ? { note: 'Twenty calls a second show a constant 15 % only after half a minute or more: at few calls it is hard to tell from load that comes and goes, and some seeds (or some of ten clients) hold back for longer' } : {}),
  clients: perSecond === 200 ? [1, 10] : [1, 10, 50],
  variants: ['naive', 'breaker', 'spillway'],
  ...(percent === 30 ? { plot: { clients: 1, variants: ['breaker', 'spillway'] } } : {}),
  goals: [goal(percent, perSecond)],
  play: (setting) =>
    play(
      {
        forMs,
        traffic: { perSecond: perSecond * setting.clients },
        limits: { timeoutMs: 1_000, maxAttempts: 1 },
        world: (world) => {
          const server = world.server('db', { workers: Infinity, serviceMs: 50, faultRatio: percent / 100 })
          return (attempt) => server.request(attempt)
        },
        measure: (result) => ({ ofThePossible: result.goodRatio({ fromMs: settledMs }) / (1 - percent / 100) }),
      },
      setting,
    ),
})

export const constantFaults: readonly Scenario[] = [200, 20].flatMap((perSecond) => [5, 15, 30, 50].map((percent) => constantFault(percent, perSecond)))
