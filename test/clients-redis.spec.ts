import { Redis } from 'ioredis'
import { breaker, bulkhead, constant, pipeline, retry, timeout, TimeoutError, type Verdict } from 'spillway'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { classifyRedis as classifyIoredis, redisOptions as ioredisOptions } from '../examples/clients/ioredis.ts'
import { classifyRedis as classifyNodeRedis, redisClient, redisOptions } from '../examples/clients/node-redis.ts'
import { expectRow, freeAfter, waitsLonger } from './support/facts.ts'
import { program, type RealServer, startRedis } from './support/servers.ts'
import { type TcpProxy, tcpProxy } from './support/tcp-proxy.ts'

const file = program('redis-server', 'redis-server')

interface Client {
  send(...command: string[]): Promise<unknown>
  /** Sends, and aborts after 50 ms, as far as the client knows how to. */
  sendAborted?(...command: string[]): Promise<unknown>
  ready(): boolean
  end(): void
}

/** By its recipe, and as it comes. */
const clients = {
  ioredis: {
    classify: classifyIoredis,
    async connect(port: number, bare: boolean): Promise<Client> {
      const redis = new Redis({ ...(bare ? {} : ioredisOptions), host: '127.0.0.1', port, lazyConnect: true })
      redis.on('error', () => {})
      await redis.connect()
      return { send: (name, ...args) => redis.call(name!, args), ready: () => redis.status === 'ready', end: () => redis.disconnect() }
    },
    tries: () => `, ${String(new Redis({ lazyConnect: true }).options.maxRetriesPerRequest)} tries`,
  },
  'node-redis': {
    classify: classifyNodeRedis,
    async connect(port: number, bare: boolean): Promise<Client> {
      const redis = bare ? (await import('@redis/client')).createClient({ socket: { host: '127.0.0.1', port } }) : redisClient('127.0.0.1', port, () => {})
      redis.on('error', () => {})
      await redis.connect()
      return {
        send: (...command) => redis.sendCommand(command),
        sendAborted(...command) {
          const controller = new AbortController()
          setTimeout(() => controller.abort(), 50)
          return redis.withAbortSignal(controller.signal).sendCommand(command)
        },
        ready: () => redis.isReady,
        end: () => redis.destroy(),
      }
    },
    tries: () => '',
  },
}

