import { callable, wrongType } from '../../core/options.ts'
import type { Source } from '../table.ts'
import { exposed, type PrometheusOptions } from './metrics.ts'
import { type Metric, text } from './text.ts'

export type { Source } from '../table.ts'
export type { PrometheusOptions } from './metrics.ts'

/** The content type of {@link exposition}. */
export const contentType = 'text/plain; version=0.0.4; charset=utf-8'

/**
 * What a recorder knows, in Prometheus' text format 0.0.4, for whoever answers `/metrics`.
 *
 * @throws RangeError, TypeError for an option out of its range
 */
export function exposition(metrics: Source, options?: PrometheusOptions): string {
  return text(exposed(metrics, options)())
}

/** Answers a scrape: a handler of web requests. Options as {@link exposition}; they are checked at once. */
export function scrape(metrics: Source, options?: PrometheusOptions): (request?: Request) => Response {
  const read = exposed(metrics, options)
  return () => new Response(text(read()), { headers: { 'content-type': contentType } })
}

/** As much of prom-client's `Registry` as is needed. */
export interface Registry {
  registerMetric(metric: never): void
}

/**
 * Adds what a recorder knows to a registry of prom-client: read at each scrape, nothing per call. Options as {@link exposition}.
 * `labels` are better left to the registry's `setDefaultLabels`.
 */
export function collect(metrics: Source, registry: Registry, options?: PrometheusOptions): void {
  const { registerMetric } = (registry ?? {}) as Partial<Registry>
  if (registerMetric === undefined) wrongType('registry', "a Registry of prom-client, such as client.register", registry)
  callable('registry.registerMetric', registerMetric)
  const read = exposed(metrics, options)
  let latest: { readonly at: object; readonly byName: ReadonlyMap<string, Metric> } | undefined
  /** One reading for all the metrics of a scrape: they are asked in one turn. */
  const now = (): ReadonlyMap<string, Metric> => {
    if (latest === undefined) {
      latest = { at: {}, byName: new Map(read().map((metric) => [metric.name, metric])) }
      queueMicrotask(() => (latest = undefined))
    }
    return latest.byName
  }
  for (const { name, help, type } of read()) registry.registerMetric(new Collected(name, help, type, () => now().get(name)?.values ?? []) as never)
}

/** A metric as a registry of prom-client asks for it. */
class Collected {
  readonly aggregator = 'sum'
  constructor(
    /** A registry in OpenMetrics format takes `_total` off. */
    public name: string,
    readonly help: string,
    readonly type: Metric['type'],
    readonly values: () => Metric['values'],
  ) {}

  get(): Promise<object> {
    const { name, help, type, aggregator } = this
    return Promise.resolve({ name, help, type, aggregator, values: [...this.values()] })
  }

  /** `registry.resetMetrics()`: the recorder's counts stay. */
  reset(): void {}
}
