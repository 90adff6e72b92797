// A database client. Most have no AbortSignal: the attempt's timeout answers the caller, and the slot stays taken until the
// query has really ended, so that a hung server cannot be flooded with further ones.
import { EventEmitter } from 'node:events'
import { breaker, bulkhead, pipeline, retry, timeout, TimeoutError } from 'spillway'

/** Stands in for a driver such as pg: `query` answers rows, `release(true)` destroys the connection. */
class Pool extends EventEmitter {
  destroyed = 0
  async connect() {
    return {
      query: async (sql: string) => (sql.includes('pg_sleep') ? new Promise<string[]>((resolve) => this.once('destroyed', () => resolve([]))) : ['row']),
      release: (destroy = false) => {
        if (!destroy) return
        this.destroyed++
        this.emit('destroyed')
      },
    }
  }
}
const pool = new Pool()

// #region database
const database = pipeline('orders-db', [
  retry({ maxAttempts: 2 }),
  breaker({ slowMs: 200, slowRatio: 0.8 }), // slow answers count as well as errors
  bulkhead({ slots: 8 }), // not more than the pool has connections
  timeout(250),
])

const query = database.bind(async ({ signal }, sql: string) => {
  const client = await pool.connect()
  // A query that nobody waits for any more is ended with its connection.
  signal.addEventListener('abort', () => client.release(true), { once: true })
  const rows = await client.query(sql)
  client.release()
  return rows
}, { idempotent: true })
// #endregion database

console.log(await query('select * from orders'))
const hung = pipeline('reports-db', [timeout(30)]).bind(async ({ signal }, sql: string) => {
  const client = await pool.connect()
  signal.addEventListener('abort', () => client.release(true), { once: true })
  return client.query(sql)
})
await hung('select pg_sleep(60)').catch((error: unknown) => console.log(error instanceof TimeoutError, `connections destroyed: ${pool.destroyed}`))

// prints: [ 'row' ]
// prints: true connections destroyed: 1
