import assert from 'node:assert/strict'
import { classify, hintOf, pipeline, retry, ThrottledError, throttle, timeout } from 'spillway'
import { manualClock, scriptedUpstream, seededRandom } from 'spillway/testing'

const clock = manualClock()
const random = seededRandom(1)
const search = scriptedUpstream<string>({ clock })
search.always.succeed('found')

// #region share
const valve = throttle({ allow: 0.3 }) // 30 of every 100, evenly
const calls = pipeline('search', [valve], { clock, random })
// #endregion share

let passed = 0
for (let i = 0; i < 100; i++) {
  // #region refused
  try {
    await calls.run(search)
    passed++
  } catch (error) {
    if (!(error instanceof ThrottledError)) throw error
    // Nothing was started. `Cannot call "search": only 30 % of the calls may pass`
  }
  // #endregion refused
}
assert.equal(passed, 30)

// #region priority
valve.update({ allow: { critical: 1, low: 0.1 } }) // what is not named is not throttled
await calls.run(search, { priority: 'critical' })
// #endregion priority
assert.deepEqual(valve.allowByPriority, { critical: 1, high: 1, normal: 1, low: 0.1 })

// #region adaptive
const share = throttle({ adaptive: true })
const orders = pipeline('orders', [retry(), share, timeout(500)], { clock, random })
orders.on('throttle.changed', ({ allow, from }) => console.log(`orders: ${from} -> ${allow.toFixed(2)}`))
// #endregion adaptive

search.always.fail({ status: 503 })
for (let second = 0; second < 10; second++) {
  for (let i = 0; i < 20; i++) {
    void orders.tryRun(search)
    await clock.advance(50)
  }
}
assert(share.allow < 0.1)

// #region hint
const hinted = throttle({ adaptive: true, maxRetryAfterMs: 30_000 })
const pages = pipeline('pages', [hinted], {
  clock,
  classify(outcome, attempt) {
    const hint = outcome.ok && outcome.value instanceof Response ? hintOf(outcome.value.headers, { level: 'x-admission-level' }) : undefined
    if (hint !== undefined) hinted.hint(hint)
    return classify(outcome, attempt)
  },
})
// #endregion hint
await pages.run(() => Promise.resolve(new Response('', { headers: { 'x-admission-level': '0.25' } })))
assert.equal(hinted.allow, 0.25)

// #region observe
const trial = throttle({ adaptive: true, mode: 'observe' }) // refuses nobody
const watched = pipeline('watched', [trial], { clock, random })
watched.on('refusal.observed', ({ priority, reason }) => console.log(`would have refused a ${priority} call: ${reason}`))
// #endregion observe
assert.equal(await watched.run(() => 'done'), 'done')

// prints: orders: 1 -> 0.00
