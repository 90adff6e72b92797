import { mkdirSync, writeFileSync } from 'node:fs'
import type { Measured, Results } from './results.ts'
import { type Estimate, estimate, median } from './statistics.ts'

/** Prints the tables, and keeps them in `folder` as a page and as data. */
export function write(results: Results, folder: string | undefined): void {
  const page = pageOf(results)
  console.log(`\n${page}`)
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}/node-${major(results)}.md`, page)
}

export const major = ({ node }: Results): string => node.slice(1).split('.')[0]!

function pageOf(results: Results): string {
  const { proof } = results
  const versions = results.subjects.map(({ name, version }) => `${name} ${version}`).join(', ')
  return [
    `# Node ${results.node}`,
    `${results.date.slice(0, 16).replace('T', ' ')} UTC. ${results.machine}. V8 ${results.v8}. ${versions}.${results.missing.map((line) => ` Not measured: ${line}.`).join('')}`,
    `The harness on this run: a case beside itself ${text(proof.same)}, beside itself with 10 % more work ${text(proof.dearer)}.`,
    ...groups(results).map(({ group, rows }) => section(group, rows)),
  ].join('\n\n') + '\n'
}

function groups({ measured }: Results): { readonly group: string, readonly rows: readonly Measured[][] }[] {
  const all = new Map<string, Map<string, Measured[]>>()
  for (const one of measured) {
    const rows = all.get(one.group) ?? new Map<string, Measured[]>()
    all.set(one.group, rows)
    rows.set(one.row, [...(rows.get(one.row) ?? []), one])
  }
  return [...all].map(([group, rows]) => ({ group, rows: [...rows.values()] }))
}

const head = ['', 'who', 'ns', 'least', '÷ bare', '÷ floor', 'behind spillway', 'bytes', 'promises']

function section(group: string, rows: readonly Measured[][]): string {
  return `## ${group}\n\n${tableOf(head, rows.flatMap(lines))}`
}

function lines(row: readonly Measured[]): string[][] {
  const get = (name: string): Measured | undefined => row.find(({ subject }) => subject === name)
  const [bare, floor, ours] = [get('bare call'), get('floor'), get('spillway')]
  return row.map((one, n) => [
    n === 0 ? `**${one.row}**` : '',
    one.subject,
    round(median(one.samples)),
    round(Math.min(...one.samples)),
    bare === undefined || one === bare ? '' : times(ratio(one, bare).median),
    floor === undefined || one === bare || one === floor ? '' : text(ratio(one, floor)),
    ours === undefined || one === bare || one === floor || one === ours ? '' : text(ratio(one, ours)),
    bare === undefined || one === bare ? round(one.bytes) : `+${round(one.bytes - bare.bytes)}`,
    bare === undefined || one === bare ? String(one.promises) : `+${one.promises - bare.promises}`,
  ])
}

/** By how much `one` is dearer than `other`: the median over the rounds. */
export function ratio(one: Measured, other: Measured): Estimate {
  return estimate(one.samples.map((ns, at) => ns / other.samples[at]!))
}

export const text = ({ median: middle, low, high }: Estimate): string => `${times(middle)} (${times(low)} to ${times(high)})`
export const times = (value: number): string => (value >= 20 ? value.toFixed(0) : value >= 3 ? value.toFixed(1) : value.toFixed(2))
const round = (value: number): string => Math.round(value).toLocaleString('en').replaceAll(',', ' ')

const line = (one: readonly string[]): string => `| ${one.join(' | ')} |`

export function tableOf(titles: readonly string[], cells: readonly (readonly string[])[]): string {
  return [line(titles), line(titles.map((_, n) => (n < 2 ? '---' : '--:'))), ...cells.map(line)].join('\n')
}
