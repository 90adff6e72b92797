import { callable } from '../core/options.ts'

/** The members of node:http's IncomingMessage that are used. */
export interface NodeRequest extends AsyncIterable<Uint8Array | string> {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** What a body parser in front (Express' `json()`) has made of the body: there is then nothing left to read. */
  readonly body?: unknown
}

/** The members of node:http's ServerResponse that are used. */
export interface NodeResponse {
  readonly writableNeedDrain: boolean
  readonly destroyed: boolean
  writeHead(status: number, headers: Record<string, string>): unknown
  write(chunk: Uint8Array): boolean
  end(): unknown
  destroy(): unknown
  once(event: 'close' | 'drain', listener: () => void): unknown
  off(event: 'close' | 'drain', listener: () => void): unknown
}

/** A longer body than a command's is not read. */
const longestBody = 65_536

/**
 * A handler of Requests for node:http, and for all that is built on it: `createServer(toNode(handler))`, Express' `app.use('/dashboard',
 * toNode(handler))`. It writes no faster than the client reads, and a client that hangs up ends the stream. Costs one promise per chunk.
 */
export function toNode(handler: (request: Request) => Response | PromiseLike<Response>): (request: NodeRequest, response: NodeResponse) => void {
  callable('toNode(handler)', handler)
  return (request, response) => {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    // Whatever fails here, there is nobody left to be told: the client sees its connection end.
    answer(handler, request, response, gone.signal).catch(() => response.destroy())
  }
}

async function answer(handler: (request: Request) => Response | PromiseLike<Response>, request: NodeRequest, response: NodeResponse, signal: AbortSignal): Promise<void> {
  const body = request.method === 'POST' ? await read(request) : undefined
  if (body === null) {
    response.writeHead(413, { connection: 'close' })
    response.end()
    return
  }
  const said = await handler(webRequest(request, body, signal))
  response.writeHead(said.status, Object.fromEntries(said.headers))
  if (said.body === null || request.method === 'HEAD') {
    void said.body?.cancel()
    response.end()
    return
  }
  await pour(said.body, response, signal)
}

function webRequest({ method = 'GET', url = '/', headers }: NodeRequest, body: Uint8Array<ArrayBuffer> | undefined, signal: AbortSignal): Request {
  const copy = new Headers()
  for (const [name, value] of Object.entries(headers)) if (value !== undefined && !name.startsWith(':')) copy.set(name, String(value))
  return new Request(address(url, headers), { method, headers: copy, signal, ...(body === undefined ? {} : { body }) })
}

/** A request line may hold anything, `//evil` too, and so may Host. */
function address(url: string, { host, ':authority': authority }: NodeRequest['headers']): string {
  const path = url.startsWith('/') ? url : '/'
  try {
    return new URL(`http://${String(host ?? authority ?? 'localhost')}${path}`).href
  } catch {
    return new URL(`http://localhost${path}`).href
  }
}

async function read(request: NodeRequest): Promise<Uint8Array<ArrayBuffer> | null> {
  if (request.body !== undefined) return new TextEncoder().encode(typeof request.body === 'string' ? request.body : JSON.stringify(request.body))
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of request) {
    const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk
    length += bytes.length
    if (length > longestBody) return null
    chunks.push(bytes)
  }
  const all = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}

async function pour(body: ReadableStream<Uint8Array>, response: NodeResponse, signal: AbortSignal): Promise<void> {
  const reader = body.getReader()
  const stop = (): void => void reader.cancel()
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    if (response.destroyed) return stop()
    if (!response.write(part.value)) await drained(response)
  }
  response.end()
}

/** Or gone. */
function drained(response: NodeResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.once('drain', done)
    response.once('close', done)
  })
}
