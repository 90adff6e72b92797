import { callable, count, finitePositive, known, nameOf, outOfRange } from '../../core/options.ts'

export interface StatsdOptions {
  /** Where the daemon is. Default `'127.0.0.1'`. */
  readonly host?: string | undefined
  /** Default 8125. */
  readonly port?: number | undefined
  /** Every how many ms it sends. Default 1 000. */
  readonly everyMs?: number | undefined
  /** The first part of every name. Default `'spillway'`. */
  readonly prefix?: string | undefined
  /** Sends a datagram in the place of an own socket, and tells how that went; for a client that you have. Then `host` and `port` are not used. */
  readonly send?: ((datagram: string, done: (error?: unknown) => void) => void) | undefined
  /** Told once that the daemon is not there or slow. Default `console.warn`. The recorder's log says it too. */
  readonly onWarning?: ((message: string) => void) | undefined
}

const keys = ['host', 'port', 'everyMs', 'prefix', 'send', 'onWarning'] as const

export interface StatsdSettings {
  readonly host: string
  readonly port: number
  readonly everyMs: number
  readonly prefix: string
  readonly send: StatsdOptions['send']
  readonly onWarning: StatsdOptions['onWarning']
}

export function statsdOptions(said: StatsdOptions | undefined): StatsdSettings {
  const { host = '127.0.0.1', port = 8125, everyMs = 1_000, prefix = 'spillway', send, onWarning } = known('statsd', said, keys)
  if (send !== undefined) callable('statsd.send', send)
  if (onWarning !== undefined) callable('statsd.onWarning', onWarning)
  return { host: nameOf('statsd.host', host), port: portOf('statsd.port', port), everyMs: finitePositive('statsd.everyMs', everyMs), prefix: prefixOf('statsd.prefix', prefix), send, onWarning }
}

export function portOf(option: string, port: unknown): number {
  return count(option, port, 1) > 65_535 ? outOfRange(option, 'at most 65535', port) : (port as number)
}

/** Names with dots, as the user wants them. */
export function prefixOf(option: string, prefix: unknown): string {
  return /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(nameOf(option, prefix)) ? (prefix as string) : outOfRange(option, 'letters, digits, _ and -, in parts with dots between', prefix)
}
