import type { HeadersToRead } from './headers.ts'
import { incoming, type IncomingOptions } from './incoming.ts'

/** What this room needs of a request of node:http, Express, Connect, Restify. */
export interface NodeRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
}

export interface NodeResponse {
  setHeader(name: string, value: string): unknown
}

/** Names are in lower case there, and one that comes twice is joined, or is an array. */
const ofNode = ({ headers }: NodeRequest): HeadersToRead => ({
  get: (name) => {
    const value = headers[name.toLowerCase()]
    return typeof value === 'string' || value === undefined ? value : value.join(',')
  },
})

/**
 * For node:http, Express, Connect, NestJS: `app.use(nodeContext())`; in a plain server
 * `createServer((request, response) => handle(request, response, () => answer(request, response)))`.
 *
 * @throws RangeError, TypeError for options that make no sense. A request makes it throw nothing.
 */
export function nodeContext<R extends NodeRequest = NodeRequest>(options?: IncomingOptions<R>): (request: R, response: NodeResponse, next: () => unknown) => void {
  const arrive = incoming(options)
  return (request, response, next) => {
    const { run, echoed } = arrive(ofNode(request), request)
    for (const [name, value] of echoed) response.setHeader(name, value)
    run(next)
  }
}

/** What this room needs of Fastify. */
interface FastifyLike<R> {
  addHook(name: 'onRequest' | 'preHandler', hook: (request: R, reply: FastifyReplyLike, done: () => void) => void): unknown
}
interface FastifyReplyLike {
  header(name: string, value: string): unknown
}

/**
 * A plugin for Fastify: `app.register(fastifyContext())`. The time of a request counts from its arrival; the context begins at
 * `preHandler`, because what reads a body goes on in the socket's own context.
 *
 * @throws RangeError, TypeError for options that make no sense. A request makes it throw nothing.
 */
export function fastifyContext<R extends NodeRequest = NodeRequest>(options?: IncomingOptions<R>): (app: FastifyLike<R>, said: unknown, done: () => void) => void {
  const arrive = incoming(options)
  const arrived = new WeakMap<object, ReturnType<typeof arrive>>()
  const plugin = (app: FastifyLike<R>, _said: unknown, done: () => void): void => {
    app.addHook('onRequest', (request, reply, next) => {
      const one = arrive(ofNode(request), request)
      arrived.set(request, one)
      for (const [name, value] of one.echoed) reply.header(name, value)
      next()
    })
    app.addHook('preHandler', (request, _reply, next) => {
      const one = arrived.get(request)
      if (one === undefined) next()
      else one.run(next)
    })
    done()
  }
  // For the whole application, not for this plugin's own corner of it: Fastify's own mark for that.
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true })
}

/** What this room needs of Hono. */
interface HonoLike {
  readonly req: { readonly raw: { readonly headers: HeadersToRead } }
  header(name: string, value: string): void
}

/**
 * For Hono: `app.use(honoContext())`.
 *
 * @throws RangeError, TypeError for options that make no sense. A request makes it throw nothing.
 */
export function honoContext<C extends HonoLike = HonoLike>(options?: IncomingOptions<C>): (c: C, next: () => Promise<void>) => Promise<void> {
  const arrive = incoming(options)
  return (c, next) => {
    const { run, echoed } = arrive(c.req.raw.headers, c)
    for (const [name, value] of echoed) c.header(name, value)
    return run(next)
  }
}
