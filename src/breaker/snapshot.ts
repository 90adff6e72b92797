import { count, notNegative, oneOf, outOfRange, positive, ratio, wrongType } from '../core/options.ts'
import type { Bucket } from '../math/time-window.ts'

/**
 * What a breaker has learned, to be restored after a restart or elsewhere. It survives JSON, and holds only counts and
 * spans in ms, no points in time, so that it means the same on any machine. A half-open breaker is saved as open with its
 * break over: a probe will decide. An isolation is not part of it: it belongs to whoever can undo it.
 */
export type BreakerSnapshot = ClosedSnapshot | OpenSnapshot

export interface ClosedSnapshot {
  readonly version: 1
  readonly state: 'closed'
  readonly failuresInARow: number
  /** The share of the calls that it lets pass while it ramps up after a break. */
  readonly rampShare?: number
  readonly window: TimeWindowSnapshot | CountWindowSnapshot
}

export interface TimeWindowSnapshot {
  /** How long a bucket is; `null` when endless. */
  readonly bucketMs: number | null
  /** Oldest first. */
  readonly buckets: readonly Bucket[]
}

export interface CountWindowSnapshot {
  /** Oldest first, one digit each: 0 good, 1 failed, 2 slow, 3 failed and slow. */
  readonly results: string
}

export interface OpenSnapshot {
  readonly version: 1
  readonly state: 'open'
  readonly reason: string
  readonly opensInARow: number
  /** Since when it has not been closed. */
  readonly openForMs: number
  /** How long the whole break is; `null` when endless. */
  readonly breakMs: number | null
  /** What is left of it, 0 when it is over; `null` when endless. */
  readonly restMs: number | null
}

/** JSON has no Infinity. */
export const endless = (ms: number): number | null => (ms === Infinity ? null : ms)
export const span = (ms: number | null): number => ms ?? Infinity

type Fields = Readonly<Record<string, unknown>>

/** Throws a TypeError or RangeError that names the field. Fields that it does not know are no matter. */
export function checkSnapshot(value: unknown): BreakerSnapshot {
  const snapshot = fieldsOf('snapshot', value)
  const { version, state } = snapshot
  if (version !== 1) outOfRange('snapshot.version', '1', version)
  return oneOf('snapshot.state', state, ['closed', 'open']) === 'open' ? checkOpen(snapshot) : checkClosed(snapshot)
}

function checkOpen({ reason, opensInARow, openForMs, breakMs, restMs }: Fields): OpenSnapshot {
  return {
    version: 1,
    state: 'open',
    reason: typeof reason === 'string' ? reason : wrongType('snapshot.reason', 'a string', reason),
    opensInARow: finite('snapshot.opensInARow', count('snapshot.opensInARow', opensInARow, 1)),
    openForMs: finite('snapshot.openForMs', notNegative('snapshot.openForMs', openForMs)),
    breakMs: breakMs === null ? null : notNegative('snapshot.breakMs', breakMs),
    restMs: restMs === null ? null : notNegative('snapshot.restMs', restMs),
  }
}

function checkClosed({ failuresInARow, window, rampShare }: Fields): ClosedSnapshot {
  return {
    version: 1,
    state: 'closed',
    failuresInARow: finite('snapshot.failuresInARow', count('snapshot.failuresInARow', failuresInARow)),
    ...(rampShare === undefined ? {} : { rampShare: ratio('snapshot.rampShare', rampShare) }),
    window: checkWindow(fieldsOf('snapshot.window', window)),
  }
}

function checkWindow({ results, buckets, bucketMs }: Fields): TimeWindowSnapshot | CountWindowSnapshot {
  if (results !== undefined) {
    if (typeof results !== 'string') wrongType('snapshot.window.results', 'a string of the digits 0 to 3', results)
    return /^[0-3]*$/.test(results) ? { results } : outOfRange('snapshot.window.results', 'a string of the digits 0 to 3', results)
  }
  if (!Array.isArray(buckets)) wrongType('snapshot.window.buckets', 'a list of buckets', buckets)
  let elder = Infinity
  const checked = buckets.map((value: unknown, i) => {
    const field = `snapshot.window.buckets[${i}]`
    const bucket = checkBucket(field, fieldsOf(field, value))
    if (bucket.ageMs > elder) outOfRange(`${field}.ageMs`, `at most that of the bucket before it (${elder})`, bucket.ageMs)
    elder = bucket.ageMs
    return bucket
  })
  return { bucketMs: bucketMs === null ? null : positive('snapshot.window.bucketMs', bucketMs), buckets: checked }
}

function checkBucket(field: string, { ageMs, calls, failed, slow }: Fields): Bucket {
  const all = finite(`${field}.calls`, count(`${field}.calls`, calls))
  const part = (name: string, value: unknown): number => {
    const n = count(`${field}.${name}`, value)
    return n <= all ? n : outOfRange(`${field}.${name}`, `at most calls (${all})`, n)
  }
  return { ageMs: finite(`${field}.ageMs`, notNegative(`${field}.ageMs`, ageMs)), calls: all, failed: part('failed', failed), slow: part('slow', slow) }
}

function fieldsOf(field: string, value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) wrongType(field, 'an object', value)
  return value as Fields
}

function finite(field: string, n: number): number {
  return n < Infinity ? n : outOfRange(field, 'finite', n)
}
