import { historyMs } from '../wire.ts'
import { h, type VNode } from './dom.ts'
import { percent, span } from './words.ts'

const height = 60
const x = (agoMs: number): string => (300 - Math.min(1, agoMs / historyMs) * 300).toFixed(1)
const y = (share: number): string => (2 + (1 - share) * (height - 4)).toFixed(1)

/** A share as it changed over the last 15 minutes. */
export function steps(changes: readonly (readonly [agoMs: number, share: number])[], now: number): VNode {
  const first = changes[0]
  const path = `M${first === undefined ? 0 : x(first[0])} ${y(first?.[1] ?? now)}${changes.slice(1).map(([agoMs, share]) => `H${x(agoMs)}V${y(share)}`).join('')}H300`
  const lowest = Math.min(now, ...changes.map(([, share]) => share))
  const since = first === undefined ? '' : `, since ${span(Math.min(historyMs, first[0]))} ago`
  return h(
    'div',
    { class: 'steps' },
    h(
      'svg',
      { viewBox: `0 0 300 ${height}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': `Share over the last 15 minutes: ${percent(now)} now, ${percent(lowest)} at least${since}` },
      h('path', { class: 'ticks', d: `M100 0V${height}M200 0V${height}M0 2H300M0 ${height - 2}H300` }),
      h('path', { class: 'area', d: `${path}V${height}H${first === undefined ? 0 : x(first[0])}Z` }),
      h('path', { class: 'stroke', d: path }),
    ),
    h('p', { class: 'axis', 'aria-hidden': 'true' }, h('span', null, '15 min ago'), h('span', null, 'now')),
  )
}
