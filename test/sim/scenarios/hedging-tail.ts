import { mixedMs, paretoMs, simulation, uniformMs } from 'spillway/testing'
import type { Scenario } from '../scenario.ts'

const keys = 1_000
const servers = 100
const calls = 500

export const hedgingTail: Scenario = {
  name: 'hedging-tail',
  setUp: 'a call asks for 1000 keys on 100 servers at a time and waits for all of them; a server answers 98 % within 1 to 10 ms, 2 % after Pareto(10 ms, 1.9). Hedged after 10 ms, 5 % at most, by a small hedge of the lab\'s own',
  clients: [1],
  variants: ['bare', 'hedging'],
  goals: [
    { measure: 'p999Ms', atMost: 85, elsewhere: '74; not hedged: 1800', of: 'hedging' },
    { measure: 'extra', atMost: 0.022, elsewhere: '0.02', of: 'hedging' },
  ],
  async play({ seed, variant }) {
    const world = simulation({ seed })
    const serviceMs = mixedMs([98, uniformMs(1, 10)], [2, paretoMs(10, 1.9)])
    const all = Array.from({ length: servers }, (_, i) => world.server(`server ${i}`, { workers: Infinity, serviceMs }))
    const result = await world.run({
      forMs: calls * 100,
      traffic: { perSecond: 10, arrivals: 'even' },
      client: (options) => {
        const { pipeline } = variant(options, { timeoutMs: 60_000, maxAttempts: 1 })
        return () => Promise.all(Array.from({ length: keys }, (_, key) => pipeline.run(() => all[key % servers]!.request())))
      },
    })
    const asked = result.total('good') * keys
    return {
      measures: { p50Ms: result.quantileMs(0.5), p999Ms: result.quantileMs(0.999), extra: result.total('sent') / asked - 1 },
      series: result.series,
    }
  },
}
