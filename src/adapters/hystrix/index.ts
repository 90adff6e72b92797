import { count, finitePositive, known } from '../../core/options.ts'
import type { Recorder } from '../../metrics/recorder.ts'
import { every } from '../push.ts'
import { command } from './message.ts'

/** As much of a recorder as is needed. */
export type HystrixSource = Pick<Recorder, 'snapshot'>

export interface HystrixOptions {
  /** Every how many ms a frame is sent. Default 500. */
  readonly everyMs?: number | undefined
  /** How many clients at most; those beyond get a 503. Default 5. */
  readonly maxClients?: number | undefined
}

/** As much of Node's `ServerResponse` as is needed. */
export interface EventResponse {
  writeHead(status: number, headers: Record<string, string>): unknown
  /** False: what was written waits. */
  write(text: string): boolean
  end(text?: string): unknown
  on(event: 'close' | 'drain' | 'error', listener: () => void): unknown
}

/** A handler of requests, with what it streams to. */
export interface HystrixStream {
  (request: unknown, response: EventResponse): void
  /** How many clients it has. */
  readonly clients: number
  /** Ends all streams. */
  close(): void
}

const headers = {
  'content-type': 'text/event-stream;charset=UTF-8',
  'cache-control': 'no-cache, no-store, max-age=0, must-revalidate',
  pragma: 'no-cache',
}

class Client {
  #waits = false

  constructor(readonly response: EventResponse) {
    response.on('drain', () => (this.#waits = false))
  }

  /** Whoever is slow misses frames: nothing is gathered for it. */
  send(text: string): void {
    if (!this.#waits) this.#waits = !this.response.write(text)
  }
}

/**
 * Handles requests with the metrics stream that the Hystrix dashboard reads (and Turbine gathers): every pipeline as a command, every 500 ms,
 * `ping:` while there is none. For `node:http`, Express and whatever has Node's response: `server.get('/hystrix.stream', hystrix(metrics))`.
 *
 * Nothing per call, and nothing at all while nobody looks; all clients share one timer and one text.
 *
 * @throws RangeError, TypeError for an option out of its range
 */
export function hystrix(metrics: HystrixSource, options?: HystrixOptions): HystrixStream {
  const { everyMs = 500, maxClients = 5 } = known('hystrix', options, ['everyMs', 'maxClients'])
  finitePositive('hystrix.everyMs', everyMs)
  count('hystrix.maxClients', maxClients)
  const clients = new Set<Client>()
  let cease: (() => void) | undefined

  function tick(): void {
    const text = frame(metrics)
    for (const client of clients) client.send(text)
  }

  function leave(client: Client): void {
    if (!clients.delete(client) || clients.size > 0) return
    cease?.()
    cease = undefined
  }

  function handle(_request: unknown, response: EventResponse): void {
    if (clients.size >= maxClients) {
      response.writeHead(503, { 'content-type': 'text/plain', 'retry-after': '10' })
      response.end(`MaxConcurrentConnections reached: ${maxClients}`)
      return
    }
    response.writeHead(200, headers)
    const client = new Client(response)
    clients.add(client)
    const gone = (): void => leave(client)
    response.on('close', gone)
    response.on('error', gone)
    client.send(frame(metrics))
    cease ??= every(everyMs, tick, () => {})
  }

  return Object.defineProperties(handle, {
    clients: { get: () => clients.size },
    close: {
      value() {
        for (const client of clients) {
          leave(client)
          client.response.end()
        }
      },
    },
  }) as HystrixStream
}

function frame(metrics: HystrixSource): string {
  const { at, windowMs, pipelines } = metrics.snapshot({ series: false })
  if (pipelines.length === 0) return 'ping: \n\n'
  return pipelines.map((pipeline) => `data: ${JSON.stringify(command(pipeline, at, windowMs))}\n\n`).join('')
}
