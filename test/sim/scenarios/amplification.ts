import { play } from '../play.ts'
import type { Scenario } from '../scenario.ts'

const inTheory = (ratio: number): number => 1 + ratio + ratio * ratio

const amplification = (percent: number): Scenario => ({
  name: `amplification-${percent}`,
  setUp: `${percent} % of the requests fail; 100 calls/s, up to 3 attempts`,
  clients: [1],
  variants: ['naive', 'budget-0'],
  goals: [
    { measure: 'amplification', atMost: 1.1, elsewhere: `1.25; no budget: ${inTheory(percent / 100).toFixed(2)}`, of: 'budget-0' },
    { measure: 'success', elsewhere: '–', of: 'budget-0' },
  ],
  play: (setting) =>
    play(
      {
        forMs: 120_000,
        traffic: { perSecond: 100 },
        limits: { timeoutMs: 1_000, maxAttempts: 3 },
        world: (world) => {
          const server = world.server('db', { workers: Infinity, serviceMs: 20, errorRatio: percent / 100 })
          return (attempt) => server.request(attempt)
        },
        measure: (result) => ({ amplification: result.total('sent') / result.total('offered'), success: result.goodRatio() }),
      },
      setting,
    ),
})

export const amplifications: readonly Scenario[] = [1, 10, 30, 50, 80, 100].map(amplification)
