import type { LogLine, Tone } from '../wire.ts'
import { h, type VNode } from './dom.ts'
import { icon, type IconName } from './icons.ts'
import type { Page } from './page.ts'
import { timeOfDay } from './words.ts'

const icons: Readonly<Record<Tone, IconName>> = { bad: 'failing', warn: 'degraded', good: 'healthy', plain: 'idle' }
const words: Readonly<Record<Tone, string>> = { bad: 'Trouble: ', warn: 'Warning: ', good: 'Recovered: ', plain: '' }

/** What happened, newest first. */
export function logLines(lines: readonly LogLine[], page: Page, named = true): VNode {
  const at = page.frame?.at ?? 0
  return h(
    'ol',
    { class: 'log' },
    lines.map(({ id, agoMs, pipeline, tone, text }) =>
      h(
        'li',
        { key: String(id), class: `t-${tone}` },
        h('time', null, timeOfDay(at - agoMs)),
        icon(icons[tone]),
        h('span', null, h('span', { class: 'sr' }, words[tone]), named && pipeline !== '' && h('b', null, h('bdi', null, pipeline)), named && pipeline !== '' ? ' ' : '', text),
      ),
    ),
  )
}
