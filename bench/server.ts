// The service of the HTTP benches, in a process of its own. Prints its port.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const small = JSON.stringify({ id: 7, name: 'quote', price: 12.5, tags: ['a', 'b'], note: 'x'.repeat(150) })
const big = Buffer.alloc(1 << 20, 'x')

const server = createServer((request, response) => {
  const little = request.url === '/small'
  response.setHeader('content-type', little ? 'application/json' : 'text/plain')
  response.end(little ? small : big)
}).listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`))
// On a busy machine the client may be away for longer than a server waits by default.
server.keepAliveTimeout = 600_000
process.on('disconnect', () => process.exit())
