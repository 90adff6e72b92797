import { callable, finitePositive, known, nameOf } from '../../core/options.ts'
import { decimal, type Dotted, dotted } from '../dotted.ts'
import { every, type Exporter, Trouble } from '../push.ts'
import { portOf, prefixOf } from '../statsd/options.ts'
import { read, type Source } from '../table.ts'
import { Tcp } from './tcp.ts'

export type { Exporter } from '../push.ts'
export type { Source } from '../table.ts'

export interface GraphiteOptions {
  /** Where carbon's plaintext receiver is. Default `'127.0.0.1'`. */
  readonly host?: string | undefined
  /** Default 2003. */
  readonly port?: number | undefined
  /** Every how many ms it sends: the finest step of your storage schema. Default 10 000. */
  readonly everyMs?: number | undefined
  /** The first part of every name. Default `'spillway'`. */
  readonly prefix?: string | undefined
  /** Writes in the place of an own connection, for one that you have; `false`: not taken, it is busy. Then `host` and `port` are not used. */
  readonly write?: ((text: string) => boolean | void) | undefined
  /** Told once that the target is not there or slow. Default `console.warn`. The recorder's log says it too. */
  readonly onWarning?: ((message: string) => void) | undefined
}

const keys = ['host', 'port', 'everyMs', 'prefix', 'write', 'onWarning'] as const

/**
 * Sends what a recorder knows to Graphite, in plaintext over TCP, every ten seconds. Counters are told as they are (use
 * `perSecond()` or `nonNegativeDerivative()`), so that what could not be sent leaves no hole. Nothing per call. A target that is not
 * there, or slow, holds up nothing and gathers nothing. Keeps no process alive.
 *
 * @throws RangeError, TypeError for an option out of its range
 */
export function graphite(metrics: Source, options?: GraphiteOptions): Exporter {
  const { host = '127.0.0.1', port = 2003, everyMs = 10_000, prefix = 'spillway', write, onWarning } = known('graphite', options, keys)
  nameOf('graphite.host', host)
  portOf('graphite.port', port)
  finitePositive('graphite.everyMs', everyMs)
  prefixOf('graphite.prefix', prefix)
  if (write !== undefined) callable('graphite.write', write)
  if (onWarning !== undefined) callable('graphite.onWarning', onWarning)
  const trouble = new Trouble(`graphite ${write === undefined ? `${host}:${port}` : ''}`.trim(), metrics, onWarning)
  const wire = write === undefined ? new Tcp(host, port, trouble.tell) : undefined
  let stopped = false

  function flush(): void {
    if (stopped) return
    if (wire !== undefined) return wire.write(() => plaintext(metrics, prefix))
    const text = plaintext(metrics, prefix)
    if (text !== '' && write!(text) === false) trouble.tell('slow: it takes nothing now')
  }

  const cease = every(everyMs, flush, trouble.tell)
  return {
    flush() {
      try {
        flush()
      } catch (error) {
        trouble.tell(error)
      }
    },
    stop() {
      stopped = true
      cease()
      wire?.close()
    },
  }
}

/** `path value unixSeconds`, a line each. */
function plaintext(metrics: Source, prefix: string): string {
  const snapshot = read(metrics)
  const seconds = Math.floor(snapshot.at / 1_000)
  const lines = dotted(prefix, snapshot, (path, { count, sumSeconds }): Dotted[] => [
    { path: `${path}.count`, type: 'counter', value: count },
    { path: `${path}.seconds`, type: 'counter', value: sumSeconds },
  ])
  return lines.map(({ path, value }) => `${path} ${decimal(value)} ${seconds}\n`).join('')
}
