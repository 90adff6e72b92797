import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import client from 'prom-client'
import { breaker, bulkhead, pipeline } from 'spillway'
import { recorder } from 'spillway/metrics'
import { collect, contentType, exposition, scrape } from 'spillway/prometheus'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { outage } from './support/outage.ts'
import { root } from './support/package.ts'
import { program } from './support/servers.ts'
import { type Prometheus, startPrometheus } from './support/telemetry.ts'

const lines = (text: string, begin: string): string[] => text.split('\n').filter((line) => line.startsWith(begin))

describe('prometheus › exposition', () => {
  it('has counters, gauges and histograms under their names', async () => {
    const { metrics, happen } = outage()
    await happen()
    const text = exposition(metrics)
    expect(lines(text, 'spillway_rejections_total')).toEqual([
      'spillway_rejections_total{pipeline="quotes",policy="bulkhead",priority="normal"} 1',
      'spillway_rejections_total{pipeline="quotes",policy="breaker",priority="normal"} 2',
      'spillway_rejections_total{pipeline="kept",policy="none",priority="low"} 1',
    ])
    expect(lines(text, 'spillway_circuit_breaker_state')).toEqual(['closed', 'half_open', 'open', 'isolated'].map((state) => `spillway_circuit_breaker_state{pipeline="quotes",name="breaker",state="${state}"} ${state === 'open' ? 1 : 0}`))
    expect(lines(text, 'spillway_call_duration_seconds_bucket{pipeline="quotes",outcome="success"').map((line) => line.split(' ').at(-1))).toEqual(['0', '0', '8', ...Array.from({ length: 12 }, () => '9')])
    expect(lines(text, 'spillway_call_duration_seconds_count{pipeline="quotes",outcome="success"')).toEqual(['spillway_call_duration_seconds_count{pipeline="quotes",outcome="success"} 9'])
    expect(lines(text, '# TYPE spillway_retry_attempts_total')).toEqual(['# TYPE spillway_retry_attempts_total counter'])
  })

  it('reads the recorder at each scrape, and answers web requests', async () => {
    const metrics = recorder()
    const handler = scrape(metrics)
    const calls = pipeline('quotes', [], { observers: [metrics] })
    expect(await handler().text()).not.toContain('_count')
    await calls.run(() => 1)
    const response = handler(new Request('http://127.0.0.1/metrics'))
    expect(response.headers.get('content-type')).toBe(contentType)
    expect(await response.text()).toContain('spillway_call_duration_seconds_count{pipeline="quotes",outcome="success"} 1\n')
  })

  it('has what is counted by events, as soon as a policy tells them', () => {
    const metrics = recorder()
    const kept = pipeline('quotes', [], { observers: [metrics] })
    const events = { 'hedge.launched': 3, 'hedge.won': 1, 'cache.hit': 7, 'cache.missed': 2 }
    const told = { snapshot: () => ({ ...metrics.snapshot(), pipelines: metrics.snapshot().pipelines.map((one) => ({ ...one, totals: { ...one.totals, events } })) }) }
    expect(lines(exposition(told), 'spillway_hedge')).toEqual([`spillway_hedge_attempts_total{pipeline="${kept.name}"} 3`, 'spillway_hedge_wins_total{pipeline="quotes"} 1'])
    expect(lines(exposition(told), 'spillway_cache')).toEqual(['spillway_cache_requests_total{pipeline="quotes",result="hit"} 7', 'spillway_cache_requests_total{pipeline="quotes",result="miss"} 2'])
  })

  it('adds constant labels, first', async () => {
    const { metrics, happen } = outage()
    await happen()
    expect(exposition(metrics, { labels: { application: 'shop' } })).toContain('spillway_call_active{application="shop",pipeline="quotes"} 0')
  })

  it.each<[object, RegExp]>([
    [{ naming: 'polly' }, /prometheus.naming must be one of 'spillway', 'resilience4j'/],
    [{ label: {} }, /no option "label"; did you mean "labels"/],
    [{ labels: { 'a-b': 'x' } }, /names of letters/],
    [{ labels: { a: 5 } }, /prometheus.labels.a must be a string, got 5/],
  ])('refuses %o at once', (options, message) => {
    expect(() => scrape(recorder(), options)).toThrow(message)
  })
})

