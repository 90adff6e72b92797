import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'spillway'
import { hystrix, type HystrixOptions } from 'spillway/hystrix'
import { recorder, type Recorder } from 'spillway/metrics'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { outage } from './support/outage.ts'

/** What the dashboard asks for before it draws a command: it discards a message that lacks one. */
const required = [
  'type', 'name', 'group', 'currentTime', 'isCircuitBreakerOpen', 'errorPercentage', 'errorCount', 'requestCount', 'rollingCountCollapsedRequests', 'rollingCountExceptionsThrown', 'rollingCountFailure',
  'rollingCountFallbackFailure', 'rollingCountFallbackRejection', 'rollingCountFallbackSuccess', 'rollingCountResponsesFromCache', 'rollingCountSemaphoreRejected', 'rollingCountShortCircuited',
  'rollingCountSuccess', 'rollingCountThreadPoolRejected', 'rollingCountTimeout', 'currentConcurrentExecutionCount', 'rollingMaxConcurrentExecutionCount', 'latencyExecute_mean', 'latencyExecute', 'latencyTotal_mean', 'latencyTotal',
  ...[
    'circuitBreakerRequestVolumeThreshold', 'circuitBreakerSleepWindowInMilliseconds', 'circuitBreakerErrorThresholdPercentage', 'circuitBreakerForceOpen', 'circuitBreakerForceClosed', 'executionIsolationStrategy',
    'executionIsolationThreadTimeoutInMilliseconds', 'executionIsolationThreadInterruptOnTimeout', 'executionIsolationSemaphoreMaxConcurrentRequests', 'fallbackIsolationSemaphoreMaxConcurrentRequests',
    'metricsRollingStatisticalWindowInMilliseconds', 'requestCacheEnabled', 'requestLogEnabled',
  ].map((name) => `propertyValue_${name}`),
  'reportingHosts',
]
/** What it takes where it is there. */
const further = ['rollingCountBadRequests', 'rollingCountEmit', 'rollingCountFallbackEmit', 'rollingCountFallbackMissing', 'propertyValue_circuitBreakerEnabled', 'propertyValue_executionTimeoutInMilliseconds', 'propertyValue_executionIsolationThreadPoolKeyOverride', 'threadPool']

async function served(metrics: Recorder, options?: HystrixOptions) {
  const stream = hystrix(metrics, options)
  const server = createServer(stream)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  onTestFinished(() => {
    stream.close()
    server.closeAllConnections()
    server.close()
  })
  const open = async () => {
    const response = await new Promise<IncomingMessage>((done, failed) => void get(`http://127.0.0.1:${port}/hystrix.stream`, done).on('error', failed))
    let text = ''
    response.on('data', (data) => (text += String(data))).on('error', () => {})
    return { response, text: () => text, commands: () => [...text.matchAll(/^data: (.*)\n\n/gm)].map(([, json]) => JSON.parse(json!) as Record<string, unknown>) }
  }
  return { stream, open }
}

