import { serve, type ServerType } from '@hono/node-server'
import { Controller, Get, Inject, Module, Param, Res } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { once } from 'node:events'
import { get, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { connect, type Dependencies } from '../examples/services/dependencies.ts'
import { createApp as expressApp } from '../examples/services/express.ts'
import { createApp as fastifyApp } from '../examples/services/fastify.ts'
import { createApp as honoApp } from '../examples/services/hono.ts'
import { SpillwayFilter } from '../examples/services/nest.ts'
import { hangUp } from '../examples/services/node-http.ts'
import { deadPort, type Reply, type Upstream, upstream } from './support/upstream.ts'

/** What decorators do, without a compiler that knows them. */
async function nest(dependencies: Dependencies) {
  class Quotes {
    constructor(readonly dependencies: Dependencies) {}
    page(id: string, response: ServerResponse): Promise<unknown> {
      return this.dependencies.page(id, hangUp(response))
    }
  }
  Controller('quotes')(Quotes)
  Inject('dependencies')(Quotes, undefined, 0)
  Get(':id')(Quotes.prototype, 'page', Object.getOwnPropertyDescriptor(Quotes.prototype, 'page')!)
  Param('id')(Quotes.prototype, 'page', 0)
  Res({ passthrough: true })(Quotes.prototype, 'page', 1)
  class App {
    readonly named = 'quotes'
  }
  Module({ controllers: [Quotes], providers: [{ provide: 'dependencies', useValue: dependencies }] })(App)
  const app = await NestFactory.create(App, { logger: false, abortOnError: false })
  app.useGlobalFilters(new SpillwayFilter())
  await app.listen(0, '127.0.0.1')
  return app.getHttpServer() as Server
}

const listening = async (server: Server | ServerType): Promise<Server> => {
  if (!server.listening) await once(server, 'listening')
  return server as Server
}

const frameworks: Record<string, (dependencies: Dependencies) => Promise<Server>> = {
  Express: (dependencies) => listening(expressApp(dependencies).listen(0, '127.0.0.1')),
  Fastify: async (dependencies) => {
    const app = fastifyApp(dependencies)
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server
  },
  Hono: (dependencies) => listening(serve({ fetch: honoApp(dependencies).fetch, port: 0, hostname: '127.0.0.1' })),
  NestJS: nest,
}

describe.each(Object.entries(frameworks))('%s', (_name, start) => {
  /** The service, with two real dependencies behind it; `quotes` may be a dead port. */
  async function service(quotes: Upstream | number, headlines: Reply = { body: '["up"]' }) {
    const port = typeof quotes === 'number' ? quotes : quotes.port
    const dependencies = connect({ quotes: `http://127.0.0.1:${port}/quotes`, headlines: (await upstream(headlines)).url })
    const server = await start(dependencies)
    onTestFinished(() => {
      server.close()
      server.closeAllConnections()
    })
    return { dependencies, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/quotes/7` }
  }

  it('answers what its dependencies answer', async () => {
    const quotes = await upstream({ body: '{"price":42}' })
    const { url } = await service(quotes)
    const response = await fetch(url)
    expect({ status: response.status, body: await response.json() }).toEqual({ status: 200, body: { quote: { price: 42 }, headlines: ['up'] } })
    expect(quotes.requests.map(({ path }) => path)).toEqual(['/quotes/7'])
  })

  it('does without what is nice to have', async () => {
    const { url } = await service(await upstream({ body: '{"price":42}' }), 'hang')
    expect(await (await fetch(url)).json()).toEqual({ quote: { price: 42 }, headlines: [] })
  })

  it.each(['answers 503', 'is not there'])('answers 503 with Retry-After while a dependency %s, and says nothing of its inside', async (how) => {
    const quotes = how === 'is not there' ? await deadPort() : await upstream({ status: 503, headers: { 'retry-after': '0' } })
    const { url } = await service(quotes)
    // The first call finds it out: an error like any other.
    expect((await fetch(url)).status).toBe(500)
    const response = await fetch(url)
    expect(response.status).toBe(503)
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(response.headers.get('content-type')).toContain('application/problem+json')
    expect(await response.json()).toEqual({ title: 'Service Unavailable', code: 'BREAKER_OPEN' })
    if (typeof quotes !== 'number') expect(quotes.requests).toHaveLength(2)
  })

  it('answers 504 when a dependency hangs', async () => {
    const { url, dependencies } = await service(await upstream('hang'))
    const response = await fetch(url)
    expect({ status: response.status, body: await response.json() }).toEqual({ status: 504, body: { title: 'Gateway Timeout', code: 'TIMEOUT' } })
    await vi.waitFor(() => expect(dependencies.quotes.pipeline.inFlight).toBe(0))
  })

  it('gives up the outgoing call of a client that hangs up', async () => {
    const quotes = await upstream('hang')
    const { url, dependencies } = await service(quotes)
    const settled = vi.fn<(outcome: unknown) => void>()
    dependencies.quotes.pipeline.on('call.settled', ({ verdict }) => settled(verdict))
    const request = get(url).on('error', () => {})
    await vi.waitFor(() => expect(quotes.requests).toHaveLength(1))
    request.destroy()
    await vi.waitFor(() => expect({ inFlight: dependencies.quotes.pipeline.inFlight, ended: quotes.ended }).toEqual({ inFlight: 0, ended: 1 }), { timeout: 300 })
    expect(settled).toHaveBeenCalledWith('ignored')
    expect(quotes.requests).toHaveLength(1)
  })
})
