// pg: a query has no signal. When the attempt is ended its client is destroyed, which ends the query on this side, and so its
// slot comes back; `statement_timeout` ends it on the other.
import type { Pool, PoolClient, PoolConfig } from 'pg'
import { classify, type Classify, type Work } from 'spillway'

/** `new Pool({ ...poolOptions, connectionString })`, with as many connections as the bulkhead has slots: then nobody waits in the pool. */
export const poolOptions: PoolConfig = {
  connectionTimeoutMillis: 500, // 0, for ever, otherwise
  statement_timeout: 1_000, // a little more than the attempt's timeout
}

/**
 * `orders.run(onClient(pool, (client) => client.query('select …')))`: `fn` gets a client of its own, for a query or a whole
 * transaction, and need not give it back.
 */
export function onClient<T>(pool: Pool, fn: (client: PoolClient) => Promise<T>): Work<T> {
  return async ({ signal }) => {
    const client = await pool.connect()
    let held = true
    const giveBack = (destroy: boolean): void => {
      if (held) client.release(destroy)
      held = false
    }
    const abort = (): void => giveBack(true)
    signal.addEventListener('abort', abort)
    try {
      signal.throwIfAborted() // while it was waiting for the client
      return await fn(client)
    } finally {
      signal.removeEventListener('abort', abort)
      giveBack(false)
    }
  }
}

/** No connection to be had, out of resources, shutting down or starting up, ended by `statement_timeout`. */
const overload = /^(08...|53...|57P0[1-5]|57014)$/
/** Values, constraints, syntax: the statement is to blame, and the server is well. */
const mistake = /^(21|22|23|42)...$/

export const classifyPg: Classify = (outcome, attempt) => {
  if (outcome.ok) return 'success'
  const { code = '', message } = outcome.error as { code?: string; message: string }
  if (mistake.test(code)) return 'success'
  return overload.test(code) || /^(timeout exceeded when trying to connect|Connection terminated)/.test(message) ? 'overload' : classify(outcome, attempt)
}
