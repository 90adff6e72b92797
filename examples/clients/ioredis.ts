// ioredis: a command has no signal, and a hung server is waited for without end. The attempt's timeout answers the caller;
// `socketTimeout` then destroys the connection, which ends the command, and so its slot comes back.
import type { RedisOptions } from 'ioredis'
import { classify, type Classify } from 'spillway'

/**
 * `new Redis({ ...redisOptions, host })`. What waits or repeats inside the client is off; reconnecting stays on. Blocking
 * commands (BLPOP, XREAD BLOCK) need a client of their own, without `socketTimeout`.
 */
export const redisOptions = {
  socketTimeout: 500, // a little more than the attempt's timeout
  connectTimeout: 1_000,
  enableOfflineQueue: false, // no connection: an error now
  maxRetriesPerRequest: 0, // 20 otherwise: the pipeline's retry decides
  autoResendUnfulfilledCommands: false, // or what nobody waits for any more is sent again
  retryStrategy: (times: number) => Math.min(50 * times, 1_000), // between attempts to connect
} satisfies RedisOptions

const busy = /^(BUSY|LOADING|OOM|TRYAGAIN|CLUSTERDOWN|MASTERDOWN|READONLY|NOREPLICAS)\b|max number of clients/

/** A reply that blames the command (WRONGTYPE, a syntax error) shows a healthy server; without a reply the connection is the trouble. */
export const classifyRedis: Classify = (outcome, attempt) => {
  if (outcome.ok) return 'success'
  const { name, message } = outcome.error as Error
  if (name === 'ReplyError') return busy.test(message) ? 'overload' : 'success'
  return /^(Connection is closed|Stream isn't writeable|Reached the max retries|Socket timeout)/.test(message) ? 'overload' : classify(outcome, attempt)
}
