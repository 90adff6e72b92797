// Two services in a row: what the first one is told of a request, the second one learns of it.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline, timeout } from 'spillway'
import { contextHeaders, currentContext, nodeContext, subLevelOf, withContext, withoutContext } from 'spillway/context'
import { resilientFetch, standard } from 'spillway/fetch'

const listen = async (server: Server): Promise<string> => {
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const warehouse = createServer((request, response) => {
  response.end(`priority ${String(request.headers['x-request-priority'])}, in time: ${Number(request.headers['x-request-timeout-ms']) <= 500}`)
})
const url = await listen(warehouse)
const query = (sql: string): Promise<string> => Promise.resolve(sql)
const log = (line: string): void => console.log(line)

// #region chain
const stock = resilientFetch('stock', standard(), { inject: contextHeaders() })
const database = pipeline('database', [timeout(1_000)])

// Whoever calls this service is one of our own: they are believed.
const enter = nodeContext({ trustPriority: true, maxTimeoutMs: 10_000 })

const shop = createServer((request, response) => enter(request, response, () => {
  void (async () => {
    await database.run(() => query('select 1')) // priority and deadline are those of the request
    response.end(await (await stock(`${url}/stock`)).text()) // and go on to the next service
  })()
}))
// #endregion chain

const shopUrl = await listen(shop)
const answer = await fetch(shopUrl, { headers: { 'x-request-priority': 'high', 'x-request-timeout-ms': '500' } })
console.log(await answer.text())

{
  const job = { user: 'ann' }
  // #region job
  await withContext({ priority: 'low', subLevel: subLevelOf(job.user), timeoutMs: 60_000 }, async () => {
    await database.run(() => query('select 2'))
    log(`${currentContext()!.priority} work, ${currentContext()!.leftMs > 50_000 ? 'time enough' : 'little time'}`)
    withoutContext(() => void database.run(() => query('insert'))) // goes on whatever becomes of the job
  })
  // #endregion job
}

for (const server of [warehouse, shop]) {
  server.close()
  server.closeAllConnections()
}

// prints: priority high, in time: true
// prints: low work, time enough