describe.skipIf(file === undefined)('Redis', () => {
  let server: RealServer
  beforeAll(async () => {
    server = await startRedis(file!)
  })
  afterAll(() => server?.stop())

  describe.each(Object.entries(clients))('%s', (name, { classify, connect, tries }) => {
    async function proxied(): Promise<TcpProxy> {
      const proxy = await tcpProxy(server.port)
      onTestFinished(() => proxy.close())
      return proxy
    }

    async function opened(port: number, bare = false): Promise<Client> {
      const client = await connect(port, bare)
      onTestFinished(() => client.end())
      return client
    }

    it('answers', async () => {
      const redis = await opened(server.port)
      const cache = pipeline('cache', [retry(), breaker(), bulkhead({ slots: 10 }), timeout(500)], { classify })
      expect(await cache.run(() => redis.send('SET', name, '42'))).toBe('OK')
      expect(await Promise.all([1, 2, 3].map(() => cache.run(() => redis.send('GET', name))))).toEqual(['42', '42', '42'])
    })

    it('says what an error tells of the server', async () => {
      const redis = await opened(server.port)
      const cache = pipeline('cache', [], { classify })
      const verdicts: Verdict[] = []
      cache.on('attempt.settled', ({ verdict }) => verdicts.push(verdict))
      await redis.send('SET', 'text', 'a')
      await expect(cache.run(() => redis.send('LPUSH', 'text', 'b'))).rejects.toThrow('WRONGTYPE')
      redis.end()
      await vi.waitFor(() => expect(redis.ready()).toBe(false))
      await expect(cache.run(() => redis.send('GET', 'text'))).rejects.toThrow(Error)
      expect(verdicts).toEqual(['success', 'overload'])
    })

    it('waits out a server that is busy', async () => {
      const [redis, other, killer] = [await opened(server.port), await opened(server.port, true), await opened(server.port, true)]
      const cache = pipeline('cache', [retry({ maxAttempts: 20, budget: false, backoff: constant(20) })], { classify })
      const verdicts = new Set<Verdict>()
      cache.on('attempt.settled', ({ verdict }) => verdicts.add(verdict))
      const script = other.send('EVAL', 'while true do end', '0').catch((error: Error) => error.message)
      await expect.poll(() => killer.send('PING').catch((error: Error) => error.message)).toMatch(/^BUSY/)
      setTimeout(() => void killer.send('SCRIPT', 'KILL'), 60)
      expect(await cache.run(() => redis.send('PING'))).toBe('PONG')
      expect([...verdicts]).toEqual(['overload', 'success'])
      expect(await script).toContain('killed')
    })

    it.each(['a stopped process', 'a network that carries nothing'])('is answered in time by %s; its slot comes back, and then it connects again', async (what) => {
      const proxy = await proxied()
      const redis = await opened(what === 'a stopped process' ? server.port : proxy.port)
      const cache = pipeline('cache', [bulkhead({ slots: 1 }), timeout(100)], { classify })
      if (what === 'a stopped process') server.process.kill('SIGSTOP')
      else proxy.freeze()
      try {
        const began = performance.now()
        await expect(cache.run(() => redis.send('GET', 'a'))).rejects.toThrow(TimeoutError)
        expect(performance.now() - began).toBeLessThan(400)
        expect(cache.inFlight).toBe(1)
        expect(await freeAfter(cache)).toBeLessThan(1_000)
        // No connection: no waiting either.
        await expect(cache.run(() => redis.send('GET', 'a'))).rejects.not.toThrow(TimeoutError)
      } finally {
        server.process.kill('SIGCONT')
        proxy.thaw()
      }
      await expect.poll(() => cache.run(() => redis.send('PING')).catch(() => 'not yet'), { timeout: 3_000 }).toBe('PONG')
    })

    it('is left at once by its caller; the shared connection stays', async () => {
      const proxy = await proxied()
      const redis = await opened(proxy.port)
      const cache = pipeline('cache', [breaker({ consecutive: 1 }), bulkhead({ slots: 1 }), timeout(5_000)], { classify })
      const caller = new AbortController()
      const slow = cache.run(() => redis.send('BLPOP', 'nothing', '0.2'), { signal: caller.signal })
      setTimeout(() => caller.abort(new Error('left')), 20)
      await expect(slow).rejects.toThrow('left')
      expect(await freeAfter(cache)).toBeLessThan(1_000)
      expect(await cache.run(() => redis.send('PING'))).toBe('PONG')
      expect({ open: proxy.open, connections: proxy.connections }).toEqual({ open: 1, connections: 1 })
    })

    it('does alone what the table says', async () => {
      const hung = await proxied()
      const bare = await opened(hung.port, true)
      hung.freeze()
      const waits = await waitsLonger(bare.send('PING'), 300)
      const aborted = bare.sendAborted?.('PING')
      const abort = aborted === undefined ? 'no signal' : (await waitsLonger(aborted, 200)) ? 'nothing, once sent' : 'rejects'

      const proxy = await proxied()
      const lost = await opened(proxy.port, true)
      const byRecipe = await opened(proxy.port)
      proxy.freeze()
      const cache = pipeline('cache', [timeout(100)], { classify })
      await cache.run(() => byRecipe.send('PING')).catch(() => {})
      const backMs = await freeAfter(cache)
      proxy.close()
      const queues = await waitsLonger(lost.send('PING'), 300)
      expectRow(
        name,
        queues ? `waits for a connection${tries()}` : 'none',
        abort,
        hung.open === 1 ? 'kept' : 'closed',
        waits ? 'waits' : 'ends',
        backMs < 100 ? 'with the timeout' : backMs < 1_000 ? 'with socketTimeout' : 'never',
      )
    })
  })

  it('the numbers of the recipes fit together', () => {
    expect(redisOptions.pingInterval).toBeLessThan(redisOptions.socket.socketTimeout)
    expect(ioredisOptions.maxRetriesPerRequest).toBe(0)
  })
})
