// Fastify 5: it sends a web Response as it is, and has a signal for a client that hangs up.
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { toResponse } from 'spillway/fetch'
import type { Dependencies } from './dependencies.ts'

/** Refused: 503 with Retry-After. Too late: 504. Any other error goes on to Fastify's own handler. */
export function onError(error: unknown, _request: FastifyRequest, reply: FastifyReply): unknown {
  return reply.send(toResponse(error) ?? error)
}

export function createApp(dependencies: Dependencies): FastifyInstance {
  const app = fastify()
  app.setErrorHandler(onError)
  app.get<{ Params: { id: string } }>('/quotes/:id', (request) => dependencies.page(request.params.id, request.signal))
  return app
}
