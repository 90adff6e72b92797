import type { Attempt } from 'spillway'
import { type SimResult, type SimRun, type SimTraffic, type SimWorld, simulation } from 'spillway/testing'
import { priorities } from './priorities.ts'
import type { Setting } from './scenario.ts'
import type { Gauges, Limits } from './variants.ts'

/** What a run came to: its measures, and numbers per second for plots. */
export interface Played {
  readonly measures: Readonly<Record<string, number>>
  readonly series: Readonly<Record<string, readonly number[]>>
}

export interface Story {
  readonly forMs: number
  readonly traffic: SimTraffic | readonly SimTraffic[]
  readonly limits: Limits
  /** What comes later than that is late: 5 s unless said. */
  readonly withinMs?: number
  /** Builds the servers and plans what happens; answers what one attempt does. */
  readonly world: (world: SimWorld) => (attempt: Attempt) => Promise<unknown>
  readonly measure: (result: SimResult, happened: Happened) => Record<string, number>
}

export interface Happened {
  /** When a breaker of the fleet opened, ms. */
  readonly trips: readonly number[]
}

/** Tells a story to a fleet whose clients all have the pipeline of the setting's variant. */
export async function play({ forMs, traffic, limits, withinMs = 5_000, world: build, measure }: Story, { seed, clients, variant }: Setting): Promise<Played> {
  const world = simulation({ seed })
  const work = build(world)
  const gauges: Gauges[] = []
  const trips: number[] = []
  const client: SimRun['client'] = ({ clock, random }) => {
    const made = variant({ clock, random }, limits)
    gauges.push(made.gauges ?? {})
    made.pipeline.on('breaker.opened', ({ at }) => void trips.push(at))
    return ({ priority }) => made.pipeline.run(work, { priority })
  }
  const mean = (name: string) => (): number => gauges.reduce((sum, one) => sum + (one[name]?.() ?? 0), 0) / gauges.length
  // Nothing is said of how a variant behaves before it is made: ask one that nobody uses.
  const names = Object.keys(variant({ clock: simulation().clock, random: Math.random }, limits).gauges ?? {})
  const result = await world.run({ forMs, traffic, clients, client, withinMs, gauges: Object.fromEntries(names.map((name) => [name, mean(name)])) })
  return { measures: measure(result, { trips }), series: { ...result.series, ...ratios(result) } }
}

/** `good.critical` and so on: the share of each priority's calls that was answered in time, per second. */
function ratios(result: SimResult): Record<string, number[]> {
  const used = priorities.filter((priority) => result.byPriority[priority].offered.some((n) => n > 0))
  return Object.fromEntries(
    used.map((priority) => {
      const { good, offered } = result.byPriority[priority]
      return [`good.${priority}`, good.map((n, second) => (offered[second]! > 0 ? n / offered[second]! : NaN))]
    }),
  )
}
