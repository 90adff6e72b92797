import { callable, count, nameOf, notNegative } from '../core/options.ts'
import { keyed, type Keyed } from '../keyed/index.ts'
import { type FetchInit, type FetchInput, type FetchOptions, type FetchPolicies, settle } from './options.ts'
import { originOf } from './origin.ts'
import { standard } from './standard.ts'
import { caller, httpPipeline, type Run } from './wrap.ts'

/** Those of a resilient fetch, and how many origins are kept apart. */
export interface PerOriginOptions extends FetchOptions {
  /** How many origins have policies of their own at most: a whole number from 0 on. The others share one set. Default 1 000. */
  readonly max?: number | undefined
  /** How long in ms an origin must have been at rest before another may have its place, from 0 on. Default 60 000. */
  readonly idleMs?: number | undefined
}

/** Assignable to `typeof fetch`, as a {@link resilientFetch} is. */
export interface PerOriginFetch {
  (input: FetchInput, init?: FetchInit): Promise<Response>
  /** The pipelines, by origin (`https://example.com:8443`): for `on(…)`, `get(origin)`, `delete(origin)`, `close()`. */
  readonly pipelines: Keyed
}

/**
 * A fetch for servers that are not known beforehand: each origin (scheme, host and port of the URL) has policies of its own, so that one bad server
 * closes no other. At most `max` origins are kept apart, see `keyed`; retry budgets share one floor. A redirect counts for the
 * origin that was asked first. What has no origin (`data:`, `blob:`, no URL at all) is kept together under `null`.
 *
 * @param name the pipelines are called by it and their origin: `crawl https://example.com`. Default `'fetch'`
 * @param policies makes the policies of an origin, new ones each time; `'*'` is what serves the origins beyond `max`. Default {@link standard}
 * @throws TypeError or RangeError for options that make no sense. What is wrong with a single call, or with the policies of its origin, rejects that call.
 */
export function perOrigin(name: string = 'fetch', policies: (origin: string) => FetchPolicies = () => standard(), options: PerOriginOptions = {}): PerOriginFetch {
  nameOf('name of perOrigin', name)
  callable('policies of perOrigin', policies)
  const { max = 1_000, idleMs = 60_000, ...fetchOptions } = options
  const { settings, rest } = settle(fetchOptions)
  const pipelines = keyed((origin) => httpPipeline(`${name} ${origin}`, policies(origin), settings.classify, rest), {
    max: count('perOrigin.max', max),
    idleMs: notNegative('perOrigin.idleMs', idleMs),
  })
  const run: Run = (fn, call, input) => pipelines.run(originOf(input), fn, call)
  return Object.assign(caller(run, settings), { pipelines })
}
