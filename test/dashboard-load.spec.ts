import { createServer } from 'node:http'
import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { breaker, bulkhead, pipeline, retry } from 'spillway'
import { dashboard, toNode } from 'spillway/dashboard'
import { recorder } from 'spillway/metrics'

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(10)
}

describe('dashboard under load', () => {
  it('a thousand pipelines and a hundred streams, a tenth of which take nothing: two looks a tick, bounded memory, and all is forgotten after', async () => {
    const metrics = recorder()
    const pipelines = Array.from({ length: 1_000 }, (_, i) => pipeline(`tenant ${i}`, [retry(), breaker(), bulkhead({ slots: 5 })], { observers: [metrics] }))
    const callAll = () => Promise.all(pipelines.map((one) => one.tryRun(() => 1)))
    for (let round = 0; round < 5; round++) await callAll()
    let looks = 0
    let lookMs = 0
    const counted: typeof metrics = Object.assign(Object.create(metrics) as typeof metrics, {
      snapshot: (options: Parameters<typeof metrics.snapshot>[0]) => {
        const from = performance.now()
        const snapshot = metrics.snapshot(options)
        looks++
        lookMs += performance.now() - from
        return snapshot
      },
    })
    const app = dashboard(counted)
    const server = createServer(toNode(app)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo

    const memory = async () => {
      await sleep(20)
      globalThis.gc!()
      const { heapUsed, external } = process.memoryUsage()
      return heapUsed + external
    }
    const before = await memory()
    const frames = new Map<Socket, number>()
    const stalled: Socket[] = []
    for (let i = 0; i < 100; i++) {
      const socket = connect(port, '127.0.0.1')
      socket.write('GET /?stream= HTTP/1.1\r\nHost: x\r\n\r\n')
      if (i % 10 === 0) stalled.push(socket.pause())
      else socket.on('data', (chunk: Buffer) => frames.set(socket, (frames.get(socket) ?? 0) + chunk.toString('latin1').split('data: {').length - 1))
    }
    await until(() => app.viewers === 100)
    const [looksBefore, cpu] = [looks, process.cpuUsage()]
    await until(() => frames.size === 90 && [...frames.values()].every((count) => count >= 3))
    await callAll()
    const ticks = Math.max(...frames.values()) - 1
    const { user, system } = process.cpuUsage(cpu)
    const grown = (await memory()) - before
    console.log(`1000 pipelines, 100 streams: ${((user + system) / 1_000 / ticks).toFixed(0)} ms of a core per tick, ${(lookMs / looks).toFixed(0)} ms a look; ${(grown / 1e6).toFixed(1)} MB more than without viewers`)
    expect(looks - looksBefore).toBeLessThanOrEqual(2 * (ticks + 2))
    expect(grown).toBeLessThan(60e6)

    for (const socket of [...frames.keys(), ...stalled]) socket.destroy()
    await until(() => app.viewers === 0)
    const after = looks
    await sleep(50)
    expect(looks).toBe(after)
    server.close()
    server.closeAllConnections()
  }, 120_000)
})
