// Run by drain.spec.ts in a process of its own: node --import ./test/support/ts.js test/support/drain-service.ts <upstream> <graceMs>
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { bulkhead, constant, pipeline, retry } from 'spillway'
import { resilientFetch, toResponse } from 'spillway/fetch'
import { drainAtSigterm } from '../../examples/services/drain.ts'
import { hangUp, send } from '../../examples/services/node-http.ts'

const [upstream, graceMs] = process.argv.slice(2)
const quotes = resilientFetch('quotes', [retry({ backoff: constant(60_000) }), bulkhead({ slots: 1, queue: 10, maxWaitMs: 60_000 })])
/** Whose work knows of no signal. */
const deaf = pipeline('deaf', [])

const server = createServer((request, response) => {
  const answer = request.url === '/deaf' ? deaf.run(() => new Promise<never>(() => {})) : quotes(`${upstream}${request.url}`, { signal: hangUp(response) })
  void answer
    .catch((error: unknown) => toResponse(error) ?? new Response(String(error), { status: 500 }))
    .then((said) => send(said, response))
})
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port))
drainAtSigterm(server, [quotes.pipeline, deaf], Number(graceMs))
