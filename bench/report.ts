import { goals } from './goals.ts'
import { type Measured, ratio, type Results } from './results.ts'
import { type Estimate, median } from './statistics.ts'

/** All tables of a run, with pictures that lie beside the page. */
export function pageOf(results: Results, charts: readonly string[] = []): string {
  const { proof, growth = [], http = [], facts } = results
  const versions = results.subjects.map(({ name, version }) => `${name} ${version}`).join(', ')
  const reached = goals(results)
  const parts = [
    `# Node ${results.node}`,
    `${results.date.slice(0, 16).replace('T', ' ')} UTC. ${results.machine}. V8 ${results.v8}. ${versions}.${results.missing.map((line) => ` Not measured: ${line}.`).join('')}`,
    `The harness on this run: a case beside itself ${text(proof.same)}, beside itself with 10 % more work ${text(proof.dearer)}.`,
  ]
  if (reached.length > 0) parts.push(`## Goals\n\n${tableOf(['goal', 'measured', ''], reached.map(({ goal, measured, met }) => [goal, measured, met ? 'met' : '**not met**']))}`)
  parts.push(...charts.map((file) => `![${file.replace(/^node-\d+-|\.svg$/g, '')}](${file})`))
  parts.push(...groups(results).map(({ group, rows }) => `## ${group}\n\n${tableOf(head, rows.flatMap(cells))}`))
  for (const { name, of, points } of growth) {
    const titles = [of, 'ns per call', '÷ the first', 'bytes kept']
    parts.push(`## Growth: ${name}\n\n${tableOf(titles, points.map((point) => [round(point.x), round(point.ns), text(point.ratio), round(point.bytes)]))}`)
  }
  if (facts !== undefined) {
    parts.push(`## Counted\n\n${tableOf(['', ''], [
      ['bytes of a breaker that has seen no call', round(facts.idleBreakerBytes)],
      ['bytes of a pipeline with such a breaker', round(facts.idlePipelineBytes)],
      ['timers of the platform for 100 000 calls in flight with a timeout', String(facts.timers)],
    ])}`)
  }
  if (http.length > 0) {
    const titles = ['load', 'who', 'calls per second', 'p50 ms', 'p99 ms', 'throughput ÷ bare', 'processor time: bare ÷ it']
    parts.push(`## HTTP on loopback\n\n${tableOf(titles, http.map((one) => [
      `${one.body}, ${one.atOnce} at once`, one.who, round(one.perSecond), one.p50.toFixed(2), one.p99.toFixed(2), share(one.throughput), share(one.work),
    ]))}`)
  }
  return `${parts.join('\n\n')}\n`
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

const head = ['', 'who', 'ns', 'least', '÷ bare', '÷ floor', '÷ spillway', 'bytes', 'promises']

const against = (one: Measured, other: Measured | undefined, not: readonly (Measured | undefined)[]): string =>
  other === undefined || not.includes(one) ? '' : text(ratio(one, other))

function cells(row: readonly Measured[]): string[][] {
  const get = (name: string): Measured | undefined => row.find(({ subject }) => subject === name)
  const [bare, floor, ours] = [get('bare call'), get('floor'), get('spillway')]
  return row.map((one, n) => [
    n === 0 ? `**${one.row}**` : '',
    one.subject,
    round(median(one.samples)),
    round(Math.min(...one.samples)),
    bare === undefined || one === bare ? '' : times(ratio(one, bare).median),
    against(one, floor, [bare, floor]),
    against(one, ours, [bare, floor, ours]),
    ...(['bytes', 'promises'] as const).map((key) => (bare === undefined || one === bare ? round(one[key]) : `+${round(one[key] - bare[key])}`)),
  ])
}

const share = ({ median: middle, low, high }: Estimate): string => `${middle.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`
export const text = ({ median: middle, low, high }: Estimate): string => `${times(middle)} (${times(low)} to ${times(high)})`
export const times = (value: number): string => (value >= 20 ? value.toFixed(0) : value >= 3 ? value.toFixed(1) : value.toFixed(2))
export const round = (value: number): string => Math.round(value).toLocaleString('en').replaceAll(',', ' ')

const line = (one: readonly string[]): string => `| ${one.join(' | ')} |`

/** A table of which the first columns, two if nothing else is said, are words and the others figures. */
export function tableOf(titles: readonly string[], rows: readonly (readonly string[])[], words = 2): string {
  return [line(titles), line(titles.map((_, n) => (n < words ? '---' : '--:'))), ...rows.map(line)].join('\n')
}
