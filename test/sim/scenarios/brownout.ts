import { exponentialMs } from 'spillway/testing'
import { play } from '../play.ts'
import type { Scenario } from '../scenario.ts'

const capacity = 100
const settledMs = 20_000
const forMs = 80_000

/** More demand than capacity, for good; the server says 503 when its queue is full. */
const brownout = (times: number, rejectCost: number): Scenario => ({
  name: `brownout-${times}x-${rejectCost === 0 ? 'free' : 'half'}`,
  setUp: `capacity 100/s (10 workers × 100 ms, exponential, 20 wait), ${Math.round(times * capacity)} calls/s, a rejection costs the server ${rejectCost} of a request; timeout 1 s, 1 retry`,
  note: "With ten and fifty clients more is sent than the goal allows, by up to 0.2 and 0.55 C at nine times the demand. Each of fifty clients gets two answers a second there: it learns slowly, and every minimum counts fifty times. A throttle outside a limit without a queue sends 1.13 C with ten clients, but then a constant fault costs a fifth (see the lab's page)",
  clients: [1, 10, 50],
  variants: ['naive', 'breaker', 'spillway'],
  ...(times === 9 ? { plot: { clients: 10, variants: ['naive', 'breaker', 'spillway'] } } : {}),
  goals: [
    { measure: 'sentPerCapacity', atMost: 1.2, elsewhere: 'SRE K 2: 2.00' },
    { measure: 'goodput', atLeast: rejectCost === 0 ? 0.97 : 0.85, elsewhere: `SRE K 2: ${rejectCost === 0 ? '1.00' : '0.67'}` },
  ],
  play: (setting) =>
    play(
      {
        forMs,
        traffic: { perSecond: times * capacity },
        limits: { timeoutMs: 1_000, maxAttempts: 2 },
        world: (world) => {
          const server = world.server('db', { workers: 10, serviceMs: exponentialMs(100), queue: 20, rejectCost })
          return (attempt) => server.request(attempt)
        },
        measure: (result) => {
          const possible = (capacity * (forMs - settledMs)) / 1_000
          return { sentPerCapacity: result.total('sent', { fromMs: settledMs }) / possible, goodput: result.total('good', { fromMs: settledMs }) / possible }
        },
      },
      setting,
    ),
})

export const brownouts: readonly Scenario[] = [0, 0.5].flatMap((cost) => [1.1, 3, 9].map((times) => brownout(times, cost)))
