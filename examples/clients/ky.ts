// ky: it takes a fetch, so give it one with policies. Its own retries (two more for each attempt) and its own timeout (10 s,
// for all attempts together) are off.
import ky, { type KyInstance, type Options } from 'ky'
import type { ResilientFetch } from 'spillway/fetch'

/**
 * `resilientKy(resilientFetch('quotes', standard(), { cloneRequests: true }), { prefixUrl })`. ky makes each request a
 * `Request`; without `cloneRequests` one with a body is sent once.
 */
export function resilientKy(fetch: ResilientFetch, defaults: Options = {}): KyInstance {
  return ky.create({ ...defaults, fetch, retry: 0, timeout: false })
}
