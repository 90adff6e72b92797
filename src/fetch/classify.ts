import type { Attempt } from '../core/attempt.ts'
import { type Classify, classify, type RawOutcome } from '../core/verdict.ts'
import { type Front, frontOf } from './front.ts'
import { saysNothing } from './blame.ts'
import { retryAfter } from './retry-after.ts'

type Verdicted = ReturnType<Classify>

/** Your own classifier. `undefined`: {@link classifyFetch} decides. */
export type FetchClassify = (outcome: RawOutcome<Response>, attempt: Attempt) => Verdicted | undefined

/** Time limits of Node's own fetch, which mean what a timeout of the pipeline means. */
const timeLimits = new Set<unknown>(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])

/**
 * What HTTP says about the server's health:
 *
 * | outcome | verdict |
 * |---|---|
 * | 429, 503; 504, by which a gateway says what our own timeout would | `overload` |
 * | any other 5xx; 408, a connection that the server found idle for too long | `failure` |
 * | any other response | `success` |
 * | refused, reset or closed connection, a time limit | `overload` |
 * | any other network error | `failure` |
 * | a request that cannot be made (a misspelt method, no URL) | `ignored` |
 *
 * `Retry-After` of a failure or overload becomes `retryAfterMs`.
 */
export const classifyFetch: Classify = (outcome: RawOutcome<unknown>, attempt) => {
  if (outcome.ok) return withRetryAfter(ofStatus((outcome.value as Partial<Response> | null | undefined)?.status), outcome.value)
  if (saysNothing(outcome.error)) return 'ignored'
  const { code } = ((outcome.error as Partial<Error> | null | undefined)?.cause ?? {}) as { code?: unknown }
  return timeLimits.has(code) ? 'overload' : classify(outcome, attempt)
}

function ofStatus(status: number | undefined): 'success' | 'failure' | 'overload' {
  if (status === 429 || status === 503 || status === 504) return 'overload'
  return status === 408 || (status !== undefined && status >= 500) ? 'failure' : 'success'
}

function withRetryAfter(verdict: Verdicted, value: unknown): Verdicted {
  if (verdict !== 'failure' && verdict !== 'overload') return verdict
  const headers = (value as Partial<Response> | null | undefined)?.headers
  const retryAfterMs = headers === undefined ? undefined : retryAfter(headers)
  return retryAfterMs === undefined ? verdict : { verdict, retryAfterMs }
}

/** The user's classifier before the default one; a bare verdict of it takes Retry-After along too. */
export function classifierOf(own: FetchClassify | undefined): Classify {
  return (outcome: RawOutcome<Response>, attempt) => {
    const front = outcome.ok ? frontOf(outcome.value) : undefined
    const known = front?.foretold
    if (known !== undefined) {
      front!.foretold = undefined
      return known
    }
    const said = own?.(outcome, attempt)
    if (said === undefined) return classifyFetch(outcome, attempt)
    return outcome.ok ? withRetryAfter(said, outcome.value) : said
  }
}

/** Whether the head is good, so that all depends on the body. A classifier that throws is heard by the pipeline, which asks it again. */
export function headSucceeded(front: Front, attempt: Attempt, classifier: Classify): boolean {
  try {
    const said = (front.foretold = classifier({ ok: true, value: front.response }, attempt))
    return (typeof said === 'string' ? said : said.verdict) === 'success'
  } catch {
    return false
  }
}
