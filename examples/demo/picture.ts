import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { dashboard, toNode } from 'spillway/dashboard'
import { metrics } from './spillway.ts'

/** The dashboard of the side with spillway, at an address of its own. */
export interface Picture {
  readonly url: string
  close(): void
}

export async function servePicture(): Promise<Picture> {
  const pictures = dashboard(metrics, { title: 'demo: quotes' })
  const server = createServer(toNode(pictures)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close() {
      pictures.close()
      server.close()
      server.closeIdleConnections()
    },
  }
}
