import type { Row } from './case.ts'

const named = (group: string, rows: readonly (Omit<Row, 'group'> | string)[]): Row[] =>
  rows.map((row) => (typeof row === 'string' ? { name: row, group } : { ...row, group }))

const failure = { work: 'fails', ends: 'failure' } as const
const refusal = { ends: 'refusal', runs: 0 } as const
const told = { ...refusal, ends: 'told' } as const
const made = { ends: 'made', runs: 0 } as const

/** What is measured. How each library is set up for it stands in its own file in `peers/`. */
export const rows: readonly Row[] = [
  ...named('one policy, the call succeeds', [
    'nothing',
    'breaker: failure ratio over time',
    { name: 'breaker: failure ratio over time, told', ends: 'told' },
    'breaker: failure ratio over calls',
    'breaker: failures in a row',
    'timeout',
    'retry',
    'bulkhead',
    'adaptive limit',
    'throttle: a set share',
    'throttle: adaptive',
    'shed',
    'park',
    'rate limit',
    'fallback',
  ]),
  ...named('several policies, the call succeeds', [
    'breaker, timeout',
    'park, breaker: a class that might wait',
    'retry, breaker',
    'retry, breaker, timeout',
    'five: fallback, retry, breaker, bulkhead, timeout',
    'six: fallback, retry, breaker, throttle, bulkhead, timeout',
    'seven: a total timeout around the six',
  ]),
  ...named('100 calls at once', [
    { name: 'nothing, 100 at once', atOnce: 100 },
    { name: 'breaker, 100 at once', atOnce: 100 },
    { name: 'breaker, timeout, 100 at once', atOnce: 100 },
    { name: 'five, 100 at once', atOnce: 100 },
  ]),
  ...named('the call fails', [
    { name: 'breaker, failing', ...failure },
    { name: 'breaker, failing, told', work: 'fails', ends: 'told' },
    { name: 'breaker, timeout, failing', ...failure },
    { name: 'fallback answers', work: 'fails' },
    { name: 'retry twice, no delay', work: 'fails twice', runs: 3, atOnce: 100 },
  ]),
  ...named('the call is refused', [
    { name: 'open breaker', ...refusal },
    { name: 'open breaker, told', ...told },
    { name: 'five with an open breaker', runs: 0 },
    { name: 'full bulkhead', ...refusal },
    { name: 'full bulkhead, told', ...told },
    { name: 'adaptive limit that is full', ...refusal },
    { name: 'rate limit used up', ...refusal },
    { name: 'throttle that lets nothing pass', ...refusal },
    { name: 'shed that is under pressure', ...refusal },
    { name: 'park without room', ...refusal },
  ]),
  ...named('watched and read', [
    'breaker, one listener',
    'breaker, metrics',
    'five, metrics',
    'five, one listener',
    'five, an observer',
    'five, signal read',
    'five, caller has a signal',
  ]),
  ...named('made and found', [
    { name: 'make a breaker', ...made },
    { name: 'make five policies', ...made },
    { name: 'find one of 1 000 keys', ...made, long: true },
    { name: 'find one of 1 000 keys and call', long: true },
  ]),
]
