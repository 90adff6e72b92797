// A trace that goes through a service, without any tracing library.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { contextHeaders, currentContext, nodeContext, withContext } from 'spillway/context'
import { resilientFetch, standard } from 'spillway/fetch'
import { newTrace, parseTrace, traceHeaders } from 'spillway/trace'

const listen = async (server: Server): Promise<string> => {
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

let asked = 0
const warehouse = createServer((request, response) => {
  console.log(`traceparent ${String(request.headers['traceparent']).slice(0, 36)}`)
  response.writeHead(asked++ === 0 ? 503 : 200).end('7 left')
})
const url = await listen(warehouse)

// #region chain
const stock = resilientFetch('stock', standard(), { inject: traceHeaders() })
stock.pipeline.on('retry.scheduled', ({ trace }) => console.log(`trying again, trace ${trace}`))

const enter = nodeContext({ trace: parseTrace })
const shop = createServer((request, response) => enter(request, response, () => {
  console.log(`asked, trace ${currentContext()?.trace?.traceId}`)
  void (async () => response.end(await (await stock(url)).text()))()
}))
// #endregion chain

const shopUrl = await listen(shop)
const answer = await fetch(shopUrl, { headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' } })
console.log(await answer.text())

// #region begin
await withContext({ trace: newTrace({ sampled: true }) }, () => stock(url)) // a job that begins a trace

const always = resilientFetch('stock', standard(), { inject: traceHeaders({ start: 'sampled', formats: ['w3c', 'b3'] }) }) // each call that has none
// #endregion begin
await always(url)

// #region both
const [context, trace] = [contextHeaders(), traceHeaders()]
const both = resilientFetch('stock', standard(), {
  inject(headers, attempt) {
    context(headers, attempt)
    trace(headers, attempt)
  },
})
// #endregion both
await withContext({ priority: 'high' }, () => both(url))

for (const server of [warehouse, shop]) {
  server.close()
  server.closeAllConnections()
}

// prints: asked, trace 0af7651916cd43dd8448eb211c80319c
// prints: traceparent 00-0af7651916cd43dd8448eb211c80319c-
// prints: trying again, trace 0af7651916cd43dd8448eb211c80319c
// prints: 7 left
