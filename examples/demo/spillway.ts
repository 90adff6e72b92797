import { breaker, bulkhead, retry, timeout } from 'spillway'
import { resilientFetch } from 'spillway/fetch'
import { recorder } from 'spillway/metrics'

// The script plays in seconds what takes minutes elsewhere, and so do the breaker's window and break.
export const quotesBreaker = breaker({ windowMs: 1_000, breakMs: 1_000, maxBreakMs: 1_000, probes: { total: 3 } })

/** Records what the dashboard shows. */
export const metrics = recorder()

/** The same timeout for each attempt, and what the others lack. */
export const quotes = resilientFetch('quotes', [
  timeout(1_500), // the whole call
  retry(), // at most two more attempts, spread in time, and no more than one for ten calls
  quotesBreaker,
  bulkhead({ slots: 56 }),
  timeout(750), // each attempt
], { observers: [metrics] })
