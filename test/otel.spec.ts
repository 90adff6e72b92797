import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { AggregationTemporality, DataPointType, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node'
import { breaker, constant, fallback, keyed, pipeline, retry, timeout } from 'spillway'
import { durations, observe, tracing } from 'spillway/otel'
import { manualClock } from 'spillway/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { outage } from './support/outage.ts'

interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly attributes: { readonly key: string; readonly value: Record<string, unknown> }[]
  readonly events?: unknown[]
  readonly status: { readonly code?: number }
}

/** Takes what OTLP over HTTP brings. */
async function otlpSink() {
  const spans: OtlpSpan[] = []
  const server: Server = createServer((request, response) => {
    let body = ''
    request.on('data', (data) => (body += String(data))).on('end', () => {
      const { resourceSpans } = JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: OtlpSpan[] }[] }[] }
      spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)))
      response.setHeader('content-type', 'application/json')
      response.end('{}')
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return { spans, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces` }
}

const attributesOf = (span: OtlpSpan): Record<string, unknown> => Object.fromEntries(span.attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
const down = (): Promise<never> => Promise.reject(new TypeError('down'))

describe('otel › tracing', () => {
  let sink: Awaited<ReturnType<typeof otlpSink>>
  let provider: NodeTracerProvider

  beforeAll(async () => {
    sink = await otlpSink()
    provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: sink.url }))] })
    provider.register()
  })
  afterAll(async () => {
    await provider.shutdown()
    sink.server.close()
  })

  /** The spans that a story makes, as they arrive at the sink. */
  async function spansOf(story: () => Promise<unknown>): Promise<OtlpSpan[]> {
    sink.spans.length = 0
    await story()
    await provider.forceFlush()
    return sink.spans
  }

  const observers = [tracing(trace.getTracer('test'))]
  const make = () => pipeline('quotes', [retry({ maxAttempts: 3, backoff: constant(1), budget: false }), breaker({ consecutive: 100 })], { observers })

  it('makes one span per call, and one child per attempt with its resend count', async () => {
    const spans = await spansOf(() => make().run(({ number }) => (number < 3 ? down() : 1), { operation: 'get' }))
    const call = spans.find(({ kind }) => kind === 1)!
    const attempts = spans.filter(({ kind }) => kind === 3).toSorted((a, b) => Number(attributesOf(a)['spillway.attempt']) - Number(attributesOf(b)['spillway.attempt']))
    expect([spans.length, call.name, call.parentSpanId || undefined, call.events ?? []]).toEqual([4, 'quotes get', undefined, []])
    expect(attributesOf(call)).toEqual({ 'spillway.pipeline': 'quotes', 'spillway.operation': 'get', 'spillway.outcome': 'success', 'spillway.attempts': 3 })
    expect(attempts.map((span) => [span.parentSpanId, span.traceId, span.name])).toEqual(attempts.map(() => [call.spanId, call.traceId, 'quotes get']))
    expect(attempts.map((span) => attributesOf(span)['http.request.resend_count'])).toEqual([undefined, 1, 2])
    expect(attempts.map((span) => [attributesOf(span)['spillway.verdict'], attributesOf(span)['error.type'], span.status.code ?? 0])).toEqual([['failure', 'failure', 2], ['failure', 'failure', 2], ['success', undefined, 0]])
    expect(attempts.flatMap((span) => span.events ?? [])).toEqual([])
  })

  it("what the function traces is a child of its attempt, and the caller's span is the parent of the call", async () => {
    const tracer = trace.getTracer('user')
    const spans = await spansOf(() =>
      tracer.startActiveSpan('request', (outer) =>
        make()
          .run(async ({ number }) => {
            await new Promise((done) => setTimeout(done, 1))
            tracer.startSpan(`query ${number}`).end()
            if (number === 1) throw new Error('down')
          })
          .finally(() => outer.end())))
    const by = (name: string): OtlpSpan => spans.find((span) => span.name === name)!
    const call = spans.find(({ kind, name }) => kind === 1 && name === 'quotes')!
    const [first, second] = spans.filter(({ kind }) => kind === 3).toSorted((a, b) => Number(attributesOf(a)['spillway.attempt']) - Number(attributesOf(b)['spillway.attempt']))
    expect(call.parentSpanId).toBe(by('request').spanId)
    expect([by('query 1').parentSpanId, by('query 2').parentSpanId]).toEqual([first!.spanId, second!.spanId])
  })

  it('says what kind of error it was, and ends what a timeout gave up', async () => {
    const clock = manualClock()
    const calls = pipeline('slow', [fallback(() => 0, { when: () => false }), breaker({ consecutive: 1 }), timeout(100)], { observers, clock })
    const spans = await spansOf(async () => {
      const hung = calls.tryRun(() => new Promise(() => {}))
      await clock.advance(100)
      await hung
      await calls.tryRun(() => 1)
      await make().tryRun(down, { idempotent: false, key: 'k' })
      const gone = new AbortController()
      const aborted = make().tryRun(() => new Promise(() => {}), { signal: gone.signal })
      gone.abort()
      await aborted
    })
    const facts = (kind: number) => spans.filter((span) => span.kind === kind).map((span) => [attributesOf(span)['spillway.outcome'] ?? attributesOf(span)['spillway.verdict'], attributesOf(span)['error.type'], span.status.code ?? 0])
    expect(facts(1)).toEqual(expect.arrayContaining([['timeout', 'TIMEOUT', 2], ['rejected', 'BREAKER_OPEN', 2], ['failure', 'TypeError', 2], ['cancelled', 'cancelled', 0]]))
    expect(facts(3)).toEqual(expect.arrayContaining([['overload', 'timeout', 2], ['failure', 'failure', 2], ['ignored', 'cancelled', 0]]))
    expect([facts(1).length, facts(3).length]).toEqual([4, 3])
  })

  it('traces the pipelines of keyed, with their key', async () => {
    const tenants = keyed(() => pipeline('search', [breaker()]), { observers })
    const spans = await spansOf(() => tenants.run('acme', () => 1))
    expect(spans.map((span) => [span.kind, attributesOf(span)['spillway.key']])).toEqual(expect.arrayContaining([[1, 'acme'], [3, undefined]]))
  })

  it('a tracer that throws changes no call', async () => {
    const broken = tracing({ startActiveSpan: () => { throw new Error('broken') } })
    const onInternalError = vi.fn()
    expect(await pipeline('a', [], { observers: [broken], onInternalError }).run(() => 42)).toBe(42)
    expect(onInternalError).toHaveBeenCalledTimes(2)
  })

  it('names of any kind and size are cut', async () => {
    const spans = await spansOf(() => pipeline('x'.repeat(10_000), [], { observers }).run(() => 1, { operation: 'y'.repeat(10_000), key: 'z'.repeat(10_000) }))
    expect(Math.max(...spans.map(({ name }) => name.length), ...spans.flatMap((span) => Object.values(attributesOf(span)).map((value) => String(value).length)))).toBeLessThanOrEqual(120)
  })
})

describe('otel › metrics', () => {
  function metered() {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 })
    const provider = new MeterProvider({ readers: [reader] })
    onTestFinished(() => provider.shutdown())
    const read = async () => {
      exporter.reset()
      await reader.forceFlush()
      return exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
    }
    return { meter: provider.getMeter('test'), read }
  }

  it('shows the table through observable instruments, read at each collection', async () => {
    const { metrics, happen } = outage()
    const { meter, read } = metered()
    const undo = observe(metrics, meter)
    await happen()
    const all = await read()
    const points = (name: string) => all.find(({ descriptor }) => descriptor.name === name)!.dataPoints.map(({ attributes, value }) => [attributes, value])
    expect(points('spillway.rejections')).toContainEqual([{ pipeline: 'quotes', policy: 'breaker', priority: 'normal' }, 2])
    expect(points('spillway.circuit_breaker.state')).toContainEqual([{ pipeline: 'quotes', name: 'breaker', state: 'open' }, 1])
    expect(points('spillway.call.duration.count')).toContainEqual([{ pipeline: 'quotes', outcome: 'success' }, 9])
    expect(points('spillway.call.duration.sum')).toContainEqual([{ pipeline: 'quotes', outcome: 'success' }, 0.21])
    expect(points('spillway.call.latency').map(([attributes]) => (attributes as { quantile: string }).quantile)).toEqual(expect.arrayContaining(['p50', 'p90', 'p99']))
    expect(all.find(({ descriptor }) => descriptor.name === 'spillway.call.duration.sum')!.descriptor.unit).toBe('s')
    undo()
    const snapshot = vi.spyOn(metrics, 'snapshot')
    await read()
    expect(snapshot).not.toHaveBeenCalled()
  })

  it('records real histograms where they are asked for', async () => {
    const { meter, read } = metered()
    const clock = manualClock()
    const calls = pipeline('quotes', [retry({ maxAttempts: 2, backoff: constant(0) })], { clock, observers: [durations(meter)] })
    const run = calls.run(() => new Promise<void>((resolve) => void clock.after(30, resolve)))
    await clock.advance(30)
    await run
    const all = await read()
    const [calls1, attempts] = ['spillway.call.duration', 'spillway.attempt.duration'].map((name) => all.find(({ descriptor }) => descriptor.name === name)!)
    expect(calls1).toMatchObject({ dataPointType: DataPointType.HISTOGRAM, dataPoints: [{ attributes: { pipeline: 'quotes', outcome: 'success' }, value: { count: 1, sum: 0.03, buckets: { boundaries: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] } } }] })
    expect(attempts).toMatchObject({ dataPoints: [{ attributes: { verdict: 'success' }, value: { count: 1 } }] })
  })
})
