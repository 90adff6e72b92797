// Express, 4 or 5: an error handler after the routes.
import express, { type ErrorRequestHandler, type Express } from 'express'
import { toResponse } from 'spillway/fetch'
import type { Dependencies } from './dependencies.ts'
import { hangUp, send } from './node-http.ts'

/** Refused: 503 with Retry-After. Too late: 504. Any other error goes on to your own handlers. */
export const onSpillwayError: ErrorRequestHandler = (error, _request, response, next) => {
  const answer = response.headersSent ? undefined : toResponse(error)
  if (response.destroyed) return // the client has hung up
  if (answer === undefined) next(error)
  else void send(answer, response)
}

export function createApp(dependencies: Dependencies): Express {
  const app = express()
  app.get('/quotes/:id', (request, response, next) => {
    dependencies.page(request.params.id, hangUp(response)).then((page) => response.json(page), next)
  })
  app.use(onSpillwayError)
  return app
}
