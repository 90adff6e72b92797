import { createServer, request, type Server, type ServerResponse } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import express from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import { dashboard, toNode } from 'spillway/dashboard'
import { picture } from '../src/dashboard/picture.ts'
import { pipelineSnapshot, recorderOf, snapshotOf } from './support/snapshots.ts'

const servers: Server[] = []
afterEach(() => servers.splice(0).forEach((server) => (server.closeAllConnections(), server.close())))

async function listen(listener: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(listener!).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(5)
}

const recorder = recorderOf(snapshotOf(Array.from({ length: 1_000 }, (_, i) => pipelineSnapshot({ name: `tenant-${i}` }))))

describe('dashboard on node:http', () => {
  it('serves the page and the stream', async () => {
    const app = dashboard(recorder, { everyMs: 10 })
    const url = await listen(toNode(app))
    const page = await fetch(`${url}/dashboard`)
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(await page.text()).toMatch(/^<!doctype html>.*tenant-1/)
    const stream = await fetch(`${url}/dashboard?stream=`)
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (text.split('\n\n').length < 4) text += (await reader.read()).value
    expect(text).toMatch(/^data: \{.*\}\n\n/)
    await reader.cancel()
    await until(() => app.viewers === 0)
  })

  it('notices at once that a client has hung up', async () => {
    const app = dashboard(recorder, { everyMs: 60_000 })
    const url = await listen(toNode(app))
    const asked = request(`${url}/?stream=`).end()
    await once(asked, 'response')
    expect(app.viewers).toBe(1)
    asked.destroy()
    await until(() => app.viewers === 0)
  })

  it('writes no faster than a client reads: frames are not gathered for who stands still', async () => {
    const app = dashboard(recorder, { everyMs: 1, shown: 1_000 })
    const frame = JSON.stringify(picture([recorder], '', { title: 'spillway', everyMs: 1, shown: 1_000, control: false })).length
    let writes = 0
    let waiting: ServerResponse | undefined
    const handler = toNode(app)
    const url = await listen((asked, response) => {
      const write = response.write.bind(response)
      waiting = response
      response.write = ((chunk: Uint8Array) => (writes++, write(chunk))) as typeof response.write
      handler(asked, response)
    })
    const socket = connect(Number(new URL(url).port), '127.0.0.1').pause()
    socket.write('GET /?stream= HTTP/1.1\r\nHost: x\r\n\r\n')
    // The kernel's buffers fill up; then a frame waits here, two in the stream, and no further one is made.
    let before = -1
    let calm = 0
    let taken = 0
    await until(() => {
      calm = writes === before ? calm + 1 : 0
      if (calm === 0) taken = recorder.taken
      before = writes
      return calm === 30
    })
    expect(waiting!.writableLength).toBeLessThan(2 * frame)
    expect(recorder.taken - taken).toBeLessThanOrEqual(3)
    socket.destroy()
    await until(() => app.viewers === 0)
  })

  it('takes the body of a command, whole or parsed before, and no long one', async () => {
    const handler = (asked: Request) => asked.text().then((text) => new Response(text))
    const bare = await listen(toNode(handler))
    const parsed = express().use(express.json()).use('/mounted', toNode(handler))
    const behind = await listen(parsed)
    const post = (url: string, body: string) => fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
    expect(await (await post(bare, '{"a":1}')).text()).toBe('{"a":1}')
    expect(await (await post(`${behind}/mounted`, '{"a": 1}')).text()).toBe('{"a":1}')
    expect((await post(bare, 'x'.repeat(100_000))).status).toBe(413)
  })

  it('is mounted in Express as it is', async () => {
    const app = express().use('/admin/pipelines', toNode(dashboard(recorder, { title: 'mounted' })))
    const url = await listen(app)
    expect(await (await fetch(`${url}/admin/pipelines`)).text()).toContain('<title>mounted</title>')
    expect((await fetch(`${url}/admin/pipelines?config=tenant-3`)).status).toBe(200)
    expect((await fetch(url)).status).toBe(404)
  })

  it('survives a request line and a Host that are no address', async () => {
    const url = await listen(toNode(async (asked) => new Response(new URL(asked.url).pathname)))
    const raw = async (head: string) => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1')
      socket.end(`${head}\r\nConnection: close\r\n\r\n`)
      return (await socket.toArray()).join('')
    }
    expect(await raw('GET //evil/x HTTP/1.1\r\nHost: a')).toMatch(/200[^]*\/\/evil\/x/)
    expect(await raw('GET http://evil/x HTTP/1.1\r\nHost: a')).toMatch(/ 200 /)
    expect(await raw('GET /x HTTP/1.1\r\nHost: <>[')).toMatch(/200[^]*\/x/)
  })

  it('ends the connection of a request whose handler fails', async () => {
    const url = await listen(toNode(() => { throw new Error('broken') }))
    await expect(fetch(url)).rejects.toThrow()
    expect(() => toNode(undefined as never)).toThrow('toNode(handler) must be a function')
  })
})
