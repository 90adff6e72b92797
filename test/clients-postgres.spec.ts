import { Client, Pool } from 'pg'
import { breaker, bulkhead, constant, pipeline, retry, timeout, TimeoutError, type Verdict } from 'spillway'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { classifyPg, onClient, poolOptions } from '../examples/clients/pg.ts'
import { expectRow, freeAfter, waitsLonger } from './support/facts.ts'
import { program, type RealServer, startPostgres } from './support/servers.ts'
import { tcpProxy } from './support/tcp-proxy.ts'
import { deadPort } from './support/upstream.ts'

const file = program('postgres', 'postgresql')
const initdb = program('initdb', 'postgresql')

describe.skipIf(file === undefined || initdb === undefined)('pg', () => {
  let server: RealServer
  beforeAll(async () => {
    server = await startPostgres(file!, initdb!)
  }, 30_000)
  afterAll(() => server?.stop())

  const at = (port: number) => ({ host: '127.0.0.1', port, user: 'test', database: 'postgres' })

  function opened(port = server.port, options: object = {}): Pool {
    const pool = new Pool({ ...poolOptions, ...at(port), max: 1, ...options })
    pool.on('error', () => {})
    onTestFinished(() => void pool.end())
    return pool
  }

  /** How many sleeps the server itself runs. */
  async function sleeping(): Promise<number> {
    const client = new Client(at(server.port))
    await client.connect()
    const { rows } = await client.query(`select count(*)::int as n from pg_stat_activity where state = 'active' and query like 'select pg_sleep%'`)
    await client.end()
    return rows[0].n
  }

  it('answers, and gives its client back, after an error too', async () => {
    const pool = opened()
    const orders = pipeline('orders', [breaker(), bulkhead({ slots: 1 }), timeout(1_000)], { classify: classifyPg })
    for (let times = 0; times < 3; times++) {
      expect((await orders.run(onClient(pool, (client) => client.query('select $1::int as n', [times])))).rows).toEqual([{ n: times }])
      await expect(orders.run(onClient(pool, (client) => client.query('select nonsense')))).rejects.toThrow('nonsense')
    }
    expect({ total: pool.totalCount, idle: pool.idleCount }).toEqual({ total: 1, idle: 1 })
  })

  it('says what an error tells of the server, and comes again when it had no connection left', async () => {
    const orders = pipeline('orders', [retry({ maxAttempts: 20, budget: false, backoff: constant(50) })], { classify: classifyPg })
    const verdicts: Verdict[] = []
    orders.on('attempt.settled', ({ verdict }) => verdicts.push(verdict))
    await expect(orders.run(onClient(opened(), (client) => client.query('select 1/0')))).rejects.toThrow('division')
    expect(verdicts.splice(0)).toEqual(['success'])

    const others = await Promise.all(Array.from({ length: 8 }, async () => {
      const client = new Client(at(server.port))
      client.on('error', () => {})
      return client.connect().then(() => client, () => undefined)
    }))
    setTimeout(() => {
      for (const other of others) void other?.end()
    }, 120)
    expect((await orders.run(onClient(opened(), (client) => client.query('select 1')))).rowCount).toBe(1)
    expect(new Set(verdicts)).toEqual(new Set(['overload', 'success']))
  })

  it('ends a slow query with its connection, and the server is told by statement_timeout', async () => {
    const pool = opened(server.port, { statement_timeout: 1_000 })
    const orders = pipeline('orders', [bulkhead({ slots: 1 }), timeout(500)], { classify: classifyPg })
    await orders.run(onClient(pool, (client) => client.query('select 1')))
    const began = performance.now()
    await expect(orders.run(onClient(pool, (client) => client.query('select pg_sleep(60)')))).rejects.toThrow(TimeoutError)
    expect(performance.now() - began).toBeLessThan(1_500)
    expect(await freeAfter(orders)).toBeLessThan(500)
    expect((await orders.run(onClient(pool, (client) => client.query('select 1')))).rowCount).toBe(1)
    await expect.poll(sleeping, { timeout: 3_000 }).toBe(0)
  })

  it('is answered in time by a server that hangs; the client is destroyed, and its slot comes back', async () => {
    const proxy = await tcpProxy(server.port)
    onTestFinished(() => proxy.close())
    const pool = opened(proxy.port)
    const orders = pipeline('orders', [bulkhead({ slots: 1 }), timeout(400)], { classify: classifyPg })
    await orders.run(onClient(pool, (client) => client.query('select 1')))
    expect(proxy.open).toBe(1)
    proxy.freeze()
    await expect(orders.run(onClient(pool, (client) => client.query('select 1')))).rejects.toThrow(TimeoutError)
    expect(await freeAfter(orders)).toBeLessThan(500)
    await vi.waitFor(() => expect(proxy.open).toBe(0))
    // Nobody to connect to either: connectionTimeoutMillis ends that.
    await expect(orders.run(onClient(pool, (client) => client.query('select 1')))).rejects.toThrow(TimeoutError)
    expect(await freeAfter(orders)).toBeLessThan(1_000)
    proxy.thaw()
    await expect.poll(() => orders.run(onClient(pool, (client) => client.query('select 1'))).then(({ rowCount }) => rowCount, () => 'not yet')).toBe(1)
  })

  it('is given up with its connection when its caller leaves, in a transaction too', async () => {
    const pool = opened()
    const orders = pipeline('orders', [retry(), breaker({ consecutive: 1 }), bulkhead({ slots: 1 }), timeout(5_000)], { classify: classifyPg })
    const caller = new AbortController()
    const call = orders.run(
      onClient(pool, async (client) => {
        await client.query('begin')
        await client.query('create table left_behind ()')
        await client.query('select pg_sleep(0.3)')
        await client.query('commit')
      }),
      { signal: caller.signal },
    )
    setTimeout(() => caller.abort(new Error('left')), 150)
    await expect(call).rejects.toThrow('left')
    expect(await freeAfter(orders)).toBeLessThan(500)
    const { rows } = await orders.run(onClient(pool, (client) => client.query(`select to_regclass('left_behind') as made`)))
    expect(rows).toEqual([{ made: null }])
    expect(pool.totalCount).toBe(1)
  })

  it('does alone what the table says', async () => {
    const proxy = await tcpProxy(server.port)
    onTestFinished(() => proxy.close())
    const pool = opened(proxy.port)
    const bare = new Client(at(proxy.port))
    bare.on('error', () => {})
    await bare.connect()
    const orders = pipeline('orders', [timeout(400)], { classify: classifyPg })
    await orders.run(onClient(pool, (client) => client.query('select 1')))
    proxy.freeze()
    const waits = await waitsLonger(bare.query('select 1'), 300)
    let error: unknown
    await orders.run(onClient(pool, (client) => client.query('select 1').catch((rejection: unknown) => Promise.reject((error = rejection) as Error)))).catch(() => {})
    const backMs = await freeAfter(orders)
    await vi.waitFor(() => expect(proxy.open).toBe(1))
    const refusing = await tcpProxy(await deadPort())
    onTestFinished(() => refusing.close())
    await expect(new Client(at(refusing.port)).connect()).rejects.toThrow(Error)
    expectRow('pg', String(refusing.connections), `no signal; destroyed: ${(error as Error).message}`, 'closed', waits ? 'waits' : 'ends', backMs < 250 ? 'with the timeout' : 'later')
  })
})
