import { count, type Effective, known, notNegative, ratio } from '../../core/options.ts'
import { drawOf, type Draw, type Span } from './span.ts'

export interface SimServerOptions {
  /** How many requests it serves at a time: a whole number from 0 on, or Infinity. Capacity per second is `workers · 1000 / mean serviceMs`. */
  readonly workers: number
  /** How long a worker is busy with one request, in ms: a number, or what `exponentialMs(…)` and its like draw. */
  readonly serviceMs: Span
  /** How many may wait for a worker; who comes when all places are taken is refused with a 503. Default Infinity: it queues in silence. */
  readonly queue?: number | undefined
  /** One way through the network, in ms. Default 0. */
  readonly networkMs?: Span | undefined
  /** What refusing a request costs the server, as a share of serving it: 0 (default) for nothing, 0.5 for half the work. */
  readonly rejectCost?: number | undefined
  /** The share of requests that is refused (`ECONNREFUSED`) whatever the load, as by one broken machine behind a load balancer: 0..1. Default 0. */
  readonly faultRatio?: number | undefined
  /** The share of requests that is served and then answered with a 500: 0..1. Default 0. */
  readonly errorRatio?: number | undefined
  /** Whether it notices that a client has given up, and drops the request from its queue. Default `false`, as most servers. */
  readonly heedsAbort?: boolean | undefined
}

export interface ServerSettings extends Omit<Effective<SimServerOptions>, 'serviceMs' | 'networkMs'> {
  readonly serviceMs: Draw
  readonly networkMs: Draw
}

const keys = ['workers', 'serviceMs', 'queue', 'networkMs', 'rejectCost', 'faultRatio', 'errorRatio', 'heedsAbort'] as const

export function serverSettings(said: Partial<SimServerOptions>, before?: ServerSettings): ServerSettings {
  const all = {
    ...(before ?? { queue: Infinity, networkMs: 0, rejectCost: 0, faultRatio: 0, errorRatio: 0, heedsAbort: false }),
    ...known<Partial<SimServerOptions>>('server', said, keys),
  } as Effective<SimServerOptions>
  return {
    workers: count('server.workers', all.workers),
    serviceMs: drawOf('server.serviceMs', all.serviceMs),
    queue: count('server.queue', all.queue),
    networkMs: drawOf('server.networkMs', all.networkMs),
    rejectCost: notNegative('server.rejectCost', all.rejectCost),
    faultRatio: ratio('server.faultRatio', all.faultRatio),
    errorRatio: ratio('server.errorRatio', all.errorRatio),
    heedsAbort: all.heedsAbort,
  }
}
