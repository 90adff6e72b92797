// node-redis (`redis`, or `@redis/client` alone): its abort signal only reaches commands that have not been written yet. The
// attempt's timeout answers the caller; `socketTimeout` then destroys the connection, and the slot comes back.
import { createClient, ErrorReply, type RedisClientOptions } from '@redis/client'
import { classify, type Classify } from 'spillway'

/** Pings keep an idle connection from looking like a hung one. Blocking commands (BLPOP, XREAD BLOCK) need a client of their own. */
export const redisOptions = {
  disableOfflineQueue: true, // no connection: an error now
  pingInterval: 200,
  socket: {
    socketTimeout: 500, // a little more than the attempt's timeout
    connectTimeout: 1_000,
    reconnectStrategy: (times: number) => Math.min(50 * (times + 1), 1_000),
  },
} satisfies RedisClientOptions

/** Its errors are events too, and one that nobody listens to ends the process. */
export function redisClient(host: string, port: number, onError: (error: Error) => void) {
  return createClient({ ...redisOptions, socket: { ...redisOptions.socket, host, port } }).on('error', onError)
}

const busy = /^(BUSY|LOADING|OOM|TRYAGAIN|CLUSTERDOWN|MASTERDOWN|READONLY|NOREPLICAS)\b|max number of clients/
const broken = new Set(['ClientOfflineError', 'ClientClosedError', 'DisconnectsClientError', 'SocketClosedUnexpectedlyError', 'SocketTimeoutError', 'AbortError'])

/** A reply that blames the command (WRONGTYPE, a syntax error) shows a healthy server; without a reply the connection is the trouble. */
export const classifyRedis: Classify = (outcome, attempt) => {
  if (outcome.ok) return 'success'
  const error = outcome.error as Error
  if (error instanceof ErrorReply) return busy.test(error.message) ? 'overload' : 'success'
  return broken.has(error.constructor.name) ? 'overload' : classify(outcome, attempt)
}
