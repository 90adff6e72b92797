// A server that is often too busy, and a fetch that gets along with it.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { breaker, bulkhead, fallback, retry, timeout } from 'spillway'
import { perOrigin, resilientFetch, retryAfter, standard, toResponse } from 'spillway/fetch'

let asked = 0
const server = createServer((request, response) => {
  asked++
  const key = request.headers['idempotency-key']
  if (request.url === '/stalls') response.writeHead(200).write('half')
  else if (request.url === '/told') response.end(`attempt ${String(request.headers['x-attempt'])}`)
  else if (request.url === '/down') response.writeHead(503, { 'retry-after': '30' }).end()
  else if (request.url === '/wrong') response.writeHead(500).end('a bug')
  else if (asked % 2 === 1) response.writeHead(503).end('busy')
  else response.end(key === undefined ? `quote ${request.method}` : 'booked')
}).listen(0, '127.0.0.1')
await new Promise((listening) => server.once('listening', listening))
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

{
  // #region first
  const quotes = resilientFetch('quotes')

  const response = await quotes(`${url}/quotes/7`)
  console.log(response.status, await response.text())
  // #endregion first
}

{
  // #region numbers
  const quotes = resilientFetch('quotes', standard({ totalMs: 2_000, attemptMs: 500, slots: 20 }))
  // #endregion numbers
  await quotes(`${url}/quotes/7`)
}

{
  // #region list
  const quotes = resilientFetch('quotes', [
    fallback(() => Response.json({ status: 'unknown' })),
    timeout(2_000), // the whole call
    retry({ maxAttempts: 2 }),
    breaker({ failureRatio: 0.3, breakMs: 10_000 }),
    bulkhead({ slots: 20 }),
    timeout(500), // each attempt
  ])

  const response = await quotes(`${url}/down`)
  console.log(await response.json())
  // #endregion list
}

{
  // #region body
  const quotes = resilientFetch('quotes', standard(), { bodyIdleMs: 100 })

  const response = await quotes(`${url}/stalls`)
  console.log(response.status)
  await response.text().catch((error: Error) => console.log(error.message))
  // #endregion body
}

{
  // #region origin
  const hooks = perOrigin('hooks', () => standard({ attemptMs: 2_000, slots: 5 }), { max: 500 })

  await hooks(`${url}/quotes/7`)
  for (const [origin, { inFlight }] of hooks.pipelines) console.log(origin === url, inFlight)
  // #endregion origin
}

{
  // #region notes
  const quotes = resilientFetch('quotes', standard(), { attemptHeader: true, timeoutHeader: 'x-left-ms' })

  const response = await quotes(`${url}/told`)
  console.log(await response.text())
  // #endregion notes
}

{
  const quotes = resilientFetch('quotes')
  // #region call
  await quotes(`${url}/quotes/7`, {
    method: 'PUT',
    body: 'up',
    spillway: { priority: 'critical', timeoutMs: 300, operation: 'setQuote' },
  })
  // #endregion call
}

{
  // #region key
  const bookings = resilientFetch('bookings', standard(), { idempotencyKey: true })

  const response = await bookings(`${url}/bookings`, { method: 'POST', body: 'seat 7' })
  console.log(response.status, await response.text())
  // #endregion key
}

{
  // #region classify
  const quotes = resilientFetch('quotes', standard(), {
    classify: (outcome) => (outcome.ok && outcome.value.headers.get('x-stale') === '1' ? 'failure' : undefined),
  })
  // #endregion classify
  await quotes(`${url}/quotes/7`)
}

{
  // #region events
  const quotes = resilientFetch('quotes', standard({ maxAttempts: 2 }))
  quotes.pipeline.on('retry.scheduled', ({ number }) => console.log(`attempt ${number} failed, trying again`))

  await quotes(`${url}/wrong`)
  // #endregion events
}

{
  const quotes = resilientFetch('quotes', [breaker({ consecutive: 1 })])
  await quotes(`${url}/down`)
  // #region toResponse
  const handle = async (): Promise<Response> => {
    try {
      return await quotes(`${url}/quotes/7`)
    } catch (error) {
      const answer = toResponse(error)
      if (answer === undefined) throw error
      return answer
    }
  }

  const answer = await handle()
  console.log(answer.status, await answer.json())
  // #endregion toResponse

  const response = await fetch(`${url}/down`)
  // #region retryAfter
  const waitMs = retryAfter(response.headers)
  console.log(`come again in ${waitMs} ms`)
  // #endregion retryAfter
}

server.close()
server.closeAllConnections()

// prints: 200 quote GET
// prints: { status: 'unknown' }
// prints: "quotes" sent nothing more of its body for 100 ms
// prints: attempt 1
// prints: 200 booked
// prints: attempt 1 failed, trying again
// prints: 503 { title: 'Service Unavailable', code: 'BREAKER_OPEN' }
// prints: come again in 30000 ms
