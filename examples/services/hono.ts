// Hono: on Node by @hono/node-server, and the same on Bun, Deno and workers.
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { toResponse } from 'spillway/fetch'
import type { Dependencies } from './dependencies.ts'

export function createApp(dependencies: Dependencies): Hono {
  const app = new Hono()
  app.get('/quotes/:id', async (c) => c.json(await dependencies.page(c.req.param('id'), c.req.raw.signal)))
  // Refused: 503 with Retry-After. Too late: 504.
  app.onError((error, c) => toResponse(error) ?? (error instanceof HTTPException ? error.getResponse() : c.text('Internal Server Error', 500)))
  return app
}
