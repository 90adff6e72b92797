import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'spillway'
import { recorder } from 'spillway/metrics'
import { statsd } from 'spillway/statsd'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { outage } from './support/outage.ts'
import { startStatsd, type StatsdServer } from './support/telemetry.ts'

/** Keeps what would be sent. */
function kept() {
  const sent: string[] = []
  return { sent, lines: () => sent.join('\n').split('\n'), send: (datagram: string, done: () => void) => (sent.push(datagram), done()) }
}

describe('statsd', () => {
  it('tells what has been added, and gauges as they are', async () => {
    const { metrics, happen, clock } = outage()
    const { sent, lines, send } = kept()
    const exporter = statsd(metrics, { send })
    onTestFinished(() => exporter.stop())
    await happen()
    exporter.flush()
    expect(lines()).toEqual(expect.arrayContaining([
      'spillway.quotes.call.success:9|c', 'spillway.quotes.call.timeout:1|c', 'spillway.quotes.retry.failure:4|c', 'spillway.quotes.rejected.breaker.normal:2|c', 'spillway.kept.call.fallback:1|c',
      'spillway.quotes.breaker.state:2|g', 'spillway.quotes.bulkhead.limit:2|g', 'spillway.quotes.active:0|g', 'spillway.quotes.breaker.transition.closed_open:1|c',
    ]))
    expect(lines().find((line) => line.startsWith('spillway.quotes.latency:'))).toBe(`spillway.quotes.latency:${Number((1_340 / 12).toFixed(6))}|ms|@0.083333`)
    sent.length = 0
    exporter.flush()
    expect(lines().filter((line) => /\|(c|ms)/.test(line))).toEqual([])
    await clock.advance(60_000)
    await happen()
    exporter.flush()
    expect(lines()).toContain('spillway.quotes.call.success:9|c')
  })

  it('sends every second, until it is stopped', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const { metrics } = outage()
    const send = vi.fn((_: string, done: () => void) => done())
    const exporter = statsd(metrics, { send })
    vi.advanceTimersByTime(3_500)
    expect(send).toHaveBeenCalledTimes(3)
    exporter.stop()
    vi.advanceTimersByTime(3_500)
    exporter.flush()
    expect(send).toHaveBeenCalledTimes(3)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('puts lines together into datagrams of at most 1 432 bytes', () => {
    const metrics = recorder()
    const all = Array.from({ length: 100 }, (_, i) => pipeline(`pipeline number ${i}`, [], { observers: [metrics] }))
    const { sent, lines, send } = kept()
    const exporter = statsd(metrics, { send })
    exporter.flush()
    exporter.stop()
    const sizes = sent.map((datagram) => Buffer.byteLength(datagram))
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_432)
    expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThan(1_350)
    expect(lines()).toHaveLength(all.length)
  })

  it('cleans names of what would be read as something else, and keeps them apart', async () => {
    const metrics = recorder()
    const names = ['a:b|c@d.e f', 'g\nspillway.h:1|c', '支付', '退款', 'x'.repeat(10_000), `${'x'.repeat(10_000)}y`, '<b>', '__proto__']
    const all = names.map((name) => pipeline(name, [], { observers: [metrics] }))
    for (const one of all) await one.run(() => 1)
    const { sent, lines, send } = kept()
    const exporter = statsd(metrics, { send })
    exporter.flush()
    exporter.stop()
    expect(lines().filter((line) => !/^spillway\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+:\d+(\.\d+)?\|(c|g|ms)(\|@[\d.]+)?$/.test(line))).toEqual([])
    const calls = lines().filter((line) => line.includes('.call.success:1|c'))
    expect(new Set(calls).size).toBe(names.length)
    expect(calls[0]).toBe('spillway.a_b_c_d_e_f.call.success:1|c')
    expect(sent.every((datagram) => Buffer.byteLength(datagram) <= 1_432)).toBe(true)
  })

  it('a daemon that is not there is told once, and holds up nothing', async () => {
    const free = createSocket('udp4').bind(0, '127.0.0.1')
    await once(free, 'listening')
    const { port } = free.address() as AddressInfo
    free.close()
    const metrics = recorder()
    const onWarning = vi.fn()
    const exporter = statsd(metrics, { port, onWarning })
    onTestFinished(() => exporter.stop())
    const calls = pipeline('quotes', [], { observers: [metrics] })
    for (let i = 0; i < 20; i++) {
      expect(await calls.run(() => i)).toBe(i)
      exporter.flush()
      await new Promise((done) => setTimeout(done, 5))
    }
    expect(onWarning).toHaveBeenCalledTimes(1)
    expect(onWarning.mock.calls[0]![0]).toMatch(/^statsd 127\.0\.0\.1:\d+: .*ECONNREFUSED.*; calls are unaffected, and it goes on trying$/)
    expect(metrics.snapshot().log).toMatchObject([{ type: 'exporter.warned', severity: 'warning', count: 1 }])
  })

  it('a slow one gathers no datagrams: what was left out is in the next counts', async () => {
    const { metrics, happen } = outage()
    const waiting: (() => void)[] = []
    const sent: string[] = []
    const onWarning = vi.fn()
    const exporter = statsd(metrics, { send: (datagram, done) => void (sent.push(datagram), waiting.push(done)), onWarning })
    onTestFinished(() => exporter.stop())
    for (let i = 0; i < 2_000; i++) exporter.flush()
    expect(waiting).toHaveLength(501)
    expect(onWarning).toHaveBeenCalledTimes(1)
    await happen()
    exporter.flush()
    expect(waiting).toHaveLength(501)
    waiting.forEach((done) => done())
    sent.length = 0
    exporter.flush()
    expect(sent.join('\n')).toContain('spillway.quotes.call.success:9|c')
  })

  it('a name that cannot be looked up, and a client that throws, are trouble of the exporter alone', async () => {
    const { metrics } = outage()
    const onWarning = vi.fn()
    const lost = statsd(metrics, { host: 'nowhere.invalid', onWarning })
    const broken = statsd(metrics, { onWarning, send: () => { throw new Error('broken') } })
    onTestFinished(() => (lost.stop(), broken.stop()))
    lost.flush()
    broken.flush()
    await vi.waitFor(() => expect(onWarning).toHaveBeenCalledTimes(2), 10_000)
  })

  it.each<[object, RegExp]>([
    [{ port: 70_000 }, /statsd.port must be at most 65535, got 70000/],
    [{ prefix: 'a:b' }, /statsd.prefix must be letters, digits/],
    [{ everyMs: 0 }, /statsd.everyMs/],
    [{ send: 5 }, /statsd.send must be a function/],
    [{ hots: 'x' }, /did you mean "host"/],
  ])('refuses %o', (options, message) => {
    expect(() => statsd(recorder(), options)).toThrow(message)
  })
})

