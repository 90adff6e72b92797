// A live picture of all pipelines, at an address of your own server. With --keep it goes on until Ctrl-C.
import { serve } from '@hono/node-server'
import express from 'express'
import { fastify } from 'fastify'
import { Hono } from 'hono'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { breaker, bulkhead, pipeline, retry } from 'spillway'
import { dashboard, toNode } from 'spillway/dashboard'
import { recorder } from 'spillway/metrics'

const keep = process.argv.includes('--keep')

// #region mount
const metrics = recorder()
const quotes = pipeline('quotes', [retry(), breaker(), bulkhead({ slots: 50 })], { observers: [metrics] })

const pictures = dashboard(metrics, { title: 'shop' })

const server = createServer((request, response) => {
  if (request.url?.startsWith('/dashboard')) return toNode(pictures)(request, response)
  quotes.run(() => 'DAMS').then((quote) => response.end(quote), (error) => response.writeHead(503).end(String(error)))
})
// #endregion mount

// #region express
const onExpress = express()
onExpress.use('/dashboard', toNode(pictures))
// #endregion express

// #region fastify
const onFastify = fastify()
const answer = toNode(pictures)
onFastify.all('/dashboard', (request, reply) => {
  reply.hijack()
  // Fastify has parsed the body of a command already.
  answer(Object.assign(request.raw, { body: request.body ?? undefined }), reply.raw)
})
// #endregion fastify

// #region hono
const onHono = new Hono()
onHono.all('/dashboard', (context) => pictures(context.req.raw))
// #endregion hono

// #region platforms
const handler = { fetch: pictures } // export default it on Bun and Deno (`deno serve`); or Bun.serve(handler), Deno.serve(pictures)
// #endregion platforms

// #region control
const steered = dashboard(metrics, {
  allowControl: true,
  authorize: (request) => isOperator(request.headers.get('cookie')), // your own session
})
// #endregion control

function isOperator(cookie: string | null): boolean {
  return cookie === 'session=operator'
}

const command = new Request('http://shop.test/?control=', {
  method: 'POST',
  headers: { 'sec-fetch-site': 'same-origin', 'x-spillway-control': '1', 'content-type': 'application/json', cookie: 'session=guest' },
  body: JSON.stringify({ pipeline: 'quotes', policy: 'breaker', action: 'isolate' }),
})
console.log('a guest who isolates:', (await steered(command)).status)
console.log('handler:', (await handler.fetch(new Request('http://shop.test/'))).status)

async function show(name: string, one: Server): Promise<void> {
  if (!one.listening) await once(one, 'listening')
  const url = `http://127.0.0.1:${(one.address() as AddressInfo).port}/dashboard`
  const page = await fetch(url)
  console.log(`${name}: ${page.status} ${page.headers.get('content-type')} ${keep ? url : ''}`)
}

await onFastify.listen({ port: 0, host: '127.0.0.1' })
const servers: [string, Server][] = [
  ['node:http', server.listen(0, '127.0.0.1')],
  ['Express', onExpress.listen(0, '127.0.0.1')],
  ['Fastify', onFastify.server],
  ['Hono', serve({ fetch: onHono.fetch, port: 0, hostname: '127.0.0.1' }) as Server],
]
for (const [name, one] of servers) await show(name, one)

if (!keep) {
  // #region close
  pictures.close() // ends the streams, for which server.close() would wait
  server.close()
  // #endregion close
  for (const [, one] of servers.slice(1)) one.close()
  for (const [, one] of servers) one.closeAllConnections()
}

// prints:
// a guest who isolates: 403
// handler: 200
// node:http: 200 text/html; charset=utf-8
// Express: 200 text/html; charset=utf-8
// Fastify: 200 text/html; charset=utf-8
// Hono: 200 text/html; charset=utf-8
