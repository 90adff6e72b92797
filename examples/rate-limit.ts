// A rate limit: refuses at once and says for how long, lets wait, and does what Retry-After asks for.
import { setTimeout as sleep } from 'node:timers/promises'
import { pipeline, rateLimit, RateLimitedError, retry } from 'spillway'

/** Stands in for a service that counts its callers. */
const geocoder = {
  busy: false,
  async find(city: string): Promise<string> {
    if (geocoder.busy) throw Object.assign(new Error('Too Many Requests'), { status: 429, retryAfterMs: 300 })
    return `found ${city}`
  },
}

// #region first
const quota = rateLimit({ permits: 2, everyMs: 10_000 }) // two at one moment, then one every 5 s
const places = pipeline('geocoder', [quota])

for (const city of ['Oslo', 'Rome', 'Lima']) {
  try {
    console.log(await places.run(() => geocoder.find(city)))
  } catch (error) {
    if (!(error instanceof RateLimitedError)) throw error
    console.log(error.code, 'again in', Math.ceil(error.retryAfterMs! / 1_000), 's')
  }
}
// #endregion first

// #region queue
const paced = pipeline('paced', [rateLimit({ permits: 100, everyMs: 1_000, burst: 1, queue: 50, maxWaitMs: 2_000 })])

const from = performance.now()
await Promise.all(Array.from({ length: 11 }, () => paced.run(() => geocoder.find('Bern'))))
console.log('eleven calls, one every 10 ms, took 100 ms or more:', performance.now() - from >= 100)
// #endregion queue

// #region retryAfter
const limit = rateLimit({ permits: 10, everyMs: 1_000, maxRetryAfterMs: 30_000 })
const polite = pipeline('polite', [retry({ maxAttempts: 2 }), limit])

geocoder.busy = true
const answer = polite.run(() => geocoder.find('Kyiv')) // 429, Retry-After
await sleep(10)
console.log(limit.available, 'may start') // for everybody who uses `limit`, not only for the call that was told
geocoder.busy = false
console.log(await answer) // the retry has waited for it
// #endregion retryAfter

// prints: found Oslo
// prints: found Rome
// prints: RATE_LIMITED again in 5 s
// prints: eleven calls, one every 10 ms, took 100 ms or more: true
// prints: 0 may start
// prints: found Kyiv
