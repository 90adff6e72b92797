import { finitePositive, known, notNegative, ratio, wrongType } from '../core/options.ts'

/** What a dependency says of how much it can bear, for a time. */
export interface ThrottleHint {
  /** The share of the calls that may pass, 0..1. */
  readonly allow?: number | undefined
  /** Or how many calls may pass in that time: from 0 on. The share comes from how many were offered lately. */
  readonly calls?: number | undefined
  /** For how long, in ms, over 0 and finite. */
  readonly forMs: number
}

const keys = ['allow', 'calls', 'forMs'] as const

/** The share that a hint comes to, given how many calls come. */
export function hintedShare(hint: ThrottleHint, offeredPerSecond: number): number {
  const { allow, calls, forMs } = known<ThrottleHint>('throttle.hint', hint, keys)
  finitePositive('throttle.hint.forMs', forMs)
  if ((allow === undefined) === (calls === undefined)) wrongType('throttle.hint', 'given either allow or calls', hint)
  if (allow !== undefined) return ratio('throttle.hint.allow', allow)
  const expected = (offeredPerSecond * forMs) / 1_000
  // None are none, also where nothing was offered.
  if (notNegative('throttle.hint.calls', calls) === 0) return 0
  return calls! >= expected ? 1 : calls! / expected
}

/** Headers, of `fetch` or of one's own. */
interface Readable {
  get(name: string): string | null | undefined
}

/**
 * Reads what HTTP headers say of how much the server can bear: `RateLimit: "default";r=10;t=5` or `RateLimit-Remaining` and `RateLimit-Reset` (10 calls in
 * the next 5 s), or, if `level` names one, a header that holds the share itself, 0..1, which then counts for `forMs` (10 000).
 * `undefined` where they say nothing, or nothing that makes sense.
 *
 * Source: IETF draft-ietf-httpapi-ratelimit-headers, of 2025 and as it was before.
 */
export function hintOf(headers: Readable, options?: { readonly level?: string | undefined; readonly forMs?: number | undefined }): ThrottleHint | undefined {
  const { level, forMs = 10_000 } = options ?? {}
  const share = level === undefined ? undefined : numberOf(headers.get(level))
  if (share !== undefined && share <= 1) return { allow: share, forMs }
  const said = headers.get('ratelimit')
  const calls = numberOf(parameter(said, 'r') ?? headers.get('ratelimit-remaining'))
  const seconds = numberOf(parameter(said, 't') ?? headers.get('ratelimit-reset'))
  if (calls === undefined || seconds === undefined || seconds === 0) return undefined
  return { calls, forMs: seconds * 1_000 }
}

const parameter = (said: string | null | undefined, key: string): string | undefined => new RegExp(`;\\s*${key}=([0-9]+)`).exec(said ?? '')?.[1]

function numberOf(said: string | null | undefined): number | undefined {
  return typeof said === 'string' && /^\s*[0-9]+(\.[0-9]+)?\s*$/.test(said) ? Number(said) : undefined
}
