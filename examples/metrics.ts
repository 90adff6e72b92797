// Counts what happens in pipelines, and shows it.
import { breaker, bulkhead, constant, keyed, pipeline, retry } from 'spillway'
import { recorder } from 'spillway/metrics'
import { manualClock } from 'spillway/testing'

const clock = manualClock()

// #region recorder
const metrics = recorder()

const quotes = pipeline('quotes', [retry({ backoff: constant(10) }), breaker({ minimumThroughput: 4 }), bulkhead({ slots: 50 })], { observers: [metrics], clock })
// #endregion recorder

for (const fails of [0, 0, 1, 3]) {
  const call = quotes.tryRun(({ number }) => (number > fails ? 'DAMS' : Promise.reject(new Error('down'))))
  await clock.advance(100)
  await call
}

// #region snapshot
const { pipelines, log } = metrics.snapshot()
for (const { name, window, policies, totals } of pipelines) {
  console.log(`${name}: ${window.calls} calls, ${window.failureRatio! * 100} % failed, ${window.amplification} attempts per call, p99 ${window.p99} ms`)
  for (const { name: policy, breaker: gate } of policies) if (gate) console.log(`${policy}: ${gate.state}: ${gate.reason}; a probe may pass in ${gate.retryAfterMs} ms`)
  console.log(`${totals.retriesByReason.failure} retries since the start`)
}
for (const { severity, pipeline: where, text } of log) console.log(severity, where, text)
// #endregion snapshot

// #region keyed
const tenants = keyed((tenant) => pipeline(`search ${tenant}`, [breaker()]), { max: 100, observers: [metrics] })
await tenants.run('acme', () => 'found')
console.log(metrics.snapshot().pipelines.map(({ name }) => name)) // [ 'quotes', 'search acme' ]
// #endregion keyed

// prints: quotes: 4 calls, 25 % failed, 1.5 attempts per call
// prints: breaker: open: 50 % of 6 calls in 10 s failed; a probe may pass in
// prints: 3 retries since the start
// prints: error quotes opened: 50 % of 6 calls in 10 s failed; rests
// prints: [ 'quotes', 'search acme' ]
