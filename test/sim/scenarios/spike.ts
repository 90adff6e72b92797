import type { SimServer, SimWorld } from 'spillway/testing'
import { play, type Story } from '../play.ts'
import { mix } from '../priorities.ts'
import type { Goal, Scenario } from '../scenario.ts'

/** The service of the mixed scenarios: 400/s, and it queues in silence. */
const workers = 20
const serviceMs = 50
const spikeMs = 20_000
/** Measured from here on: what is queued when the spike begins is history. */
const settledMs = spikeMs + 10_000

const limits = { timeoutMs: 1_000, maxAttempts: 3 }
const traffic = { perSecond: (at: number): number => (at < spikeMs ? 280 : 1_120), priorities: mix }
const variants = ['naive', 'breaker', 'spillway']
const plot = { clients: 10, variants }
const dependency = 'a server of 20 workers × 50 ms that queues in silence (up to 10 000), 280 → 1120 calls/s at 20 s, 10/20/30/40 % critical to low; timeout 1 s, 2 retries'

type Mixed = Pick<Story, 'forMs' | 'measure'> & { readonly events: (world: SimWorld, server: SimServer) => void }

const story = ({ events, ...rest }: Mixed): Story => ({
  ...rest,
  traffic,
  limits,
  world: (world) => {
    const server = world.server('db', { workers, serviceMs, queue: 10_000 })
    events(world, server)
    return (attempt) => server.request(attempt)
  },
})

const critical = (atLeast: number, elsewhere: string): Goal => ({ measure: 'critical', atLeast, elsewhere })
const none = (): void => {}

export const mixedSpike: Scenario = {
  name: 'mixed-spike',
  setUp: dependency,
  clients: [1, 10, 50],
  variants,
  plot,
  goals: [critical(0.99, 'no priority: 0 to 0.37'), { measure: 'goodput', atLeast: 0.99, elsewhere: '–' }, { measure: 'criticalFromTheStart', elsewhere: '–' }],
  play: (setting) =>
    play(
      story({
        forMs: 110_000,
        events: none,
        measure: (result) => ({
          critical: result.goodRatio({ fromMs: settledMs }, 'critical'),
          criticalFromTheStart: result.goodRatio({ fromMs: spikeMs }, 'critical'),
          goodput: result.total('good', { fromMs: settledMs }) / (400 * 80),
        }),
      }),
      setting,
    ),
}

const slowMs = 60_000

export const slowDependency: Scenario = {
  name: 'slow-dependency',
  setUp: `${dependency}; at 60 s a request takes 100 ms instead of 50`,
  clients: [10],
  variants,
  plot,
  goals: [{ measure: 'goodput', atLeast: 0.97, elsewhere: '1.00' }, critical(0.95, '0.97')],
  play: (setting) =>
    play(
      story({
        forMs: 120_000,
        events: (world, server) => world.at(slowMs, () => server.update({ serviceMs: 100 })),
        measure: (result) => ({
          goodput: result.total('good', { fromMs: slowMs + 10_000 }) / (200 * 50),
          critical: result.goodRatio({ fromMs: slowMs + 10_000 }, 'critical'),
        }),
      }),
      setting,
    ),
}

/** Adds half of what there is, 45 s after the workers were busy for more than 0.8 of 10 s. */
function autoscale(world: SimWorld, server: SimServer, onScaled: (workers: number) => void): void {
  let size = workers
  let due = false
  let before = server.workedMs
  world.every(10_000, () => {
    const busy = (server.workedMs - before) / (10_000 * size)
    before = server.workedMs
    if (busy <= 0.8 || due) return
    due = true
    world.at(world.clock.now() + 45_000, () => {
      due = false
      size = Math.floor(size * 1.5)
      server.update({ workers: size })
      onScaled(size)
    })
  })
}

export const scaleOut: Scenario = {
  name: 'scale-out',
  setUp: `${dependency}; 45 s after the workers were busy for more than 0.8 of the time there are half as many more, up to 1350/s`,
  clients: [1, 10, 50],
  variants,
  plot,
  goals: [{ measure: 'goodputOfIdeal', atLeast: 0.95, elsewhere: '–' }, critical(0.99, '–')],
  play: (setting) => {
    const capacity: { readonly from: number; readonly perSecond: number }[] = [{ from: 0, perSecond: 400 }]
    return play(
      story({
        forMs: 210_000,
        events: (world, server) => autoscale(world, server, (size) => capacity.push({ from: world.clock.now() / 1_000, perSecond: size * 20 })),
        measure: (result) => {
          const ideal = (second: number): number => Math.min(result.series['offered']![second]!, capacity.findLast(({ from }) => from <= second)!.perSecond)
          let possible = 0
          for (let second = settledMs / 1_000; second < result.seconds; second++) possible += ideal(second)
          return { goodputOfIdeal: result.total('good', { fromMs: settledMs }) / possible, critical: result.goodRatio({ fromMs: settledMs }, 'critical') }
        },
      }),
      setting,
    )
  },
}
