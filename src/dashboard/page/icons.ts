import type { Condition, State } from '../wire.ts'
import { h, type VNode } from './dom.ts'

/** A shape of its own for each condition: colour is never the only sign. 16 × 16; `f` is filled, `s` is stroked. */
const shapes: Readonly<Record<Condition | 'pause' | 'play' | 'theme' | 'search' | 'chevron', readonly (readonly ['f' | 's', string])[]>> = {
  // A circuit that is cut: two ends with a gap.
  open: [['f', 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm-3.2 9.8-1-1 2-2 1 1Zm6.4-5.6 1 1-2 2-1-1ZM5.5 4.1l6.4 6.4-1.4 1.4-6.4-6.4Z']],
  isolated: [['f', 'M8 1a3.6 3.6 0 0 0-3.6 3.6V6.5H3.2V15h9.6V6.5h-1.2V4.6A3.6 3.6 0 0 0 8 1Zm0 1.8c1 0 1.8.8 1.8 1.8v1.9H6.2V4.6c0-1 .8-1.8 1.8-1.8Z']],
  halfOpen: [['s', 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2Z'], ['f', 'M8 2a6 6 0 0 0 0 12Z']],
  failing: [['f', 'M8 1.2 15.4 14.4H.6Zm-.9 4.6.2 4.4h1.4l.2-4.4Zm.9 5.3a.95.95 0 1 0 0 1.9.95.95 0 0 0 0-1.9Z']],
  throttled: [['s', 'M2.2 11.5a6 6 0 1 1 11.6 0'], ['s', 'M8 10.5 5.2 6.6']],
  shedding: [['s', 'M2 3h12L9.6 8.4V13l-3.2-1.6v-3Z']],
  full: [['s', 'M2.5 2.5h11v11h-11Z'], ['f', 'M4.5 4.5h7v7h-7Z']],
  degraded: [['s', 'M8 2.2 14 13.4H2Z'], ['s', 'M8 6.4v3.2M8 11.2v.6']],
  healthy: [['s', 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2Z'], ['s', 'm5.3 8.1 1.9 1.9 3.5-3.9']],
  idle: [['s', 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2Z'], ['s', 'M5.6 8h4.8']],
  pause: [['f', 'M4 3h2.8v10H4Zm5.2 0H12v10H9.2Z']],
  play: [['f', 'M4.5 2.5v11l9-5.5Z']],
  theme: [['s', 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2Z'], ['f', 'M8 2a6 6 0 0 1 0 12Z']],
  search: [['s', 'M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9Zm3.3 7.8 3.2 3.2']],
  chevron: [['s', 'm6 4 4 4-4 4']],
}

export type IconName = keyof typeof shapes

/** Decoration beside a word: hidden from screen readers. */
export function icon(name: IconName, classes = ''): VNode {
  return h(
    'svg',
    { class: `icon ${classes}`, viewBox: '0 0 16 16', 'aria-hidden': 'true' },
    shapes[name].map(([kind, d]) => h('path', { class: kind, d })),
  )
}

export const stateIcon = (state: State): IconName => (state === 'closed' ? 'healthy' : state)
