// For servers on node:http: Express, NestJS on Express, or none at all.
import type { ServerResponse } from 'node:http'

/** Aborted when the client hangs up before it has its answer: for the `signal` of every outgoing call. */
export function hangUp(response: ServerResponse): AbortSignal {
  const controller = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) controller.abort(new Error('The client has hung up'))
  })
  return controller.signal
}

/** Sends what `toResponse` made. */
export async function send(answer: Response, response: ServerResponse): Promise<void> {
  response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
}
