import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** Connections of clients that are open: a client that hangs up is noticed even while the proxy is frozen. */
  readonly open: number
  /** How many were ever made. */
  readonly connections: number
  /** From now on nothing passes, in either direction, and nothing is closed: a server that hangs. */
  freeze(): void
  /** All frozen connections are gone, new ones work. */
  thaw(): void
  close(): void
}

/** Stands before a real server and can hang, as a host that has lost its power does. */
export async function tcpProxy(target: number): Promise<TcpProxy> {
  const pairs = new Map<Socket, Socket>()
  let frozen = false
  let connections = 0
  const server = createServer({ allowHalfOpen: true }, (client) => {
    connections++
    const behind = connect(target, '127.0.0.1')
    const end = (): void => {
      client.destroy()
      behind.destroy()
    }
    pairs.set(client, behind)
    client.on('data', (data) => frozen || behind.write(data))
    behind.on('data', (data) => frozen || client.write(data))
    client.on('error', () => {}).on('end', end).on('close', () => {
      pairs.delete(client)
      end()
    })
    behind.on('error', () => {}).on('close', () => frozen || client.destroy())
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const dropAll = (): void => {
    for (const client of pairs.keys()) client.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    get open() {
      return pairs.size
    },
    get connections() {
      return connections
    },
    freeze() {
      frozen = true
    },
    thaw() {
      frozen = false
      dropAll()
    },
    close() {
      server.close()
      dropAll()
    },
  }
}
