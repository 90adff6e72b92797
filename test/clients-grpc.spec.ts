import { type ClientUnaryCall, credentials, makeGenericClientConstructor, Server, ServerCredentials, type ServerUnaryCall, type ServiceError, type sendUnaryData, status } from '@grpc/grpc-js'
import { breaker, bulkhead, constant, type Pipeline, pipeline, retry, timeout, TimeoutError, type Verdict } from 'spillway'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { channelOptions, classifyGrpc, unary } from '../examples/clients/grpc.ts'
import { ended, expectRow, freeAfter, waitsLonger } from './support/facts.ts'
import { type TcpProxy, tcpProxy } from './support/tcp-proxy.ts'
import { deadPort } from './support/upstream.ts'

interface Asked {
  readonly id: string
}
interface Quote {
  readonly price: number
}
type Call = ServerUnaryCall<Asked, Quote>

/** JSON instead of protocol buffers: a service without a .proto. */
const json = {
  requestSerialize: (value: Asked) => Buffer.from(JSON.stringify(value)),
  requestDeserialize: (bytes: Buffer): Asked => JSON.parse(bytes.toString()),
  responseSerialize: (value: Quote) => Buffer.from(JSON.stringify(value)),
  responseDeserialize: (bytes: Buffer): Quote => JSON.parse(bytes.toString()),
}
const definition = { getQuote: { path: '/Quotes/GetQuote', requestStream: false as const, responseStream: false as const, ...json } }
const Quotes = makeGenericClientConstructor(definition, 'Quotes')

interface QuotesClient {
  getQuote: (...args: unknown[]) => ClientUnaryCall
  close(): void
}

