import { type Panel, panel, panelSize } from './panel.ts'
import { priorities } from './priorities.ts'

/** What one variant came to, per second. */
export interface Drawn {
  readonly variant: string
  readonly series: Readonly<Record<string, readonly number[]>>
}

const gap = 14
const left = 46
const top = 44

/** Everything that is a number per second of every run; what else there is are gauges. */
const common = new Set(['offered', 'good', 'late', 'refused', 'timedOut', 'failed', 'sent', 'served', 'rejected', 'busy', 'queued', ...priorities.map((priority) => `good.${priority}`)])

/**
 * Variants side by side, as SVG that reads in light and dark: calls per second on one scale (what is sent may leave it at the top), the share answered
 * in time, by priority, and the state of the policies.
 */
export function plot(title: string, drawn: readonly Drawn[]): string {
  const top1 = Math.max(...drawn.flatMap(({ series }) => [...series['offered']!, ...series['good']!])) * 1.25
  const columns = drawn.map(({ variant, series }) => ({ variant, panels: [calls(series, top1), shares(series), ...states(series)] }))
  const rows = Math.max(...columns.map(({ panels }) => panels.length))
  const width = left + columns.length * (panelSize.width + gap)
  const height = top + rows * (panelSize.height + 34)
  const body = columns.flatMap(({ variant, panels }, column) => {
    const x = left + column * (panelSize.width + gap)
    return [
      `<text x="${x}" y="${top - 10}" class="head">${variant}</text>`,
      ...panels.map((one, row) => `<g transform="translate(${x} ${top + row * (panelSize.height + 34)})">${panel(one, column === 0)}</g>`),
    ]
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${title}">
<style>${style}</style>
<text x="${left}" y="16" class="head">${title}</text>
${body.join('\n')}
</svg>
`
}

const style = `text{font:11px system-ui,sans-serif;fill:#57606a}.head{font-weight:600;fill:#24292f}
.frame{fill:none;stroke:#d0d7de}path{fill:none;stroke-width:1.4;stroke-linejoin:round}
.c0{stroke:#8c959f}.c1{stroke:#d1242f}.c2{stroke:#1a7f37}.c3{stroke:#0969da}.c4{stroke:#bf8700}.c5{stroke:#8250df}
.t0{fill:#6e7781}.t1{fill:#d1242f}.t2{fill:#1a7f37}.t3{fill:#0969da}.t4{fill:#9a6700}.t5{fill:#8250df}
@media(prefers-color-scheme:dark){text{fill:#9198a1}.head{fill:#f0f6fc}.frame{stroke:#3d444d}
.c0{stroke:#9198a1}.c1{stroke:#ff7b72}.c2{stroke:#3fb950}.c3{stroke:#58a6ff}.c4{stroke:#d29922}.c5{stroke:#bc8cff}
.t0{fill:#9198a1}.t1{fill:#ff7b72}.t2{fill:#3fb950}.t3{fill:#58a6ff}.t4{fill:#d29922}.t5{fill:#bc8cff}}`

const calls = (series: Drawn['series'], most: number): Panel => ({
  label: 'calls/s',
  most,
  lines: [
    { name: 'offered', color: 0, values: series['offered']! },
    { name: 'sent', color: 1, values: series['sent']! },
    { name: 'served in time', color: 2, values: series['good']! },
  ],
})

function shares(series: Drawn['series']): Panel {
  const used = priorities.filter((priority) => series[`good.${priority}`] !== undefined)
  const names = used.length > 1 ? used : []
  const overall = series['good']!.map((n, second) => (series['offered']![second]! > 0 ? n / series['offered']![second]! : NaN))
  return {
    label: 'answered in time',
    most: 1,
    lines: names.length === 0 ? [{ name: 'all', color: 2, values: overall }] : names.map((name, i) => ({ name, color: [1, 4, 3, 0][i]!, values: series[`good.${name}`]! })),
  }
}

/** Gauges: those between 0 and 1 together, each other one by itself. */
function states(series: Drawn['series']): Panel[] {
  const gauges = Object.keys(series).filter((name) => !common.has(name))
  if (gauges.length === 0) return []
  const largest = (name: string): number => Math.max(...series[name]!)
  const lines = gauges.map((name, i) => {
    const scale = largest(name) > 1 ? largest(name) : 1
    return { name: scale > 1 ? `${name} (of ${Math.round(scale)})` : name, color: [5, 3, 4, 1, 2][i % 5]!, values: series[name]!.map((n) => n / scale) }
  })
  return [{ label: 'state', most: 1, lines }]
}
