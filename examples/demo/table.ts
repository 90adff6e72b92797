import { cellMs, phases } from './script.ts'
import { type Answer, inCells, quantile, share, type Side } from './side.ts'
import { bold, milliseconds, percent, seconds, whole } from './words.ts'

/** Back is who answers so many cells (5 s) in a row… */
const backCells = 10
/** …with at least this share of success. */
const backShare = 0.95

type Row = readonly [label: string, value: (side: Side) => string]

/** What was measured, side by side. */
export function table(sides: readonly Side[]): string[] {
  const rows: readonly Row[] = [
    ['calls', ({ calls }) => whole(calls.length)],
    ['success', ({ answers }) => percent(share(answers))],
    ...phases.map(({ name }, index): Row => [`  while ${name}`, ({ answers }) => percent(share(inPhase(answers, index)))]),
    ['answered within 1 s, well or not', ({ answers }) => percent(share(answers, ({ ms }) => ms <= 1_000))],
    ['latency of all calls, p50', ({ answers }) => milliseconds(quantile(answers, 0.5))],
    ['latency of all calls, p99', ({ answers }) => milliseconds(quantile(answers, 0.99))],
    ['latency of successes, p50', ({ answers }) => milliseconds(quantile(answers.filter(({ ok }) => ok), 0.5))],
    ['latency of successes, p99', ({ answers }) => milliseconds(quantile(answers.filter(({ ok }) => ok), 0.99))],
    ['requests that reached the service', ({ service }) => whole(service.report.reached)],
    ['  per call', ({ service, calls }) => (service.report.reached / calls.length).toFixed(2)],
    [`time to recover: to ${seconds(backCells * cellMs)} at ${backShare * 100} % or more`, recovery],
    ['breaker openings', (side) => (side.breaker === undefined ? '–' : whole(side.openings))],
  ]
  return [bold(line('', sides.map(({ name }) => name))), ...rows.map(([label, value]) => line(label, sides.map(value)))]
}

const line = (label: string, values: readonly string[]): string => ` ${label.padEnd(42)}${values.map((value) => value.padStart(15)).join('')}`
const startOf = (phase: number): number => phases.slice(0, phase).reduce((sum, { cells }) => sum + cells, 0)
const inPhase = (answers: readonly Answer[], phase: number): Answer[] => inCells(answers, startOf(phase), startOf(phase + 1))

/** From when the last phase began, which gives the service its workers back. */
function recovery({ answers }: Side): string {
  const { cells: length } = phases.at(-1)!
  const start = startOf(phases.length - 1)
  const isGood = Array.from({ length }, (_, cell) => share(inCells(answers, start + cell, start + cell + 1)) >= backShare)
  const first = isGood.findIndex((_, cell) => cell + backCells <= length && isGood.slice(cell, cell + backCells).every(Boolean))
  if (first < 0) return `not in ${seconds(length * cellMs)}`
  return first === 0 ? 'at once' : seconds(first * cellMs)
}
