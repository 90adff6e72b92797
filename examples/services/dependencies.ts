// One pipeline per dependency, all in one module. The servers beside it differ only in how they answer.
import { breaker, bulkhead, fallback, retry, timeout } from 'spillway'
import { type ResilientFetch, resilientFetch } from 'spillway/fetch'

export interface Dependencies {
  /** `signal`: whoever asks has hung up. */
  page(id: string, signal: AbortSignal): Promise<{ quote: unknown; headlines: unknown }>
  readonly quotes: ResilientFetch
  readonly headlines: ResilientFetch
}

export function connect(urls: { readonly quotes: string; readonly headlines: string }): Dependencies {
  // No page without it.
  const quotes = resilientFetch('quotes', [timeout(600), retry({ maxAttempts: 2 }), breaker({ consecutive: 2 }), bulkhead({ slots: 50 }), timeout(400)])
  // Nice to have: an empty list is better than a late one.
  const headlines = resilientFetch('headlines', [fallback(() => Response.json([])), breaker(), bulkhead({ slots: 10 }), timeout(150)])
  return {
    quotes,
    headlines,
    async page(id, signal) {
      const [quote, news] = await Promise.all([quotes(`${urls.quotes}/${id}`, { signal }), headlines(urls.headlines, { signal })])
      if (!quote.ok) throw new Error(`quotes answered ${quote.status}`)
      return { quote: await quote.json(), headlines: await news.json() }
    },
  }
}
