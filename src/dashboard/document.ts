import { script, style } from './page.generated.ts'
import { type Frame, outcomes, type Row } from './wire.ts'

/**
 * The page: style and script are in it, and the picture of now as a table, for who runs no script and until the stream begins.
 */
export function documentOf(frame: Frame): string {
  const title = escape(frame.title)
  return [
    '<!doctype html><html lang="en" data-theme="system"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    `<title>${title}</title><link rel="icon" href="data:,"><noscript><meta http-equiv="refresh" content="5"></noscript><style>${style}</style></head>`,
    `<body><div id="app"><main class="plain"><h1>${title}</h1>${table(frame)}${log(frame)}</main></div><script>${script}</script></body></html>`,
  ].join('')
}

type Cell = readonly [head: string, text: (row: Row) => string]

const cells: readonly Cell[] = [
  ['Condition', ({ condition, why }) => (why === '' ? words(condition) : `${words(condition)}: ${why}`)],
  ['Calls/s', ({ callsPerSecond }) => callsPerSecond.toFixed(1)],
  ['Outcomes', (row) => outcomes.filter((name) => row.outcomes[name] > 0).map((name) => `${row.outcomes[name]} ${name}`).join(', ') || 'none'],
  ['p50, p90, p99', ({ p50, p90, p99 }) => [p50, p90, p99].map((ms) => (ms === null ? '–' : `${Math.round(ms)} ms`)).join(', ')],
  ['Attempts per call', ({ amplification }) => amplification?.toFixed(2) ?? '–'],
  ['Breakers', ({ breakers }) => breakers.map(({ name, state, probeInMs }) => `${name} ${words(state)}${state === 'open' && probeInMs !== null ? `, probe in ${Math.ceil(probeInMs / 1_000)} s` : ''}`).join('; ')],
  ['Load', ({ loads, throttles }) => [...loads.map(({ name, active, limit }) => `${name} ${active} of ${limit ?? '∞'}`), ...throttles.map(({ name, allow }) => `${name} lets ${Math.round(allow * 100)} % pass`)].join('; ')],
]

function table({ pipelines, sum, at }: Frame): string {
  const head = ['Pipeline', ...cells.map(([name]) => name)].map((name) => `<th scope="col">${name}</th>`).join('')
  const rows = pipelines.map((row) => `<tr><th scope="row"><bdi>${escape(row.id)}</bdi></th>${cells.map(([, text]) => `<td>${escape(text(row))}</td>`).join('')}</tr>`)
  const caption = `${sum.attention} of ${sum.pipelines} pipelines need attention at ${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`
  return `<table><caption>${caption}</caption><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table>`
}

function log({ log: lines, at }: Frame): string {
  const items = lines.slice(0, 30).map(({ agoMs, pipeline, text }) => `<li>${new Date(at - agoMs).toISOString().slice(11, 19)} <b><bdi>${escape(pipeline)}</bdi></b> ${escape(text)}</li>`)
  return items.length === 0 ? '' : `<h2>Events</h2><ol>${items.join('')}</ol>`
}

const words = (name: string): string => (name === 'halfOpen' ? 'half-open' : name)

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Text that says itself, in an element or a quoted attribute. */
export function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (sign) => entities[sign]!)
}
