import { known, oneOf, show } from '../../core/options.ts'
import { read, type Source, table } from '../table.ts'
import { resilience4j } from './resilience4j.ts'
import { histogramValues, type Metric } from './text.ts'

export interface PrometheusOptions {
  /** `'spillway'` (default), or `'resilience4j'`: the names of that library, for its Grafana dashboard. */
  readonly naming?: 'spillway' | 'resilience4j' | undefined
  /** Constant labels of every line, such as `{ application: 'shop' }`. Default none. */
  readonly labels?: Readonly<Record<string, string>> | undefined
}

const keys = ['naming', 'labels'] as const

/** What is exposed, read anew at each call. */
export function exposed(source: Source, options: PrometheusOptions | undefined): () => Metric[] {
  const { naming = 'spillway', labels = {} } = known('prometheus', options, keys)
  oneOf('prometheus.naming', naming, ['spillway', 'resilience4j'])
  for (const [name, value] of Object.entries(labels)) {
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) || name.startsWith('__')) throw new RangeError(`prometheus.labels must have names of letters, digits and _, got ${show(name)}`)
    if (typeof value !== 'string') throw new TypeError(`prometheus.labels.${name} must be a string, got ${show(value)}`)
  }
  const all = naming === 'spillway' ? own : resilience4j
  if (Object.keys(labels).length === 0) return () => all(source)
  return () => all(source).map((metric) => ({ ...metric, values: metric.values.map((one) => ({ ...one, labels: { ...labels, ...one.labels } })) }))
}

function own(source: Source): Metric[] {
  const { pipelines } = read(source)
  return table.flatMap(({ prometheus: name, type, help, read: samples }) => {
    if (name === undefined) return []
    const values = pipelines.flatMap(samples).flatMap(({ labels, value }) => (typeof value === 'number' ? [{ labels, value }] : histogramValues(name, labels, value)))
    return [{ name, help, type, values }]
  })
}
