import type { Breaker } from 'spillway'
import { cellMs, cells, phases } from './script.ts'
import { inCells, share, type Side } from './side.ts'
import { bold, breakerTone, cyan, dim, tone, whole } from './words.ts'

const bars = '▁▂▃▄▅▆▇█'
const letters: Record<Breaker['state'], string> = { closed: '·', open: 'O', halfOpen: 'h', isolated: 'I' }

/** The whole run, half a second a cell: success by when the call was made, requests by when they reached the service. */
export function timeline(sides: readonly Side[]): string[] {
  const most = Math.max(1, ...sides.flatMap((side) => side.cells.map(({ reached }) => reached)))
  const rows = (row: (side: Side, cell: number) => string) => sides.map((side) => label(side.name) + each((cell) => row(side, cell)))
  return [
    bold(label('success')) + phases.map(({ name, cells: width }) => dim(name.padEnd(width))).join(''),
    ...rows(success),
    ...sides.filter((side) => side.breaker).map((side) => label('  breaker') + each((cell) => breaker(side, cell))),
    bold(label('requests')) + dim(`that reached the service: ${bars.at(-1)} is ${whole((most * 1_000) / cellMs)}/s`),
    ...rows((side, cell) => requests(side, cell, most)),
    dim(`${label('')}${letters.closed} closed, ${letters.open} open, ${letters.halfOpen} half-open: probes were sent`),
  ]
}

const label = (text: string): string => ` ${text.padEnd(12)}`
const each = (cell: (index: number) => string): string => Array.from({ length: cells }, (_, index) => cell(index)).join('')
const bar = (part: number): string => bars[Math.min(bars.length - 1, Math.floor(part * bars.length))]!

function success(side: Side, cell: number): string {
  const part = share(inCells(side.answers, cell, cell + 1))
  return Number.isNaN(part) ? ' ' : tone(part)(bar(part))
}

function breaker(side: Side, cell: number): string {
  const state = side.cells[cell]?.breaker
  return state === undefined ? ' ' : breakerTone(state)(letters[state])
}

function requests(side: Side, cell: number, most: number): string {
  const { reached } = side.cells[cell] ?? {}
  return reached === undefined ? ' ' : cyan(bar(reached / most))
}
