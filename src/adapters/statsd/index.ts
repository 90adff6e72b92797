import { every, type Exporter, Trouble } from '../push.ts'
import { read, type Source } from '../table.ts'
import { datagrams, Lines } from './lines.ts'
import { type StatsdOptions, statsdOptions } from './options.ts'
import { udp } from './udp.ts'

export type { Exporter } from '../push.ts'
export type { Source } from '../table.ts'
export type { StatsdOptions } from './options.ts'

/** So many datagrams on their way: then the target is slow, and the next turn is left out. */
const MOST_PENDING = 500

/**
 * Sends what a recorder knows to a StatsD daemon, every second, in as few datagrams as it fits. Nothing per call. A daemon that is not
 * there, or slow, holds up nothing: what could not be sent is in the next counts, gauges are those of then. Keeps no process alive.
 *
 * @throws RangeError, TypeError for an option out of its range
 */
export function statsd(metrics: Source, options?: StatsdOptions): Exporter {
  const { host, port, everyMs, prefix, send: own, onWarning } = statsdOptions(options)
  const trouble = new Trouble(`statsd ${own === undefined ? `${host}:${port}` : ''}`.trim(), metrics, onWarning)
  const wire = own === undefined ? udp(host, port, trouble.tell) : undefined
  const send = own ?? wire!.send
  const lines = new Lines(prefix)
  let pending = 0
  let stopped = false

  function flush(): void {
    if (stopped) return
    if (pending > MOST_PENDING) return trouble.tell('slow: more than 500 datagrams wait to be sent')
    for (const datagram of datagrams(lines.next(read(metrics)))) put(datagram)
  }

  function put(datagram: string): void {
    let over = false
    const done = (error?: unknown): void => {
      if (over) return
      over = true
      pending--
      // A callback of Node's gives null.
      if (error !== undefined && error !== null) trouble.tell(error)
    }
    pending++
    try {
      send(datagram, done)
    } catch (error) {
      done(error)
    }
  }

  const cease = every(everyMs, flush, trouble.tell)
  return {
    flush,
    stop() {
      stopped = true
      cease()
      wire?.close()
    },
  }
}
