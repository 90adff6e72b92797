import type { Attempt } from './attempt.ts'
import { RejectedError, TimeoutError } from './errors.ts'

/**
 * What an outcome says about the dependency: `success`; `failure`; `overload`, a failure that says it has too much to do;
 * `ignored`, which says nothing about its health; `unused`, admitted here and refused further in.
 */
export type Verdict = 'success' | 'failure' | 'overload' | 'ignored' | 'unused'

/** How an attempt ended: a value or an error, with its verdict and how long the dependency asked to be left alone. */
export type Outcome<T> = ({ readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown }) & {
  readonly verdict: Verdict
  readonly retryAfterMs?: number | undefined
  /** By whom the attempt ended; a layer's own answer need not say it. */
  readonly endedBy?: EndedBy | undefined
  /** The type of the layer that answered in the dependency's place, such as `'fallback'`. */
  readonly answeredBy?: string | undefined
}

/** Who ended an attempt: the work itself, a timeout of this pipeline, the caller (abort, deadline, a lost hedge), or a refusal. */
export type EndedBy = 'work' | 'timeout' | 'caller' | 'refusal'

/** Whether the caller ended the call: by its signal or its deadline. */
export function endedByCaller(outcome: Outcome<unknown>): boolean {
  return outcome.endedBy === 'caller'
}

/** What a guard is told of an attempt that it admitted. */
export interface Settled {
  readonly verdict: Verdict
  readonly endedBy: EndedBy
  /** ms on the pipeline's clock, read when first asked for. */
  readonly settledAt: number
  readonly retryAfterMs?: number | undefined
}

/** What `classify` sees: an outcome that has no verdict yet. */
export type RawOutcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown }

/** Turns an outcome into a verdict, once, in the innermost stage. Synchronous. */
// oxlint-disable-next-line no-explicit-any -- one classifier serves every function of a pipeline
export type Classify = (outcome: RawOutcome<any>, attempt: Attempt) => Verdict | { readonly verdict: Verdict; readonly retryAfterMs?: number | undefined }

export const verdicts: readonly Verdict[] = ['success', 'failure', 'overload', 'ignored', 'unused']

/** The connection could not be made or broke: the dependency has too much to do, or is not there. */
const brokenConnection = new Set<unknown>(['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'UND_ERR_SOCKET', 'UND_ERR_CONNECT_TIMEOUT'])
const unreached = new Set<unknown>(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'])
/** HTTP 429 and 503; gRPC 8 (resource exhausted) and 14 (unavailable). */
const overloaded = new Set<unknown>([429, 503, '429', '503', 8, 14])

interface ErrorLike {
  readonly code?: unknown
  readonly status?: unknown
  readonly statusCode?: unknown
  readonly response?: { readonly status?: unknown; readonly statusCode?: unknown } | null
  readonly cause?: unknown
  readonly errors?: unknown
}

/** Whether `test` holds for the error, an error that caused it, or (happy eyeballs) one of those that it sums up. */
function anyCause(error: unknown, test: (error: ErrorLike) => boolean, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > 4) return false
  const e: ErrorLike = error
  if (test(e)) return true
  if (anyCause(e.cause, test, depth + 1)) return true
  return Array.isArray(e.errors) && e.errors.some((one) => anyCause(one, test, depth + 1))
}

/**
 * The default classifier. A value is `success`. Another pipeline's refusal is `ignored`. Timeouts, refused or reset
 * connections, 429, 503 and gRPC 8 and 14 are `overload`, read from `status`, `statusCode` and `code`, also of its `response`, of
 * the error and its causes. Every other rejection is `failure`. A number `retryAfterMs` on the error is passed on.
 */
export const classify: Classify = (outcome) => {
  if (outcome.ok) return 'success'
  const { error } = outcome
  if (typeof error !== 'object' || error === null) return 'failure'
  if (error instanceof RejectedError) return 'ignored'
  const verdict = error instanceof TimeoutError || anyCause(error, isOverload) ? 'overload' : 'failure'
  const retryAfterMs = (error as { retryAfterMs?: unknown }).retryAfterMs
  return typeof retryAfterMs === 'number' && retryAfterMs >= 0 ? { verdict, retryAfterMs } : verdict
}

function isOverload(e: ErrorLike): boolean {
  return overloaded.has(e.status) || overloaded.has(e.statusCode) || overloaded.has(e.response?.status) || overloaded.has(e.response?.statusCode) || overloaded.has(e.code) || brokenConnection.has(e.code)
}

/** Whether the error proves that the dependency never began the work: a refusal, or a connection or name lookup that failed. */
export function neverStarted(error: unknown, depth = 0): boolean {
  if (error instanceof RejectedError) return true
  if (typeof error !== 'object' || error === null || depth > 4) return false
  const { code, cause, errors } = error as ErrorLike
  // Of several, each has to prove it; Node gives the sum the code of its first.
  if (Array.isArray(errors) && errors.length > 0) return errors.every((one) => neverStarted(one, depth + 1))
  return unreached.has(code) || neverStarted(cause, depth + 1)
}
