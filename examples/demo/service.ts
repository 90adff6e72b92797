// A service of finite capacity, in a process of its own. Its workers take requests from a line, first come, first served. Like most
// services it does not notice that a client has given up: the work is done all the same. Nothing about its overload is scripted
// but the number of its workers.
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { seededRandom } from 'spillway/testing'
import { phaseAt, seed } from './script.ts'
import type { Report } from './instance.ts'

/** As many as Node lets wait for a connection by default. */
const longestLine = 511
const random = seededRandom(seed)
const line: ServerResponse[] = []
let working = 0
let reached = 0
let startedAt = performance.now()

const server = createServer((_request, response) => {
  reached++
  if (line.length < longestLine) {
    line.push(response)
    work()
  } else response.writeHead(503).end('too many are waiting')
})

function work(): void {
  const { workers, workMs, failing } = phaseAt(performance.now() - startedAt)
  while (working < workers && line.length > 0) {
    const response = line.shift()!
    const status = random() < failing ? 500 : 200
    working++
    setTimeout(() => {
      working--
      response.writeHead(status).end('done')
      work()
    }, workMs * (0.5 + random()))
  }
}

process.on('message', () => {
  startedAt = performance.now()
  reached = 0
  setInterval(() => process.send?.({ reached, waiting: line.length } satisfies Report), 50)
})
// It lives and dies with its parent: Ctrl-C reaches both.
process.on('disconnect', () => process.exit())
process.on('SIGINT', () => {})

server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
