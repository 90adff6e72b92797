// A function that can fail, run inside a pipeline.
import { BreakerOpenError, breaker, bulkhead, fallback, pipeline, RejectedError, retry, timeout, TimeoutError } from 'spillway'

const api = {
  failures: 1,
  async quote(id: string, _signal?: AbortSignal) {
    if (this.failures-- > 0) throw new Error('connection lost')
    return { id, price: 42 }
  },
}

const quotes = pipeline('quotes', [
  timeout(2_000), // the whole call
  retry({ maxAttempts: 3 }),
  breaker({ failureRatio: 0.5, breakMs: 5_000 }),
  bulkhead({ slots: 50 }),
  timeout(500), // each attempt
])

const quote = await quotes.run(({ signal }) => api.quote('SPLL', signal), { priority: 'critical' })
console.log(quote)

// #region wrap
const getQuote = quotes.wrap((id: string) => api.quote(id)) // same arguments, same types
console.log((await getQuote('DAMS')).price)
// #endregion wrap

// #region try
const result = await quotes.tryRun(() => api.quote('SPLL'))
console.log(result.ok ? result.value.price : result.error, `after ${result.attempts} attempt`)
// #endregion try

// #region errors
async function priceOf(id: string): Promise<number | string> {
  try {
    return (await quotes.run(({ signal }) => api.quote(id, signal))).price
  } catch (error) {
    if (error instanceof BreakerOpenError) return `closed for ${error.retryAfterMs} ms`
    if (error instanceof RejectedError) return 'nothing was started' // safe to repeat, whatever it does
    if (error instanceof TimeoutError) return 'started, outcome unknown'
    throw error // api's own error, untouched
  }
}
// #endregion errors
console.log(await priceOf('SPLL'))

// #region fallback
const safeQuotes = pipeline('quotes', [fallback(() => ({ price: 'unknown' as const })), breaker()])
const safe = await safeQuotes.run(() => Promise.reject(new Error('down'))) // { price: 'unknown' }
// #endregion fallback
console.log(safe)

// #region see
console.log(String(quotes))
const undo = quotes.on('breaker.opened', ({ reason, breakMs }) => console.warn(`opened: ${reason}; closed for ${breakMs} ms`))
quotes.on('*', (event) => event.type) // every event, told apart by its type
undo()
// #endregion see

// #region observer
const seconds: number[] = []
const observed = pipeline('quotes', [breaker()], {
  observers: [
    {
      callSettled: (call, outcome, { verdict, settledAt }) => {
        seconds.push((settledAt - call.startedAt) / 1_000) // into a histogram, with call.operation, verdict and outcome.ok
        void [outcome.ok, verdict]
      },
    },
  ],
})
// #endregion observer
await observed.run(() => 1)
console.log(`${seconds.length} call observed`)

// #region nested
const checkout = pipeline('checkout', [timeout(3_000)])
await checkout.run((attempt) => quotes.run(({ signal }) => api.quote('SPLL', signal), attempt), { priority: 'high' })
// #endregion nested

await quotes.close()

// prints: { id: 'SPLL', price: 42 }
// prints: 42 after 1 attempt
// prints: { price: 'unknown' }
// prints: stage[timeout 2 s] ─▶ retry ─▶ stage[breaker · bulkhead · timeout 500 ms] ─▶ your function
// prints: 1 call observed
