import { createServer, type ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it, vi } from 'vitest'
import { resilientFetch } from '../src/fetch/index.ts'
import { tcpUpstream, upstream } from './support/upstream.ts'

const fails = (promise: Promise<unknown>): Promise<Error> => promise.then((value) => expect.fail(`answered ${String(value)}`), (error: unknown) => error as Error)
const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const big = 'päckchen'.repeat(40_000)
/** With the errno of the network, where there is one. */
const kind = (error: Error): unknown => [error.name, error.message, (error.cause as { code?: string } | undefined)?.code]

type Fetch = typeof fetch

async function readAll(body: ReadableStream<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

/** Every way to read a body as text. */
const ways: Record<string, (response: Response) => Promise<string>> = {
  'text()': (response) => response.text(),
  'arrayBuffer()': async (response) => Buffer.from(await response.arrayBuffer()).toString(),
  'bytes()': async (response) => Buffer.from('bytes' in response ? await (response as unknown as { bytes(): Promise<Uint8Array<ArrayBuffer>> }).bytes() : new Uint8Array(await (response as Response).arrayBuffer())).toString(),
  'blob()': async (response) => (await response.blob()).text(),
  'async iteration': (response) => readAll(response.body!),
  'getReader()': async (response) => {
    const reader = response.body!.getReader()
    let text = ''
    const decoder = new TextDecoder()
    for (let next = await reader.read(); !next.done; next = await reader.read()) text += decoder.decode(next.value, { stream: true })
    await reader.closed
    return text
  },
  'a reader that brings its own buffer': async (response) => {
    const reader = response.body!.getReader({ mode: 'byob' })
    const chunks: Uint8Array[] = []
    for (let next = await reader.read(new Uint8Array(1_000)); !next.done; next = await reader.read(new Uint8Array(1_000))) chunks.push(next.value)
    return Buffer.concat(chunks).toString()
  },
  'pipeTo()': async (response) => {
    const chunks: Uint8Array[] = []
    await response.body!.pipeTo(new WritableStream({ write: (chunk) => void chunks.push(chunk as Uint8Array) }))
    return Buffer.concat(chunks).toString()
  },
  'pipeThrough()': (response) => readAll(response.body!.pipeThrough(new TransformStream())),
  'tee()': async (response) => {
    const [a, b] = response.body!.tee()
    const [one, other] = await Promise.all([readAll(a), readAll(b)])
    expect(one).toBe(other)
    return one
  },
  'clone(), both': async (response) => {
    const copy = response.clone()
    const [one, other] = await Promise.all([response.text(), copy.text()])
    expect(one).toBe(other)
    return one
  },
  'clone(), one after the other': async (response) => {
    const copy = response.clone()
    const one = await copy.text()
    expect(await response.text()).toBe(one)
    return one
  },
  'a clone of a clone': async (response) => response.clone().clone().text(),
  'new Response(body)': (response) => new Response(response.body).text(),
  'as the body of a request': async (response) => new Request('http://quotes.test/', { method: 'POST', body: response.body, duplex: 'half' }).text(),
}

describe.each<[string, Fetch]>([
  ['fetch itself', fetch],
  ['a resilient fetch without policies', resilientFetch('quotes', [])],
  ['a resilient fetch', resilientFetch('quotes')],
  ["a resilient fetch that holds to the headers", resilientFetch('quotes', undefined, { hold: 'headers' })],
  ['a resilient fetch in another', resilientFetch('outer', undefined, { fetch: resilientFetch('inner') })],
])('the response of %s', (_name, one) => {
  it.each(Object.entries(ways))('is read by %s', async (_way, read) => {
    const server = await upstream({ body: big })
    const response = await one(`${server.url}/a`)
    expect(response.bodyUsed).toBe(false)
    expect(await read(response)).toBe(big)
  })

  it('is one: its class, its url, its type, its headers', async () => {
    const server = await upstream({ status: 302, headers: { location: '/there' } }, { body: 'here', headers: { 'x-a': 'b', 'set-cookie': 'a=1' } })
    const response = await one(`${server.url}/a`)
    expect(response).toBeInstanceOf(Response)
    expect(response.constructor).toBe(Response)
    expect(Object.prototype.toString.call(response)).toBe('[object Response]')
    expect(Object.keys(response)).toEqual([])
    for (const made of [response, response.clone()]) {
      expect([made.status, made.statusText, made.ok, made.type, made.redirected, made.url]).toEqual([200, 'OK', true, 'basic', true, `${server.url}/there`])
      expect([made.headers.get('x-a'), made.headers.getSetCookie()]).toEqual(['b', ['a=1']])
      expect(() => made.headers.set('a', 'b')).toThrow(TypeError)
      expect(made.body).toBeInstanceOf(ReadableStream)
      expect(made.body).toBe(made.body)
    }
  })

  it('is JSON, or is not', async () => {
    const server = await upstream({ body: '\uFEFF{"a":1}' }, { body: '{"a":' }, { body: '' })
    expect(await (await one(server.url)).json()).toEqual({ a: 1 })
    expect((await fails((await one(server.url)).json())).name).toBe('SyntaxError')
    expect((await fails((await one(server.url)).json())).name).toBe('SyntaxError')
  })

  it('is a blob, or a form, of its type', async () => {
    const form = new FormData()
    form.set('a', 'b')
    form.set('file', new Blob(['up'], { type: 'text/css' }), 'a.css')
    const encoded = new Response(form)
    const type = encoded.headers.get('content-type')!
    const server = await upstream({ body: await encoded.text(), headers: { 'content-type': type } }, { body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } }, { body: '{}', headers: { 'content-type': 'Application/JSON;charset=utf-8' } }, { body: 'a' })
    const multipart = await (await one(server.url)).formData()
    expect([multipart.get('a'), await (multipart.get('file') as File).text(), (multipart.get('file') as File).name]).toEqual(['b', 'up', 'a.css'])
    expect((await (await one(server.url)).formData()).get('a')).toBe('b')
    expect((await (await one(server.url)).blob()).type).toBe('application/json;charset=utf-8')
    const untyped = await one(server.url)
    expect((await untyped.clone().blob()).type).toBe('')
    expect((await fails(untyped.formData())).name).toBe('TypeError')
  })

  it('is used once', async () => {
    const server = await upstream({ body: 'once' })
    const response = await one(server.url)
    const reading = response.text()
    expect(response.bodyUsed).toBe(true)
    expect([(await fails(response.text())).name, (await fails(response.json())).message]).toEqual(['TypeError', 'Body is unusable: Body has already been read'])
    expect(await reading).toBe('once')
    expect([response.bodyUsed, response.body!.locked]).toEqual([true, true])
    expect(() => response.clone()).toThrow(TypeError)
    expect((await fails(response.arrayBuffer())).name).toBe('TypeError')
  })

  it('knows whether its stream is locked', async () => {
    const server = await upstream({ body: 'locked' })
    const response = await one(server.url)
    const reader = response.body!.getReader()
    expect([response.body!.locked, response.bodyUsed]).toEqual([true, false])
    expect((await fails(response.text())).name).toBe('TypeError')
    expect(() => response.clone()).toThrow(TypeError)
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('locked')
    expect(response.bodyUsed).toBe(true)
  })

  it('locks a stream that was there before when it is cloned, or read by a method', async () => {
    const server = await upstream({ body: 'a' })
    const response = await one(server.url)
    const before = response.body!
    const copy = response.clone()
    expect([before.locked, response.body === before]).toEqual([true, false])
    expect([await copy.text(), await response.text()]).toEqual(['a', 'a'])
    const other = await one(server.url)
    const stream = other.body!
    expect(await other.text()).toBe('a')
    expect(stream.locked).toBe(true)
  })

  it('is cancelled', async () => {
    const server = await upstream('stall')
    for (const cancel of [(response: Response) => response.body!.cancel('enough'), async (response: Response) => response.body!.getReader().cancel(), async (response: Response) => {
      // oxlint-disable-next-line no-unreachable-loop -- that is the story
      for await (const chunk of response.body!) return void chunk
    }]) {
      const response = await one(server.url)
      await cancel(response)
      expect(response.bodyUsed).toBe(true)
      expect((await fails(response.text())).name).toBe('TypeError')
    }
    await vi.waitFor(() => expect(server.ended).toBeGreaterThanOrEqual(3))
  })

  it.each([['HEAD', 200], ['GET', 204], ['GET', 304]])('has no body: %s %i', async (method, status) => {
    const server = await upstream(status)
    const response = await one(server.url, { method })
    expect([response.status, response.body, await response.text(), response.bodyUsed]).toEqual([status, null, '', false])
  })

  it('is part of something', async () => {
    const server = await upstream({ status: 206, body: 'part', headers: { 'content-range': 'bytes 2-5/10' } })
    const response = await one(server.url, { headers: { range: 'bytes=2-5' } })
    expect([response.status, response.headers.get('content-range'), await response.text(), server.requests[0]!.headers['range']]).toEqual([206, 'bytes 2-5/10', 'part', 'bytes=2-5'])
  })

  it.each([['gzip', gzipSync], ['br', brotliCompressSync], ['deflate', deflateSync]] as const)('is decompressed: %s', async (encoding, compress) => {
    const server = await upstream((_request, response) => response.writeHead(200, { 'content-encoding': encoding }).end(compress(big)))
    const response = await one(server.url)
    expect([response.headers.get('content-encoding'), await response.text()]).toEqual([encoding, big])
  })

  it('is compressed badly', async () => {
    const server = await upstream((_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('no gzip at all'))
    expect(kind(await fails((await one(server.url)).text()))).toEqual(['TypeError', 'terminated', 'Z_DATA_ERROR'])
  })

  it('ends in the middle, is reset, or is not as long as it said', async () => {
    const truncated = await upstream('truncate')
    for (const read of [(response: Response) => response.text(), (response: Response) => readAll(response.body!)]) {
      expect(kind(await fails(read(await one(truncated.url))))).toEqual(['TypeError', 'terminated', 'UND_ERR_SOCKET'])
    }
    const reset = await upstream((_request, response) => {
      response.writeHead(200).write('half')
      setTimeout(() => response.socket?.resetAndDestroy(), 10)
    })
    expect(kind(await fails((await one(reset.url)).text()))).toEqual(['TypeError', 'terminated', 'ECONNRESET'])
    const long = await tcpUpstream((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nlonger')))
    expect(await (await one(long.url)).text()).toBe('lo')
  })

  it('has trailers', async () => {
    const server = await tcpUpstream((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-a\r\n\r\n4\r\nbody\r\n0\r\nx-a: b\r\n\r\n')))
    const response = await one(server.url)
    expect([await response.text(), response.headers.get('x-a')]).toEqual(['body', null])
  })

  it('is a redirect, or an error, as told', async () => {
    const server = await upstream({ status: 302, headers: { location: '/there' }, body: 'there' })
    const manual = await one(server.url, { redirect: 'manual' })
    expect([manual.status, manual.redirected, await manual.text()]).toEqual([302, false, 'there'])
    expect((await fails(one(server.url, { redirect: 'error', method: 'POST' }))).name).toBe('TypeError')
  })

  it('is that of data: and blob: URLs', async () => {
    const data = await one('data:text/plain,hello')
    expect([data.status, data.headers.get('content-type'), await data.text()]).toEqual([200, 'text/plain', 'hello'])
    const url = URL.createObjectURL(new Blob(['from a blob']))
    expect(await (await one(url)).text()).toBe('from a blob')
    URL.revokeObjectURL(url)
  })

  it('passes cache, credentials and the rest on', async () => {
    const server = await upstream({ body: 'ok' })
    await (await one(server.url, { cache: 'no-store', credentials: 'omit', keepalive: true, mode: 'cors' } as RequestInit)).text()
    expect(server.requests[0]!.headers).toMatchObject({ 'cache-control': 'no-cache' })
  })

  it('tells its reader why it was aborted, however it is read, also before', async () => {
    const server = await upstream('stall')
    for (const read of [(response: Response) => response.text(), (response: Response) => readAll(response.body!), (response: Response) => response.clone().text(), async (response: Response) => (await later(20), response.text()), (response: Response) => response.body!.pipeTo(new WritableStream())]) {
      const controller = new AbortController()
      const reason = new Error('enough')
      const response = await one(server.url, { signal: controller.signal })
      setTimeout(() => controller.abort(reason), 10)
      const error = await fails(read(response))
      // Node 20's own forgets the reason in the middle of a body.
      if (one === fetch) expect(['Error', 'AbortError']).toContain(error.name)
      else expect(error).toBe(reason)
    }
    await vi.waitFor(() => expect(server.ended).toBeGreaterThanOrEqual(5))
  })

  it('is aborted after it was all read, and nothing happens', async () => {
    const server = await upstream({ body: 'all' })
    const controller = new AbortController()
    const text = await (await one(new Request(server.url, { signal: controller.signal }))).text()
    controller.abort()
    expect(text).toBe('all')
  })

  it('comes no faster than it is read', { timeout: 20_000 }, async () => {
    let sent = 0
    const size = 64 * 1024
    const pump = (response: ServerResponse): void => {
      while (sent < 60_000_000 && !response.destroyed) {
        sent += size
        if (!response.write(Buffer.alloc(size))) return void response.once('drain', () => pump(response))
      }
      response.end()
    }
    const server = createServer((_request, response) => pump(response)).listen(0, '127.0.0.1')
    await new Promise((listening) => server.once('listening', listening))
    try {
      const response = await one(`http://127.0.0.1:${(server.address() as { port: number }).port}`)
      const reader = response.body!.getReader()
      await reader.read()
      await later(300)
      // The buffers of the sockets, some MB; not all of it.
      expect(sent).toBeLessThan(20_000_000)
      await reader.cancel()
    } finally {
      server.closeAllConnections()
      await promisify(server.close.bind(server))()
    }
  })
})