describe('prometheus › resilience4j', () => {
  it('says the states of breakers as that library does', () => {
    const metrics = recorder()
    const states = { closed: breaker(), forced_open: breaker(), disabled: breaker({ mode: 'off' }), metrics_only: breaker({ mode: 'observe' }), open: breaker() }
    const kept = Object.entries(states).map(([name, gate]) => pipeline(name, [gate], { observers: [metrics] }))
    states.forced_open.isolate()
    states.open.open()
    const on = lines(exposition(metrics, { naming: 'resilience4j' }), 'resilience4j_circuitbreaker_state').filter((line) => line.endsWith(' 1'))
    expect(on).toEqual(kept.map(({ name }) => `resilience4j_circuitbreaker_state{name="${name}",state="${name}"} 1`))
  })

  it('names a policy by its pipeline, and by its own name where it has one', () => {
    const metrics = recorder()
    const kept = [pipeline('a', [bulkhead({ slots: 1 }), bulkhead({ slots: 2, name: 'inner' }), bulkhead({ slots: 3, name: 'a' })], { observers: [metrics] })]
    expect(lines(exposition(metrics, { naming: 'resilience4j' }), 'resilience4j_bulkhead_max')).toEqual([
      'resilience4j_bulkhead_max_allowed_concurrent_calls{name="a"} 3',
      'resilience4j_bulkhead_max_allowed_concurrent_calls{name="a.inner"} 2',
    ])
    expect(kept).toHaveLength(1)
  })
})

describe('prometheus › prom-client', () => {
  it('shows the same through a registry that is there already', async () => {
    const { metrics, happen } = outage()
    const registry = new client.Registry()
    new client.Counter({ name: 'own_total', help: 'h', registers: [registry] }).inc()
    registry.setDefaultLabels({ app: 'shop' })
    collect(metrics, registry)
    const snapshot = vi.spyOn(metrics, 'snapshot')
    await happen()
    const text = await registry.metrics()
    expect(snapshot).toHaveBeenCalledTimes(1)
    expect(text).toContain('own_total{app="shop"} 1')
    // It writes its labels in an order of its own.
    const sorted = (line: string): string => line.replace(/\{(.*)\}/, (_, labels: string) => `{${labels.split(',').toSorted().join(',')}}`)
    const own = exposition(metrics).split('\n').filter((line) => line.startsWith('spillway_')).map(sorted)
    expect(text.split('\n').filter((line) => line.startsWith('spillway_')).map((line) => sorted(line).replace('app="shop",', ''))).toEqual(own)
  })

  it('speaks OpenMetrics too, where the registry does', async () => {
    const { metrics, happen } = outage()
    const registry = new client.Registry()
    registry.setContentType(client.Registry.OPENMETRICS_CONTENT_TYPE as never)
    collect(metrics, registry)
    await happen()
    const text = await registry.metrics()
    expect(text).toContain('# TYPE spillway_retry_attempts counter')
    expect(text).toContain('spillway_retry_attempts_total{pipeline="quotes",reason="failure"} 4')
    registry.resetMetrics()
    expect(await registry.metrics()).toBe(text)
  })

  it('says what it needs', () => {
    expect(() => collect(recorder(), undefined as never)).toThrow(/registry must be a Registry of prom-client/)
  })
})

const hostile = ['<script>alert(1)</script>', 'a"b\\c\nd', '\n# HELP x', '支付 😀', 'x'.repeat(10_000), '__proto__', 'a:b|c@d.e']

