// A dependency that counts its callers.
import { pipeline, rateLimit, RateLimitedError } from 'spillway'

const geocode = async (place: string) => `found ${place}`

// #region rateLimit
const maps = pipeline('maps', [rateLimit({ permits: 2, everyMs: 60_000 })])

for (const place of ['Aswan', 'Itaipú', 'Hoover']) {
  const answer = await maps.tryRun(() => geocode(place))
  if (answer.ok) console.log(answer.value)
  else if (answer.error instanceof RateLimitedError) console.log(`come again in ${Math.ceil((answer.error.retryAfterMs ?? 0) / 10_000) * 10} s`)
}
// #endregion rateLimit

// #region queue
const evenly = pipeline('mail', [rateLimit({ permits: 100, everyMs: 1_000, burst: 1, queue: 20, maxWaitMs: 500 })])

await Promise.all(['a', 'b', 'c'].map((letter) => evenly.run(async () => console.log(`sent ${letter}`)))) // 10 ms apart
// #endregion queue

// prints: found Aswan
// prints: found Itaipú
// prints: come again in 30 s
// prints: sent c
