// One pipeline per tenant: a bad one trips its own breaker, few keys are kept, and all retries share one floor.
import { breaker, BreakerOpenError, bulkhead, constant, keyed, pipeline, retry, retryBudget, retryFloor, timeout } from 'spillway'

/** Stands in for a service with one shard per tenant; that of "acme" is down. */
async function ask(tenant: string): Promise<string> {
  if (tenant === 'acme') throw Object.assign(new Error('acme is down'), { status: 503 })
  return `report of ${tenant}`
}

// #region first
const reports = keyed(
  (tenant) => pipeline(`reports of ${tenant}`, [
    retry({ backoff: constant(5) }),
    breaker({ consecutive: 3 }),
    bulkhead({ slots: 10 }),
    timeout(500),
  ]),
  { max: 10_000, idleMs: 5 * 60_000 },
)

const report = await reports.run('globex', () => ask('globex'))
// #endregion first
console.log(report)

// #region events
reports.on('breaker.opened', ({ key, reason }) => console.log(`${key} has a problem: ${reason}`))
// #endregion events

for (let i = 0; i < 3; i++) await reports.tryRun('acme', () => ask('acme'))

// #region apart
const bad = await reports.tryRun('acme', () => ask('acme'))
const good = await reports.tryRun('globex', () => ask('globex'))
console.log(!bad.ok && bad.error instanceof BreakerOpenError, good.ok)
// #endregion apart

// #region look
for (const [tenant, { inFlight }] of reports) console.log(`${tenant}: ${inFlight} in flight`)
reports.get('globex')?.describe() // undefined for a tenant that has none: get makes none
reports.delete('acme') // what was learned of it is forgotten; what runs finishes
// #endregion look
console.log(reports.size)

// #region overflow
const hosts = keyed((host) => pipeline(host, [bulkhead({ slots: host === '*' ? 50 : 5 })]), { max: 1 })

await Promise.all([
  hosts.run('a.example', ({ call }) => console.log(`${call.key} in ${call.pipeline}`)),
  hosts.run('b.example', ({ call }) => console.log(`${call.key} in ${call.pipeline}`)), // no room: in the overflow
])
// #endregion overflow

// #region floor
const floor = retryFloor({ minPerSecond: 5 }) // for all shards, and for the pipeline beside them

const shards = keyed((shard) => pipeline(shard, [retry({ budget: retryBudget({ floor }) })]))
const index = pipeline('index', [retry({ budget: retryBudget({ floor, ratio: 0.2 }) })])
// #endregion floor
console.log(await shards.run('s1', () => 'shard'), await index.run(() => 'index'), floor.balance())

// #region close
await reports.close({ graceMs: 5_000 })
// #endregion close

// prints: report of globex
// prints: acme has a problem: 3 failures in a row
// prints: true true
// prints: globex: 0 in flight
// prints: a.example in a.example
// prints: b.example in *
// prints: shard index 50
