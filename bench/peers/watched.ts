import type { Subject } from '../case.ts'
import type { Library } from './spillway.ts'

export type Metrics = typeof import('spillway/metrics')

/** spillway with a recorder: the rows in which the same without one stands beside it. */
export function watched({ breaker, bulkhead, fallback, pipeline, retry, timeout }: Library, { recorder }: Metrics, version: string): Subject {
  const metrics = recorder()
  return {
    name: 'metrics on',
    version,
    rows: {
      'breaker, metrics': (work) => {
        const p = pipeline('bench', [breaker()], { observers: [metrics] })
        return () => p.run(work)
      },
      'five, metrics': (work) => {
        const p = pipeline('bench', [fallback(() => 'instead'), retry(), breaker(), bulkhead({ slots: 1_000 }), timeout(1_000)], { observers: [metrics] })
        return () => p.run(work)
      },
    },
  }
}
