import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** What an upstream does with one request. A number is a status without a body. */
export type Reply = number | 'hang' | 'reset' | 'close' | 'truncate' | 'stall' | Answer | ((request: Received, response: ServerResponse) => void)

export interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Before the head. */
  readonly afterMs?: number
  /** Between the head and the body. */
  readonly bodyAfterMs?: number
}

export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Upstream {
  readonly url: string
  readonly port: number
  /** Every request whose body has arrived, oldest first. */
  readonly requests: Received[]
  /** How many connections were ever made. */
  readonly connections: number
  /** How many of them are open. Node's fetch replaces one that it had to break off. */
  readonly open: number
  /** How many of them have ended. */
  readonly ended: number
}

/**
 * A real HTTP server on a loopback port that answers its first request by the first reply, its second by the second, and all
 * further ones by the last: `upstream(503, 'hang', { body: 'late', afterMs: 50 })`. Closed when the test ends.
 *
 * `hang` says nothing at all, `reset` sends RST, `close` FIN, `truncate` ends in the middle of the body, `stall` stops there.
 */
export async function upstream(...script: Reply[]): Promise<Upstream> {
  return upstreamAt(0, ...script)
}

/** The same on a given port, such as one that was dead until now. */
export async function upstreamAt(port: number, ...script: Reply[]): Promise<Upstream> {
  const requests: Received[] = []
  const server = createServer((request, response) => {
    void read(request).then((received) => {
      requests.push(received)
      play(script[Math.min(requests.length, script.length) - 1] ?? 200, received, response)
    }, () => {})
  })
  return Object.defineProperties({ requests } as unknown as Upstream, await serve(server, port))
}

/** A raw TCP server that does as it likes with each connection; what it has been sent is in `received`. */
export async function tcpUpstream(onConnection: (socket: Socket, number: number) => void): Promise<Upstream & { readonly received: string[] }> {
  const received: string[] = []
  let number = 0
  const server = createTcpServer((socket) => {
    const index = received.push('') - 1
    socket.on('data', (data) => (received[index] += data.toString('latin1')))
    onConnection(socket, ++number)
  })
  return Object.defineProperties({ requests: [], received } as never, await serve(server, 0))
}

/** A loopback port on which nobody listens. */
export async function deadPort(): Promise<number> {
  const server = createTcpServer()
  const { port } = await listen(server, 0)
  await new Promise((done) => server.close(done))
  return port
}

async function read(request: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return { method: request.method!, path: request.url!, headers: request.headers, body: Buffer.concat(chunks).toString() }
}

function play(reply: Reply, request: Received, response: ServerResponse): void {
  const socket = response.socket!
  if (typeof reply === 'function') reply(request, response)
  else if (typeof reply === 'number') response.writeHead(reply).end()
  else if (typeof reply === 'object') answer(reply, response)
  else if (reply === 'reset') socket.resetAndDestroy()
  else if (reply === 'close') socket.end()
  else if (reply !== 'hang') {
    response.writeHead(200, { 'content-length': '100' })
    response.write('half')
    if (reply === 'truncate') setTimeout(() => socket.destroy(), 10)
  }
}

function answer({ status = 200, headers = {}, body = '', afterMs, bodyAfterMs }: Answer, response: ServerResponse): void {
  const begin = (): void => {
    response.writeHead(status, headers)
    if (bodyAfterMs === undefined) return void response.end(body)
    response.flushHeaders()
    setTimeout(() => response.end(body), bodyAfterMs)
  }
  if (afterMs === undefined) begin()
  else setTimeout(begin, afterMs)
}

function listen(server: Server, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', () => resolve(server.address() as AddressInfo)))
}

async function serve(server: Server, at: number): Promise<PropertyDescriptorMap> {
  const open = new Set<Socket>()
  let connections = 0
  server.on('connection', (socket: Socket) => {
    connections++
    open.add(socket)
    // A client that has hung up does not want its answer any more; node:http would keep its own half open.
    socket.on('error', () => {}).on('end', () => socket.destroy()).on('close', () => open.delete(socket))
  })
  const { port } = await listen(server, at)
  onTestFinished(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  return {
    port: { value: port },
    url: { value: `http://127.0.0.1:${port}` },
    connections: { get: () => connections },
    open: { get: () => open.size },
    ended: { get: () => connections - open.size },
  }
}
