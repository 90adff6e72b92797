// A database client. Most have no AbortSignal: the attempt's timeout answers the caller, and the slot stays taken until the
// query has really ended, so that a hung server cannot be flooded with further ones.
import { EventEmitter } from 'node:events'
import { breaker, bulkhead, pipeline, retry, timeout, TimeoutError } from 'spillway'

/** Stands in for a driver such as pg: `query` answers rows, `release(true)` destroys the connection. */
class Pool extends EventEmitter {
  taken = 0
  destroyed = 0
  async connect() {
    this.taken++
    return {
      query: (sql: string) =>
        sql.includes('pg_sleep')
          ? new Promise<string[]>((_, reject) => this.once('destroyed', () => reject(new Error('connection destroyed'))))
          : Promise.resolve(['row']),
      release: (destroy: boolean) => {
        this.taken--
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

/** Reads may be repeated; anything else only if it provably never reached the server. */
const query = database.bind(
  async ({ signal }, sql: string) => {
    const client = await pool.connect()
    let released = false
    const release = (destroy: boolean) => {
      if (!released) client.release(destroy)
      released = true
    }
    // A query that nobody waits for any more ends with its connection.
    const giveUp = () => release(true)
    signal.addEventListener('abort', giveUp)
    try {
      signal.throwIfAborted()
      return await client.query(sql)
    } finally {
      signal.removeEventListener('abort', giveUp)
      release(false)
    }
  },
  (sql) => ({ idempotent: /^\s*select\b/i.test(sql) }),
)
// #endregion database

console.log(await query('select * from orders'))
await query('select pg_sleep(60)').catch((error: unknown) => console.log(error instanceof TimeoutError, `destroyed: ${pool.destroyed}, taken: ${pool.taken}`))

// prints: [ 'row' ]
// prints: true destroyed: 2, taken: 0
