import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { pipeline } from 'spillway'
import { graphite } from 'spillway/graphite'
import { recorder } from 'spillway/metrics'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { collect } from './support/heap.ts'
import { outage, START } from './support/outage.ts'
import { program } from './support/servers.ts'
import { type Graphite, startGraphite } from './support/telemetry.ts'

/** A receiver that keeps what it was sent. */
async function receiver(port = 0) {
  let text = ''
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('data', (data) => (text += data.toString())).on('error', () => {})
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  const stop = (): void => {
    server.close()
    sockets.forEach((socket) => socket.destroy())
  }
  onTestFinished(stop)
  return { port: (server.address() as AddressInfo).port, lines: () => text.split('\n').filter((line) => line !== ''), sockets, stop }
}

const held = (): number => {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

describe('graphite', () => {
  it('writes a line per number, with the time of the snapshot', async () => {
    const { metrics, happen, clock } = outage()
    await happen()
    const text: string[] = []
    const exporter = graphite(metrics, { write: (lines) => void text.push(lines) })
    onTestFinished(() => exporter.stop())
    exporter.flush()
    const at = Math.floor((START + clock.now()) / 1_000)
    expect(text.join('').split('\n')).toEqual(expect.arrayContaining([
      `spillway.quotes.call.success.count 9 ${at}`, `spillway.quotes.call.success.seconds 0.21 ${at}`, `spillway.quotes.breaker.state 2 ${at}`, `spillway.kept.rejected.none.low 1 ${at}`, `spillway.quotes.retry.overload 2 ${at}`, '',
    ]))
  })

  it('sends over one connection, and makes it anew when it broke', async () => {
    const target = await receiver()
    const { metrics } = outage()
    const onWarning = vi.fn()
    const exporter = graphite(metrics, { port: target.port, onWarning })
    onTestFinished(() => exporter.stop())
    exporter.flush()
    await vi.waitFor(() => expect(target.lines().length).toBeGreaterThan(5))
    const once = target.lines().length
    exporter.flush()
    await vi.waitFor(() => expect(target.lines()).toHaveLength(2 * once))
    expect(target.sockets).toHaveLength(1)
    target.sockets[0]!.end()
    await vi.waitFor(() => {
      exporter.flush()
      expect(target.sockets).toHaveLength(2)
    })
    expect(onWarning).not.toHaveBeenCalled()
  })

  it('a target that is not there is told once; calls go on, and it is found when it comes', async () => {
    const gone = await receiver()
    gone.stop()
    const metrics = recorder()
    const onWarning = vi.fn()
    const exporter = graphite(metrics, { port: gone.port, onWarning })
    onTestFinished(() => exporter.stop())
    const calls = pipeline('quotes', [], { observers: [metrics] })
    for (let i = 0; i < 20; i++) {
      expect(await calls.run(() => i)).toBe(i)
      exporter.flush()
      await new Promise((done) => setTimeout(done, 5))
    }
    expect(onWarning).toHaveBeenCalledTimes(1)
    expect(onWarning.mock.calls[0]![0]).toContain('ECONNREFUSED')
    expect(metrics.snapshot().log).toMatchObject([{ type: 'exporter.warned', count: 1 }])
    const back = await receiver(gone.port)
    await vi.waitFor(() => {
      exporter.flush()
      expect(back.lines().some((line) => line.startsWith('spillway.quotes.call.success.count 20 '))).toBe(true)
    })
  })

  it('a target that reads nothing gathers nothing here', async () => {
    const deaf = createServer((socket) => socket.pause()).listen(0, '127.0.0.1')
    await once(deaf, 'listening')
    const metrics = recorder()
    const all = Array.from({ length: 500 }, (_, i) => pipeline(`${i} ${'x'.repeat(80)}`, [], { observers: [metrics] }))
    const onWarning = vi.fn()
    const exporter = graphite(metrics, { port: (deaf.address() as AddressInfo).port, onWarning })
    onTestFinished(() => {
      exporter.stop()
      deaf.close()
    })
    for (const one of all) await one.run(() => 1)
    await collect()
    const before = held()
    for (let i = 0; i < 60; i++) {
      exporter.flush()
      await new Promise((done) => setImmediate(done))
    }
    expect(onWarning).toHaveBeenCalledTimes(1)
    expect(onWarning.mock.calls[0]![0]).toContain('slow')
    await collect()
    // What the system's own buffers do not take is one flush: some 400 kB.
    expect(held() - before).toBeLessThan(3_000_000)
  })

  it('a writer that is busy, or throws, is told once', () => {
    const { metrics } = outage()
    const onWarning = vi.fn()
    const busy = graphite(metrics, { write: () => false, onWarning })
    const broken = graphite(metrics, { write: () => { throw new Error('broken') }, onWarning })
    onTestFinished(() => (busy.stop(), broken.stop()))
    for (let i = 0; i < 5; i++) {
      busy.flush()
      broken.flush()
    }
    expect(onWarning).toHaveBeenCalledTimes(2)
  })

  it.each<[object, RegExp]>([
    [{ port: 0 }, /graphite.port must be a whole number from 1 on, got 0/],
    [{ prefix: 'a b' }, /graphite.prefix/],
    [{ everyMs: Infinity }, /graphite.everyMs must be a finite number over 0/],
    [{ Port: 1 }, /did you mean "port"/],
  ])('refuses %o', (options, message) => {
    expect(() => graphite(recorder(), options)).toThrow(message)
  })
})

const installed = program('carbon-cache', 'graphite-carbon') !== undefined && program('graphite-manage', 'graphite-web') !== undefined

describe.skipIf(!installed)('graphite › carbon and graphite-web', () => {
  let server: Graphite
  beforeAll(async () => {
    server = await startGraphite()
  }, 40_000)
  afterAll(() => server?.stop())

  it('store and render a series', { timeout: 30_000 }, async () => {
    const metrics = recorder()
    const calls = pipeline('quotes: "a" b', [], { observers: [metrics] })
    const exporter = graphite(metrics, { port: server.port, everyMs: 500 })
    onTestFinished(() => exporter.stop())
    for (let i = 0; i < 7; i++) await calls.run(() => i)
    const target = 'spillway.quotes___a__b.call.success.count'
    await vi.waitFor(async () => expect((await server.points(target)).at(-1)).toBe(7), { timeout: 20_000, interval: 500 })
    const png = await server.png(target)
    expect(png.subarray(1, 4).toString()).toBe('PNG')
    expect(png.length).toBeGreaterThan(1_000)
  })
})
