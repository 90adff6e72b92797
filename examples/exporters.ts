// Shows what a recorder knows to whatever you watch your services with.
import { createServer } from 'node:http'
import { subscribe } from 'node:diagnostics_channel'
import { metrics as openTelemetryMetrics, trace } from '@opentelemetry/api'
import client from 'prom-client'
import { breaker, pipeline, retry } from 'spillway'
import { diagnostics } from 'spillway/diagnostics'
import { graphite } from 'spillway/graphite'
import { hystrix } from 'spillway/hystrix'
import { recorder } from 'spillway/metrics'
import { durations, observe, tracing } from 'spillway/otel'
import { collect, contentType, exposition } from 'spillway/prometheus'
import { statsd } from 'spillway/statsd'

const metrics = recorder()
const write = (lines: string): void => console.log(lines.split('\n').find((line) => line.includes('call.success.count')))

{
  // #region prometheus
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') return response.writeHead(404).end()
    return response.writeHead(200, { 'content-type': contentType }).end(exposition(metrics))
  })
  // #endregion prometheus
  const quotes = pipeline('quotes', [breaker()], { observers: [metrics] })
  await quotes.run(() => 42)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  console.log(text.split('\n').find((line) => line.includes('duration_seconds_count')))
  server.closeAllConnections()
  server.close()
}

{
  // #region prom-client
  collect(metrics, client.register) // from then on, client.register.metrics() has them too
  // #endregion prom-client
  console.log((await client.register.metrics()).includes('spillway_circuit_breaker_state'))
}

{
  // #region resilience4j
  const text = exposition(metrics, { naming: 'resilience4j', labels: { application: 'shop' } })
  // #endregion resilience4j
  console.log(text.split('\n').find((line) => line.includes('state="closed"')))
}

{
  // #region otel
  observe(metrics, openTelemetryMetrics.getMeter('spillway')) // counters and gauges, read when the SDK collects

  const tracer = tracing(trace.getTracer('spillway')) // one span per call, one child per attempt
  const quotes = pipeline('quotes', [retry(), breaker()], { observers: [metrics, tracer] })
  // #endregion otel
  console.log(await quotes.run(() => 'traced'))

  // #region durations
  const histograms = durations(openTelemetryMetrics.getMeter('spillway'))
  const timed = pipeline('timed', [breaker()], { observers: [metrics, histograms] })
  // #endregion durations
  await timed.run(() => 1)
}

{
  // #region statsd
  const exporter = statsd(metrics, { host: '127.0.0.1', port: 8125 }) // sends every second, from here on
  // #endregion statsd
  exporter.stop()
}

{
  // #region graphite
  const exporter = graphite(metrics, { host: '127.0.0.1', port: 2003 }) // sends every ten seconds, from here on
  // #endregion graphite
  exporter.stop()
  const shown = graphite(metrics, { write })
  shown.flush()
  shown.stop()
}

{
  // #region hystrix
  const stream = hystrix(metrics)
  const server = createServer((request, response) => (request.url === '/hystrix.stream' ? stream(request, response) : response.writeHead(404).end()))
  // #endregion hystrix
  server.close()
}

{
  // #region diagnostics
  const quotes = pipeline('quotes', [breaker({ consecutive: 1 })], { observers: [diagnostics()] })
  subscribe('spillway:breaker:state', (message) => console.log((message as { state: string }).state))
  // #endregion diagnostics
  await quotes.tryRun(() => Promise.reject(new Error('down')))
}

// prints: spillway_call_duration_seconds_count{pipeline="quotes",outcome="success"} 1
// prints: true
// prints: resilience4j_circuitbreaker_state{application="shop",name="quotes",state="closed"} 1
// prints: traced
// prints: spillway.quotes.call.success.count 2
// prints: open