describe('prometheus › hostile names', () => {
  it('are escaped, and stay apart', async () => {
    const metrics = recorder()
    const kept = hostile.map((name) => pipeline(name, [breaker({ name })], { observers: [metrics] }))
    for (const one of kept) await one.run(() => 1)
    const text = exposition(metrics)
    expect(text.split('\n').filter((line) => !/^(# (HELP|TYPE) [a-z_0-9]+ .+|[a-z_0-9]+\{.*\} \S+|)$/.test(line))).toEqual([])
    expect(lines(text, 'spillway_call_active')).toHaveLength(hostile.length)
    expect(text).toContain('spillway_call_active{pipeline="a\\"b\\\\c\\nd"} 0')
  })

  it('a thousand pipelines are answered in a moment', async () => {
    const metrics = recorder()
    const kept = Array.from({ length: 1_000 }, (_, i) => pipeline(`p${i}`, [breaker(), bulkhead({ slots: 1 })], { observers: [metrics] }))
    for (const one of kept) await one.run(() => 1)
    const begun = performance.now()
    const text = exposition(metrics)
    console.log(`1 000 pipelines: ${Math.round(text.length / 1_000)} kB in ${Math.round(performance.now() - begun)} ms`)
    expect(lines(text, 'spillway_call_duration_seconds_count')).toHaveLength(1_000)
  })
})

const file = program('prometheus', 'prometheus')
const promtool = program('promtool', 'prometheus')

describe.skipIf(promtool === undefined)('prometheus › promtool', () => {
  it('finds nothing to blame, hostile names included', async () => {
    const { metrics, happen, clock } = outage('quotes "\\\n')
    await happen()
    const more = hostile.map((name) => pipeline(name, [bulkhead({ slots: 0, name })], { clock, observers: [metrics] }))
    for (const one of more) await one.tryRun(() => 1)
    expect(execFileSync(promtool!, ['check', 'metrics'], { input: exposition(metrics), encoding: 'utf8', stdio: 'pipe' })).toBe('')
  })
})

/** Every `expr` of a Grafana dashboard, with its variables filled in as for "All". */
function queriesOf(dashboard: unknown): string[] {
  if (typeof dashboard !== 'object' || dashboard === null) return []
  return Object.entries(dashboard).flatMap(([key, value]) => (key === 'expr' ? [filled(value as string)] : queriesOf(value)))
}

const filled = (expression: string): string => expression.replaceAll('$__rate_interval', '1m').replaceAll(/\$\w+/g, '.*')

/** The queries of resilience4j's own Grafana dashboard (grafana_dashboard.json of its repository), and its variables. */
const ofResilience4j = [
  'sum(resilience4j_circuitbreaker_state{state="closed"})',
  'sum(resilience4j_circuitbreaker_state{state=~"open|forced_open"})',
  'sum(resilience4j_circuitbreaker_state{state="half_open"})',
  'resilience4j_circuitbreaker_state{instance=~"$instance"}',
  'resilience4j_circuitbreaker_failure_rate{instance=~"$instance",name=~"$circuitbreaker_name"}',
  'rate(resilience4j_circuitbreaker_calls_seconds_count{instance=~"$instance",name=~"$circuitbreaker_name"}[1m])',
  'increase(resilience4j_circuitbreaker_calls_seconds_sum{instance=~"$instance",name=~"$circuitbreaker_name"}[1m]) / increase(resilience4j_circuitbreaker_calls_seconds_count{instance=~"$instance",name=~"$circuitbreaker_name"}[1m])',
  'sum(increase(resilience4j_circuitbreaker_calls_seconds_sum{instance=~"$instance",name=~"$circuitbreaker_name"}[1m])) / sum(increase(resilience4j_circuitbreaker_calls_seconds_count{instance=~"$instance",name=~"$circuitbreaker_name"}[1m]))',
  'resilience4j_circuitbreaker_buffered_calls{instance=~"$instance",name=~"$circuitbreaker_name"}',
  'resilience4j_circuitbreaker_max_buffered_calls{instance=~"$instance",name=~"$circuitbreaker_name"}',
  'rate(resilience4j_retry_calls_total{application=~"$application",name=~"$retry_name",}[1m])',
  'resilience4j_bulkhead_available_concurrent_calls{application=~"$application", name=~"$bulkhead_name"}',
  'resilience4j_bulkhead_max_allowed_concurrent_calls{application=~"$application",name=~"$bulkhead_name"}',
].map(filled)

describe.skipIf(file === undefined)('prometheus › the real one', () => {
  const world = outage()
  let exporter: Server
  let prometheus: Prometheus

  beforeAll(async () => {
    exporter = createServer((_, response) => {
      response.setHeader('content-type', contentType)
      response.end(exposition(world.metrics) + exposition(world.metrics, { naming: 'resilience4j', labels: { application: 'shop' } }))
    })
    await new Promise<void>((done) => exporter.listen(0, '127.0.0.1', done))
    prometheus = await startPrometheus(file!, [(exporter.address() as AddressInfo).port])
    await world.happen()
    await vi.waitFor(async () => expect(await prometheus.query('spillway_call_active')).toHaveLength(2), 10_000)
    await world.clock.advance(60_000)
    await world.happen()
    await vi.waitFor(async () => expect((await prometheus.query('spillway_call_duration_seconds_count{outcome="success"}'))[0]?.value).toBe(18), 10_000)
    // A rate needs two points.
    await vi.waitFor(async () => expect((await prometheus.query('sum(rate(spillway_call_duration_seconds_count[1m]))'))[0]?.value).toBeGreaterThan(0), 10_000)
  }, 40_000)

  afterAll(async () => {
    exporter?.close()
    await prometheus?.stop()
  })

  it('has scraped it without an error', async () => {
    expect(await prometheus.query('up')).toMatchObject([{ value: 1 }])
    expect((await prometheus.query('histogram_quantile(0.5, sum by (le) (spillway_call_duration_seconds_bucket{outcome="success"}))'))[0]!.value).toBeCloseTo(0.02, 2)
  })

  it.each(ofResilience4j)("answers resilience4j's dashboard: %s", async (query) => {
    const series = await prometheus.query(query)
    expect(series.length).toBeGreaterThan(0)
    expect(series.some(({ value }) => Number.isFinite(value) || query.includes('max_buffered'))).toBe(true)
  })

  const own = queriesOf(JSON.parse(readFileSync(resolve(root, 'examples/grafana/spillway.json'), 'utf8')))

  it.each(own)('answers our own dashboard: %s', async (query) => {
    const series = await prometheus.query(query)
    expect(series.length).toBeGreaterThan(0)
    expect(series.some(({ value }) => Number.isFinite(value))).toBe(true)
  })
})
