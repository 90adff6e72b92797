import type { Priority } from '../../core/attempt.ts'
import type { Clock } from '../../core/clock.ts'
import { callable, count, finitePositive, known, nameOf, notNegative, wrongType } from '../../core/options.ts'
import { manualClock } from '../manual-clock.ts'
import { seededRandom } from '../seeded-random.ts'
import { Agenda } from './agenda.ts'
import { Result, type SimResult } from './result.ts'
import type { SimServerOptions } from './server-options.ts'
import { SimulatedServer, type SimServer } from './server.ts'
import { Tally } from './tally.ts'
import { arrive, type SimCall, type SimTraffic } from './traffic.ts'

/** The time and chance of one process of a fleet: the options of its pipelines. */
export interface SimClient {
  readonly clock: Clock
  readonly random: () => number
}

export interface SimRun {
  /** How long calls are made, ms, over 0. What then still waits for its answer gets up to `drainMs` more. */
  readonly forMs: number
  readonly traffic: SimTraffic | readonly SimTraffic[]
  /** How many clients share the traffic, each with policies of its own: a whole number from 1 on. Default 1. */
  readonly clients?: number | undefined
  /** Makes one client, `index` counting from 0 on: its pipelines, which take `options` as theirs, and what one call does. */
  readonly client: (options: SimClient, index: number) => (call: SimCall) => PromiseLike<unknown>
  /** Answers that take longer, in ms, do not count as good but as late. Default Infinity. */
  readonly withinMs?: number | undefined
  /** Default 120 000. */
  readonly drainMs?: number | undefined
  /** Read at the end of each second, into `result.series`: `{ open: () => breakers.filter((one) => one.state === 'open').length }`. */
  readonly gauges?: Readonly<Record<string, () => number>> | undefined
}

/** A simulated world: servers, clients, a network, and a time of its own. */
export interface SimWorld {
  /** For whatever lives in this world. */
  readonly clock: Clock
  /** Seeded. */
  readonly random: () => number
  server(name: string, options: SimServerOptions): SimServer
  /** Does something at a point in time, ms from the start. */
  at(ms: number, fn: () => void): void
  /** Does something every so many ms, over 0, as long as calls are made. */
  every(ms: number, fn: () => void): void
  /** Lets the world go on. Once per world. */
  run(run: SimRun): Promise<SimResult>
}

/** Room for the streams of chance of one world: each client and server draws from a stream of its own. */
const STREAMS = 2 ** 20

const runKeys = ['forMs', 'traffic', 'clients', 'client', 'withinMs', 'drainMs', 'gauges'] as const

class Simulated implements SimWorld {
  readonly #clock = manualClock()
  readonly #agenda = new Agenda(this.#clock)
  readonly #servers: SimulatedServer[] = []
  readonly #seed: number
  #streams = 0
  #endMs = Infinity
  readonly random: () => number

  constructor(seed: number) {
    this.#seed = count('simulation.seed', seed)
    this.random = this.#stream()
  }

  get clock(): Clock {
    return this.#clock
  }

  #stream(): () => number {
    return seededRandom(this.#seed * STREAMS + this.#streams++)
  }

  server(name: string, options: SimServerOptions): SimServer {
    const server = new SimulatedServer(nameOf('server name', name), options, this.#agenda, this.#stream())
    this.#servers.push(server)
    return server
  }

  at(ms: number, fn: () => void): void {
    this.#agenda.at(notNegative('world.at ms', ms), callable('world.at fn', fn))
  }

  every(ms: number, fn: () => void): void {
    finitePositive('world.every ms', ms)
    const next = (): void => {
      fn()
      if (this.#clock.now() + ms <= this.#endMs) this.#agenda.after(ms, next)
    }
    this.#agenda.after(ms, next)
  }

  async run(said: SimRun): Promise<SimResult> {
    const { forMs, traffic, clients: size = 1, client, withinMs = Infinity, drainMs = 120_000, gauges = {} } = known('run', said, runKeys)
    if (this.#endMs < Infinity) wrongType('world.run', 'called once: make a world for each run', this)
    this.#endMs = finitePositive('run.forMs', forMs)
    count('run.clients', size, 1)
    callable('run.client', client)
    notNegative('run.withinMs', withinMs)
    notNegative('run.drainMs', drainMs)
    const clock = this.#clock
    const fleet = Array.from({ length: size }, (_, index) => client({ clock, random: this.#stream() }, index))
    const seconds = Math.ceil(forMs / 1_000)
    const tally = new Tally(seconds)
    let number = 0

    const call = (priority: Priority): void => {
      const at = clock.now()
      const one = fleet[size === 1 ? 0 : Math.floor(this.random() * size)]!
      tally.offered(priority, at)
      one({ priority, at, number: ++number }).then(
        () => tally.answered(priority, at, clock.now() - at, withinMs),
        (error: unknown) => tally.rejected(priority, at, error),
      )
    }
    const measured = this.#measure(gauges, seconds)
    for (const one of Array.isArray(traffic) ? (traffic as readonly SimTraffic[]) : [traffic as SimTraffic]) arrive(one, this.#agenda, this.#stream(), forMs, call)
    await this.#agenda.run(forMs)
    await this.#agenda.run(forMs + drainMs, () => tally.pending === 0)
    return new Result(seconds, tally, measured)
  }

  /** What is read at the end of each second: how much the servers' counters grew, how their levels and the gauges stand. */
  #measure(gauges: Readonly<Record<string, () => number>>, seconds: number): Record<string, number[]> {
    const total = (of: 'sent' | 'served' | 'rejected' | 'busy' | 'queued') => (): number => this.#servers.reduce((sum, server) => sum + server[of], 0)
    const levels = { busy: total('busy'), queued: total('queued'), ...gauges }
    const counters = { sent: total('sent'), served: total('served'), rejected: total('rejected') }
    const before = { sent: 0, served: 0, rejected: 0 }
    const measured: Record<string, number[]> = Object.fromEntries([...Object.keys(counters), ...Object.keys(levels)].map((name) => [name, []]))
    const measure = (): void => {
      for (const [name, read] of Object.entries(levels)) measured[name]!.push(read())
      for (const name of ['sent', 'served', 'rejected'] as const) {
        const now = counters[name]()
        measured[name]!.push(now - before[name])
        before[name] = now
      }
    }
    for (let second = 1; second <= seconds; second++) this.#agenda.at(Math.min(second * 1_000, this.#endMs), measure)
    return measured
  }
}

/**
 * A simulated world with a time of its own, in which *real* pipelines call servers that are made of numbers: hours of traffic in
 * seconds, and the same seed gives the same run. Try settings in it before you try them on a dependency.
 *
 * Time goes from event to event on a manual clock; after each instant all promises that can go on do so. 100 000 calls take about a second.
 *
 * @throws TypeError, RangeError for a bad option, here and in all its methods
 */
export function simulation(options: { readonly seed?: number | undefined } = {}): SimWorld {
  const { seed = 1 } = known('simulation', options, ['seed'])
  return new Simulated(seed)
}
