import { bounds } from '../../metrics/snapshot.ts'
import type { Labels } from '../table.ts'

/** A line of the exposition: prom-client calls these values. */
export interface Value {
  readonly metricName?: string
  readonly labels: Record<string, string | number>
  readonly value: number
}

/** A metric as the text format knows it. */
export interface Metric {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly values: readonly Value[]
}

/** The lines of a histogram: counts up to each bound, their sum and number. Source: the text format, "Histograms and summaries". */
export function histogramValues(name: string, labels: Labels, { counts, sumSeconds, count }: { readonly counts: readonly number[]; readonly sumSeconds: number; readonly count: number }): Value[] {
  let upTo = 0
  return [
    ...counts.map((n, i) => ({ metricName: `${name}_bucket`, labels: { ...labels, le: i < bounds.length ? String(bounds[i]) : '+Inf' }, value: (upTo += n) })),
    { metricName: `${name}_sum`, labels, value: sumSeconds },
    { metricName: `${name}_count`, labels, value: count },
  ]
}

/** Text format 0.0.4. A metric without a line is left out. */
export function text(metrics: readonly Metric[]): string {
  const blocks = metrics.filter(({ values }) => values.length > 0).map(({ name, help, type, values }) => {
    const lines = values.map(({ metricName = name, labels, value }) => `${metricName}${labelText(labels)} ${number(value)}\n`)
    return `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n${lines.join('')}`
  })
  return blocks.join('')
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' }

function escaped(value: string): string {
  return /[\\"\n]/.test(value) ? value.replace(/[\\"\n]/g, (one) => escapes[one]!) : value
}

function labelText(labels: Value['labels']): string {
  let pairs = ''
  for (const name in labels) pairs += `${pairs === '' ? '' : ','}${name}="${escaped(String(labels[name]))}"`
  return pairs === '' ? '' : `{${pairs}}`
}

function number(n: number): string {
  return n === Infinity ? '+Inf' : n === -Infinity ? '-Inf' : String(n)
}