describe('hystrix', () => {
  it('tells every pipeline as a command with all the fields that the dashboard asks for', async () => {
    const { metrics, happen } = outage()
    await happen()
    const { open } = await served(metrics, { everyMs: 10 })
    const { response, commands } = await open()
    await vi.waitFor(() => expect(commands().length).toBeGreaterThanOrEqual(4))
    expect(response.headers).toMatchObject({ 'content-type': 'text/event-stream;charset=UTF-8', 'cache-control': 'no-cache, no-store, max-age=0, must-revalidate', pragma: 'no-cache' })
    const [quotes, kept] = commands()
    for (const field of [...required, ...further]) expect(quotes, field).toHaveProperty(field)
    expect(Object.keys(quotes!)).toHaveLength(required.length + further.length)
    for (const latency of ['latencyExecute', 'latencyTotal']) expect(Object.keys(quotes![latency] as object).toSorted((a, b) => Number(a) - Number(b))).toEqual(['0', '25', '50', '75', '90', '95', '99', '99.5', '100'])
    expect(quotes).toMatchObject({
      type: 'HystrixCommand', name: 'quotes', isCircuitBreakerOpen: true, rollingCountShortCircuited: 2, rollingCountFailure: 2, rollingCountTimeout: 0, errorCount: 3,
      propertyValue_circuitBreakerErrorThresholdPercentage: 50, propertyValue_circuitBreakerRequestVolumeThreshold: 4, propertyValue_executionTimeoutInMilliseconds: 500, propertyValue_executionIsolationSemaphoreMaxConcurrentRequests: 2,
      propertyValue_executionIsolationStrategy: 'SEMAPHORE', propertyValue_circuitBreakerEnabled: true, reportingHosts: 1,
    })
    expect(kept).toMatchObject({ name: 'kept', rollingCountFallbackSuccess: 1, rollingCountSemaphoreRejected: 1, isCircuitBreakerOpen: false, propertyValue_circuitBreakerEnabled: false })
  })

  it('pings while there is no pipeline', async () => {
    const { open } = await served(recorder(), { everyMs: 10 })
    const { text } = await open()
    await vi.waitFor(() => expect(text()).toMatch(/^(ping: \n\n){3,}$/))
  })

  it('serves five at a time, and the next when one has gone', async () => {
    const { open, stream } = await served(recorder(), { everyMs: 10 })
    const five = await Promise.all(Array.from({ length: 5 }, open))
    const sixth = await open()
    expect(sixth.response.statusCode).toBe(503)
    five[0]!.response.destroy()
    await vi.waitFor(() => expect(stream.clients).toBe(4))
    expect((await open()).response.statusCode).toBe(200)
    stream.close()
    expect(stream.clients).toBe(0)
  })

  it('a hundred at once: five are served, the others are told so', async () => {
    const { open, stream } = await served(recorder(), { everyMs: 10 })
    const statuses = (await Promise.all(Array.from({ length: 100 }, open))).map(({ response }) => response.statusCode)
    expect([statuses.filter((status) => status === 200).length, statuses.filter((status) => status === 503).length, stream.clients]).toEqual([5, 95, 5])
  })

  it('has no timer while nobody looks', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const stream = hystrix(recorder())
    const listeners: Record<string, () => void> = {}
    const write = vi.fn(() => true)
    stream({}, { writeHead: () => {}, write, end: () => {}, on: (event, listener) => (listeners[event] = listener) })
    vi.advanceTimersByTime(1_500)
    expect([write.mock.calls.length, vi.getTimerCount()]).toEqual([4, 1])
    listeners['close']!()
    expect([stream.clients, vi.getTimerCount()]).toEqual([0, 0])
  })

  it('whoever reads slowly misses frames, and nothing is gathered for it', () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const stream = hystrix(recorder())
    const listeners: Record<string, () => void> = {}
    const write = vi.fn(() => false)
    stream({}, { writeHead: () => {}, write, end: () => {}, on: (event, listener) => (listeners[event] = listener) })
    vi.advanceTimersByTime(60_000)
    expect(write).toHaveBeenCalledTimes(1)
    listeners['drain']!()
    vi.advanceTimersByTime(500)
    expect(write).toHaveBeenCalledTimes(2)
    stream.close()
  })

  it('names of any kind stay in their frame', async () => {
    const metrics = recorder()
    const names = ['a\n\ndata: {}', '<script>', '😀', 'x'.repeat(10_000)]
    const all = names.map((name) => pipeline(name, [], { observers: [metrics] }))
    const { open } = await served(metrics, { everyMs: 10 })
    const { commands } = await open()
    await vi.waitFor(() => expect(commands().length).toBeGreaterThanOrEqual(all.length))
    expect(commands().slice(0, 3).map(({ name }) => name)).toEqual(names.slice(0, 3))
  })

  it.each<[object, RegExp]>([
    [{ everyMs: 0 }, /hystrix.everyMs/],
    [{ maxClients: -1 }, /hystrix.maxClients/],
    [{ max: 1 }, /no option "max"/],
  ])('refuses %o', (options, message) => {
    expect(() => hystrix(recorder(), options)).toThrow(message)
  })
})
