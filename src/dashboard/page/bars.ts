import { type LoadRow, type OutcomeName, outcomes, type Outcomes } from '../wire.ts'
import { h, type VNode } from './dom.ts'
import { outcomeWords, percent } from './words.ts'

export const all = (counts: Outcomes): number => outcomes.reduce((sum, name) => sum + counts[name], 0)

/** The outcomes of the window, side by side. */
export function outcomeBar(counts: Outcomes): VNode {
  const sum = all(counts)
  const parts = outcomes.filter((name) => counts[name] > 0)
  const said = parts.map((name) => `${outcomeWords[name]} ${percent(counts[name] / sum)}`).join(', ')
  return h(
    'span',
    { class: 'bar', role: 'img', 'aria-label': said || 'no calls', title: said || 'no calls' },
    parts.map((name) => h('span', { key: name, class: `o-${name}`, vars: { '--part': String(counts[name] / sum) } })),
  )
}

/** How full a bulkhead or limit is, 0..1 or more; 0 without a limit. */
export function fullness({ active, limit }: LoadRow): number {
  if (limit === null) return 0
  return limit === 0 ? 1 : active / limit
}

export function gauge(part: number, classes = ''): VNode {
  return h('span', { class: `gauge ${part >= 1 ? 'at-limit' : ''} ${classes}`, 'aria-hidden': 'true' }, h('span', { vars: { '--part': String(Math.min(1, part)) } }))
}

/** A list of words with counts, each with a bar that says its part of the largest. */
export function ranking(items: readonly { readonly what: string; readonly count: number; readonly text: string; readonly classes?: string }[]): VNode {
  const most = Math.max(1, ...items.map(({ count }) => count))
  return h(
    'dl',
    { class: 'ranking' },
    items.map(({ what, count, text, classes = '' }) =>
      h(
        'div',
        { key: what },
        h('dt', null, h('bdi', null, what)),
        h('dd', null, h('span', { class: `rail ${classes}`, 'aria-hidden': 'true' }, h('span', { vars: { '--part': String(count / most) } })), h('span', { class: 'n' }, text)),
      ),
    ),
  )
}

export function outcomeRanking(counts: Outcomes): VNode {
  const sum = all(counts)
  return ranking(
    outcomes.map((name: OutcomeName) => ({ what: outcomeWords[name], count: counts[name], text: counts[name] === 0 ? '0' : `${counts[name].toLocaleString('en')} · ${percent(counts[name] / sum)}`, classes: `o-${name}` })),
  )
}
