import { bars, lines } from './chart.ts'
import { round } from './report.ts'
import type { Results } from './results.ts'
import { median } from './statistics.ts'

/** The pictures of a run, each with its name. */
export function chartsOf({ measured, growth = [], node }: Results): [name: string, svg: string][] {
  const shown = ['breaker: failure ratio over time', 'timeout', 'breaker, timeout', 'five: fallback, retry, breaker, bulkhead, timeout', 'five, 100 at once', 'open breaker']
  const charts: [string, string][] = []
  const picked = shown.map((name) => ({
    name,
    bars: measured.filter(({ row }) => row === name).map(({ subject, samples }) => ({ label: subject, value: median(samples), said: `${round(median(samples))} ns` })),
  })).filter((group) => group.bars.length > 0)
  if (picked.length > 0) charts.push(['overhead', bars(`ns per call, Node ${node} (logarithmic)`, picked)])
  for (const [name, of] of [['window', 'samples in the window'], ['keys', 'keys'], ['in-flight', 'calls in flight']] as const) {
    const some = growth.filter((series) => series.of === of)
    if (some.length > 0) charts.push([name, lines(`ns per call, Node ${node}`, of, some.map((series) => ({ name: series.name, points: series.points.map(({ x, ns }) => ({ x, y: ns })) })))])
  }
  return charts
}
