// The first thing to try.
// #region hero
import { breaker, bulkhead, pipeline, retry, timeout } from 'spillway'

const quotes = pipeline('quotes', [
  timeout(2_000), // the whole call
  retry({ maxAttempts: 3 }),
  breaker({ failureRatio: 0.5, breakMs: 5_000 }),
  bulkhead({ slots: 50 }),
  timeout(500), // each attempt
])

const response = await quotes.run(({ signal }) => fetch('data:,42', { signal }), { priority: 'critical' })
// #endregion hero
console.log(await response.text())

// prints: 42
