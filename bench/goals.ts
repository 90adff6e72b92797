import { type Measured, ratio, type Results } from './results.ts'

export interface Goal {
  readonly goal: string
  readonly measured: string
  readonly met: boolean
}

const BREAKER = 'breaker: failure ratio over time'
const FIVE = 'five: fallback, retry, breaker, bulkhead, timeout'
const SIX = 'six: fallback, retry, breaker, throttle, bulkhead, timeout'
const beside = new Set(['bare call', 'floor', 'by hand', 'spillway', 'metrics on'])

/** How many times dearer the one is than the other; both of one row, in the same rounds. */
const between = (one: Measured | undefined, other: Measured | undefined): number | undefined =>
  one === undefined || other === undefined ? undefined : ratio(one, other).median

/** What this library sets itself, each from what one run has measured. What was not measured is left out. */
export function goals({ measured, facts, http }: Results): Goal[] {
  const list: Goal[] = []
  const get = (row: string, subject = 'spillway'): Measured | undefined => measured.find((one) => one.row === row && one.subject === subject)
  const add = (goal: string, value: number | undefined, met: (value: number) => boolean, say: (value: number) => string): void => {
    if (value !== undefined && !Number.isNaN(value)) list.push({ goal, measured: say(value), met: met(value) })
  }
  const atMost = (goal: string, row: string, most: number, to = 'floor'): void =>
    add(goal, between(get(row), get(row, to)), (value) => value <= most, (value) => `${value.toFixed(2)} ×`)
  const ahead = (goal: string, row: string, by: number, of?: string): void => {
    for (const other of measured.filter(({ row: its, subject }) => its === row && !beside.has(subject) && (of === undefined || subject === of))) {
      add(`${goal}: ${other.subject}`, between(other, get(row)), (value) => value >= by, (value) => `${value.toFixed(2)} ×`)
    }
  }
  const full = get(SIX) === undefined ? FIVE : SIX
  const bytes = (row: string): number | undefined => {
    const [one, bare] = [get(row), get(row, 'bare call')]
    return one === undefined || bare === undefined ? undefined : one.bytes - bare.bytes
  }
  atMost('breaker alone ≤ 1.8 × the floor', BREAKER, 1.8)
  ahead('breaker alone ahead of', BREAKER, 1)
  ahead('breaker over calls ahead of', 'breaker: failure ratio over calls', 1)
  ahead('breaker of failures in a row ahead of', 'breaker: failures in a row', 1)
  atMost(`${full} ≤ 3 × the floor`, full, 3)
  ahead('all policies ≥ 25 × ahead of the five of', full, 25, 'cockatiel')
  ahead('all policies ≥ 3 × ahead of the breaker with timeout of', full, 3, 'opossum')
  add('all policies ≤ 1 000 bytes', bytes(full), (value) => value <= 1_000, (value) => `${Math.round(value)} bytes`)
  atMost('refusal by `run` ≤ 2 × a rejected promise', 'open breaker', 2)
  atMost('refusal by `tryRun` ≤ 2 × a resolved promise', 'open breaker, told', 2)
  ahead('refusal by `run` ≥ 3 × ahead of', 'open breaker', 3)
  ahead('refusal by `tryRun` ≥ 3 × ahead of', 'open breaker, told', 3)
  add('metrics on ≤ 1.15 × off, five policies', between(get('five, metrics', 'metrics on'), get('five, metrics')), (value) => value <= 1.15, (value) => `${value.toFixed(2)} ×`)
  add('metrics on ≤ 1.15 × off, a breaker', between(get('breaker, metrics', 'metrics on'), get('breaker, metrics')), (value) => value <= 1.15, (value) => `${value.toFixed(2)} ×`)
  add('an idle breaker ≤ 1 000 bytes', facts?.idleBreakerBytes, (value) => value <= 1_000, (value) => `${Math.round(value)} bytes`)
  add('10⁵ calls in flight use one real timer', facts?.timers, (value) => value === 1, String)
  for (const { body, atOnce, who, throughput } of http ?? []) {
    if (who === 'standard') add(`wrapped fetch ≥ 0.95 of bare: ${body}, ${atOnce} at once`, throughput.median, (value) => value >= 0.95, (value) => value.toFixed(3))
  }
  return list
}
