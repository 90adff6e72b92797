// got: the policies stand around each request. Its own retries are off: two more for each attempt otherwise.
import { got, type OptionsInit, type OptionsOfUnknownResponseBody, type Response } from 'got'
import { classify, type Classify, type Pipeline } from 'spillway'
import { classifyFetch } from 'spillway/fetch'

/** What a status says about the server, thrown as an `HTTPError` or not; Retry-After included. */
export const classifyGot: Classify = (outcome, attempt) => {
  const response = (outcome.ok ? outcome.value : (outcome.error as { response?: unknown } | null)?.response) as Response | undefined
  if (response === undefined) return classify(outcome, attempt)
  const headers = { get: (name: string) => (response.headers[name] as string | undefined) ?? null }
  return classifyFetch({ ok: true, value: { status: response.statusCode, headers } }, attempt)
}

/** `const get = resilientGot(quotes, { prefixUrl, responseType: 'json' })`, then `(await get<Quote>('quotes/7')).body`. */
export function resilientGot(pipeline: Pipeline, defaults: OptionsInit = {}) {
  const client = got.extend({ ...defaults, retry: { limit: 0 } })
  return <Body = string>(url: string | URL, options: Omit<OptionsInit, 'isStream' | 'resolveBodyOnly' | 'retry'> = {}): Promise<Response<Body>> =>
    pipeline.run(({ signal }) => client(url, { ...options, signal } as OptionsOfUnknownResponseBody) as Promise<unknown> as Promise<Response<Body>>, {
      signal: options.signal,
      idempotent: !/^(post|patch)$/i.test(options.method ?? 'get'),
    })
}