describe('gRPC', () => {
  /** What the service does with each call, and the calls it has got. */
  let play: (call: Call, answer: sendUnaryData<Quote>) => void
  const calls: Call[] = []
  const server = new Server()
  let port: number
  beforeAll(async () => {
    server.addService(definition, {
      getQuote(call: Call, answer: sendUnaryData<Quote>) {
        calls.push(call)
        play(call, answer)
      },
    })
    port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error)))
    })
  })
  afterAll(() => server.forceShutdown())

  const fine = (_call: Call, answer: sendUnaryData<Quote>): void => answer(null, { price: 42 })
  const never = (): void => {}

  async function opened(policies: Parameters<typeof pipeline>[1], behind?: TcpProxy, options: object = channelOptions) {
    calls.length = 0
    const client = new Quotes(`127.0.0.1:${behind?.port ?? port}`, credentials.createInsecure(), options) as unknown as QuotesClient
    onTestFinished(() => client.close())
    const quotes = pipeline('quotes', policies, { classify: classifyGrpc }) as Pipeline
    const verdicts: Verdict[] = []
    quotes.on('attempt.settled', ({ verdict }) => verdicts.push(verdict))
    return { client, quotes, verdicts, getQuote: quotes.bind(unary<Asked, Quote>(client.getQuote.bind(client))) }
  }

  async function proxied(): Promise<TcpProxy> {
    const proxy = await tcpProxy(port)
    onTestFinished(() => proxy.close())
    return proxy
  }

  it('answers, and tells the server its deadline', async () => {
    const { getQuote } = await opened([retry(), breaker(), bulkhead({ slots: 1 }), timeout(2_000)])
    play = fine
    expect(await getQuote({ id: 'SPLL' })).toEqual({ price: 42 })
    expect(calls[0]!.request).toEqual({ id: 'SPLL' })
    const leftMs = Number(calls[0]!.getDeadline()) - Date.now()
    expect(leftMs).toBeGreaterThan(500)
    expect(leftMs).toBeLessThan(2_200)
  })

  it.each([
    [status.RESOURCE_EXHAUSTED, 'overload'],
    [status.UNAVAILABLE, 'overload'],
    [status.INTERNAL, 'failure'],
  ] as const)('is asked again by the pipeline alone after code %i', async (code, verdict) => {
    const { getQuote, verdicts } = await opened([retry({ maxAttempts: 3, backoff: constant(1) })])
    play = (call, answer) => (calls.length < 3 ? answer({ code }) : fine(call, answer))
    expect(await getQuote({ id: 'SPLL' })).toEqual({ price: 42 })
    expect(calls).toHaveLength(3)
    expect(verdicts).toEqual([verdict, verdict, 'success'])
  })

  it('takes NOT_FOUND for an answer of a healthy server, and nobody listening for overload', async () => {
    const { getQuote, verdicts } = await opened([retry({ backoff: constant(1) }), breaker({ consecutive: 1 })])
    play = (_call, answer) => answer({ code: status.NOT_FOUND })
    await expect(getQuote({ id: 'none' })).rejects.toMatchObject({ code: status.NOT_FOUND })
    expect(calls).toHaveLength(1)
    expect(verdicts).toEqual(['success'])

    const nobody = await opened([], { port: await deadPort() } as TcpProxy)
    await expect(nobody.getQuote({ id: 'SPLL' })).rejects.toMatchObject({ code: status.UNAVAILABLE })
    expect(nobody.verdicts).toEqual(['overload'])
  })

  it('is cancelled at a server that does not answer; its slot comes back, the connection stays', async () => {
    const proxy = await proxied()
    const { getQuote, quotes } = await opened([bulkhead({ slots: 1 }), timeout(300)], proxy)
    play = fine
    await getQuote({ id: 'warm' })
    play = never
    // Ours; on a machine so busy that timers are 100 ms late, gRPC's own.
    await expect(getQuote({ id: 'SPLL' })).rejects.toSatisfy((error) => error instanceof TimeoutError || (error as ServiceError).code === status.DEADLINE_EXCEEDED)
    expect(await freeAfter(quotes)).toBeLessThan(250)
    await vi.waitFor(() => expect(calls[1]!.cancelled).toBe(true))
    play = fine
    expect(await getQuote({ id: 'SPLL' })).toEqual({ price: 42 })
    expect(proxy.connections).toBe(1)
  })

  it('is answered in time by a host that is gone; keepalive finds it out, and a new connection is made', async () => {
    const proxy = await proxied()
    const { getQuote, quotes } = await opened([bulkhead({ slots: 1 }), timeout(300)], proxy, {
      ...channelOptions,
      'grpc.keepalive_time_ms': 200,
      'grpc.keepalive_timeout_ms': 100,
      'grpc.initial_reconnect_backoff_ms': 50,
    })
    play = fine
    await getQuote({ id: 'warm' })
    proxy.freeze()
    for (let times = 0; times < 3; times++) {
      await expect(getQuote({ id: 'SPLL' })).rejects.toThrow(Error)
      expect(await freeAfter(quotes)).toBeLessThan(250)
    }
    await vi.waitFor(() => expect(proxy.connections).toBeGreaterThan(1))
    proxy.thaw()
    await expect.poll(() => getQuote({ id: 'SPLL' }).catch(() => 'not yet'), { timeout: 3_000 }).toEqual({ price: 42 })
  })

  it('is cancelled when its caller leaves', async () => {
    const { client, quotes } = await opened([retry(), breaker({ consecutive: 1 }), bulkhead({ slots: 1 }), timeout(5_000)])
    play = never
    const caller = new AbortController()
    const work = unary<Asked, Quote>(client.getQuote.bind(client))
    const call = quotes.run((attempt) => work(attempt, { id: 'SPLL' }), { signal: caller.signal })
    await vi.waitFor(() => expect(calls).toHaveLength(1))
    caller.abort(new Error('left'))
    await expect(call).rejects.toThrow('left')
    expect(await freeAfter(quotes)).toBeLessThan(250)
    await vi.waitFor(() => expect(calls[0]!.cancelled).toBe(true))
  })

  it('does alone what the table says', async () => {
    const proxy = await proxied()
    const { client, getQuote, quotes } = await opened([timeout(300)], proxy, {})
    play = (_call, answer) => answer({ code: status.UNAVAILABLE })
    await getQuote({ id: 'busy' }).catch(() => {})
    const tries = calls.length

    play = never
    let bare: ClientUnaryCall
    const call = new Promise((resolve, reject) => (bare = client.getQuote({ id: 'bare' }, (error: Error | null) => (error === null ? resolve(0) : reject(error)))))
    const waits = await waitsLonger(call, 300)
    bare!.cancel()
    const error: unknown = await call.catch((rejection: unknown) => rejection)
    await getQuote({ id: 'SPLL' }).catch(() => {})
    const backMs = await freeAfter(quotes)
    expectRow('grpc', String(tries), ended(error), proxy.open === 1 ? 'kept' : 'closed', waits ? 'waits' : 'ends', backMs < 250 ? 'with the timeout' : 'later')
  })
})