describe("statsd › StatsD's own daemon", () => {
  let server: StatsdServer
  beforeAll(async () => {
    server = await startStatsd()
  }, 20_000)
  afterAll(() => server?.stop())

  it('counts what was sent', async () => {
    const { metrics, happen, clock } = outage('quotes: "a|b"')
    const exporter = statsd(metrics, { port: server.port })
    onTestFinished(() => exporter.stop())
    await happen()
    exporter.flush()
    await vi.waitFor(async () => expect((await server.console('counters'))['spillway.quotes___a_b_.call.success']).toBe(9), 5_000)
    await clock.advance(60_000)
    await happen()
    exporter.flush()
    await vi.waitFor(async () => {
      const counters = await server.console('counters')
      expect(counters).toMatchObject({ 'spillway.quotes___a_b_.call.success': 18, 'spillway.kept.call.fallback': 2, 'spillway.quotes___a_b_.rejected.bulkhead.normal': expect.any(Number) })
      expect(counters['statsd.bad_lines_seen']).toBe(0)
    }, 5_000)
    expect(await server.console('gauges')).toMatchObject({ 'spillway.quotes___a_b_.breaker.state': 2, 'spillway.quotes___a_b_.bulkhead.limit': 2 })
    expect((await server.console('timers'))['spillway.quotes___a_b_.latency']).toHaveLength(2)
  })
})
