// Settings tried in a simulated world before they are tried on a dependency: minutes of traffic in a moment, the same in every run.
import assert from 'node:assert/strict'
import { adaptiveLimit, pipeline, retry, timeout, type Policy } from 'spillway'
import { exponentialMs, simulation, type SimResult } from 'spillway/testing'

// #region world
/** A fleet of ten calls a database; for ten seconds there is three times the usual traffic. */
async function burst(policies: () => readonly Policy[]): Promise<SimResult> {
  const world = simulation({ seed: 1 })
  const database = world.server('database', { workers: 30, serviceMs: exponentialMs(100) }) // 300 per second; it queues in silence
  return world.run({
    forMs: 60_000,
    clients: 10,
    traffic: { perSecond: (at) => (at >= 20_000 && at < 30_000 ? 750 : 250), priorities: { critical: 1, normal: 9 } },
    client: (options) => {
      const calls = pipeline('database', policies(), options) // the world's time and chance
      return ({ priority }) => calls.run((attempt) => database.request(attempt), { priority })
    },
  })
}

const naive = await burst(() => [retry({ budget: false }), timeout(1_000)])
const limited = await burst(() => [retry(), adaptiveLimit(), timeout(1_000)])

const afterwards = { fromMs: 40_000 }
assert.equal(naive.goodRatio(afterwards), 0) // its own retries keep the database busy for ever
assert.ok(limited.goodRatio(afterwards) > 0.97)
assert.ok(limited.goodRatio({ fromMs: 20_000, toMs: 30_000 }, 'critical') > 0.9) // in the burst itself
// #endregion world

// #region result
const { series, byPriority } = limited // numbers per second
assert.equal(series['offered']?.length, 60)
assert.ok(series['sent']!.slice(20, 30).every((sent) => sent < 600)) // of the 750 that were asked for
assert.equal(byPriority.low.offered.every((offered) => offered === 0), true)
console.log(`recovered ${limited.recoveredMs(30_000)} ms after the burst; half of the answers took less than ${Math.ceil(limited.quantileMs(0.5) / 100) * 100} ms`)
// #endregion result
console.log(`naive: ${naive.recoveredMs(30_000) === Infinity ? 'never' : 'recovered'}`)

// prints: ms after the burst
// prints: naive: never
