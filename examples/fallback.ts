// An answer in the place of a call that failed: a constant, the last good answer, another service.
import { breaker, fallback, FallbackFailedError, pipeline, retry, timeout } from 'spillway'

interface Quote {
  readonly price: number
}

const service = { up: true }
async function fetchQuote(id: string): Promise<Quote> {
  if (!service.up) throw new Error(`no quote for ${id}`)
  return { price: 42 }
}

// #region first
const quotes = pipeline('quotes', [
  fallback(() => ({ status: 'unknown' as const })), // first: outside all that it stands in for
  timeout(2_000),
  retry({ maxAttempts: 2 }),
  breaker(),
])

const quote = await quotes.run(() => fetchQuote('ACME')) // Quote | { status: 'unknown' }
const price = 'price' in quote ? quote.price : 'unknown'
// #endregion first
console.log(`price: ${price}`)

// #region last
const lastGood = new Map<string, Quote>()

const prices = pipeline('prices', [
  fallback((_outcome, { call }) => {
    const known = lastGood.get(call.key ?? '')
    if (known === undefined) throw new Error('never seen')
    return known
  }),
  timeout(500),
])

async function priceOf(id: string): Promise<Quote> {
  return prices.run(async () => {
    const fresh = await fetchQuote(id)
    lastGood.set(id, fresh)
    return fresh
  }, { key: id })
}
// #endregion last
await priceOf('ACME')
service.up = false
console.log(`last good: ${(await priceOf('ACME')).price}`)

const replica = { quote: async (_id: string | undefined): Promise<Quote> => ({ price: 41 }) }

// #region chain
const chained = pipeline('chained', [
  fallback(() => null, { name: 'none' }), // answers when the replica fails too
  fallback((_outcome, { call }) => replica.quote(call.key), { name: 'replica' }), // may be asynchronous
])
// #endregion chain
console.log('replica:', (await chained.run(() => fetchQuote('ACME'), { key: 'ACME' }))?.price)

class OutOfStock extends Error {}
const outOfStock = async (): Promise<string> => {
  throw new OutOfStock()
}

// #region when
const stock = pipeline('stock', [
  fallback(() => 'sold out', { when: (outcome) => !outcome.ok && outcome.error instanceof OutOfStock }),
])
// #endregion when
console.log(await stock.run(outOfStock))

// #region failed
try {
  await priceOf('UNKNOWN')
} catch (error) {
  if (error instanceof FallbackFailedError) console.log([error.message, error.cause, error.original].map(String).join(' | '))
}
// #endregion failed

// prints: price: 42
// prints: last good: 42
// prints: replica: 41
// prints: sold out
// prints: Cannot call "prices": fallback failed too | Error: never seen | Error: no quote for UNKNOWN
