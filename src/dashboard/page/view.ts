import type { Frame } from '../wire.ts'
import { type Child, h, type VNode } from './dom.ts'
import { icon } from './icons.ts'
import { logLines } from './log.ts'
import type { Page } from './page.ts'
import { row } from './row.ts'
import { choose, theme } from './theme.ts'
import { conditionWords, count, percent, rate, times, timeOfDay, whole } from './words.ts'
import type { Link } from './stream.ts'

const links: Readonly<Record<Link, string>> = { connecting: 'Connecting', live: 'Live', paused: 'Paused', stale: 'No news', lost: 'Connection lost' }

/** The whole page. */
export function view(page: Page, frame: Frame): Child[] {
  const rows = page.rows()
  return [
    head(page, frame),
    h(
      'main',
      { key: 'main' },
      h(
        'section',
        { class: 'pipelines', 'aria-labelledby': 'pipelines' },
        h('h2', { id: 'pipelines', class: 'sr' }, 'Pipelines, those first that most need attention'),
        axis(),
        h('ul', { class: 'rows' }, rows.map((one) => row(one, page))),
        beyond(page, frame, rows.length),
      ),
      h(
        'aside',
        { 'aria-labelledby': 'events' },
        h('h2', { id: 'events' }, 'Events'),
        frame.log.length === 0 ? h('p', { class: 'note' }, 'Nothing has happened yet.') : h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-labelledby': 'events' }, logLines(frame.log, page)),
      ),
    ),
    help(page),
  ]
}

function head(page: Page, frame: Frame): VNode {
  const { sum } = frame
  return h(
    'header',
    { key: 'head' },
    h(
      'div',
      { class: 'top' },
      h('h1', null, h('bdi', null, frame.title)),
      h('p', { class: sum.attention > 0 ? 'verdict trouble' : 'verdict', role: 'status' }, icon(sum.attention > 0 ? 'failing' : 'healthy'), verdict(frame)),
      h(
        'div',
        { class: 'tools' },
        h(
          'label',
          { class: 'find' },
          icon('search'),
          h('span', { class: 'sr' }, 'Search pipelines'),
          h('input', { id: 'search', type: 'search', placeholder: 'Search', autocomplete: 'off', spellcheck: 'false', oninput: (event: InputEvent) => page.find((event.target as HTMLInputElement).value) }),
          h('kbd', { 'aria-hidden': 'true' }, '/'),
        ),
        h('button', { class: 'tool', id: 'pause', 'aria-pressed': String(page.paused), title: 'Pause (p)', onclick: () => page.pause() }, icon(page.paused ? 'play' : 'pause'), h('span', null, page.paused ? 'Resume' : 'Pause')),
        h('button', { class: 'tool', id: 'theme', title: 'Light or dark (t)', 'aria-label': `Theme: ${theme()}`, onclick: () => (choose(), page.draw()) }, icon('theme')),
        h('button', { class: 'tool', id: 'keys', title: 'Keys (?)', 'aria-label': 'Keyboard', onclick: () => ((page.helping = true), page.draw()) }, '?'),
      ),
    ),
    h(
      'dl',
      { class: 'sums' },
      figure('Calls', rate(sum.callsPerSecond), '/s'),
      figure('Answered well', percent(sum.goodRatio), ''),
      figure('Amplification', times(sum.amplification), 'attempts per call', sum.amplification !== null && sum.amplification >= 1.2),
      figure('Refused', rate(sum.rejectedPerSecond), '/s'),
      figure('Pipelines', whole(sum.pipelines), ''),
      h('div', { class: `link l-${page.link}` }, h('dt', null, h('i', { class: 'dot', 'aria-hidden': 'true' }), links[page.link]), h('dd', null, timeOfDay(frame.at))),
    ),
    h('p', { class: page.told === '' ? 'told sr' : 'told', role: 'status' }, page.told),
  )
}

function figure(name: string, value: string, unit: string, high = false): VNode {
  return h('div', { key: name, class: high ? 'high' : '' }, h('dt', null, name), h('dd', null, h('b', null, value), unit === '' ? '' : ' ', h('i', null, unit)))
}

function verdict({ sum, pipelines }: Frame): string {
  if (sum.pipelines === 0) return 'No pipelines yet'
  const [first] = pipelines
  if (sum.attention === 0) return sum.pipelines === 1 ? 'All is well' : `All ${whole(sum.pipelines)} pipelines are well`
  if (sum.attention === 1 && first !== undefined) return `${first.id} needs attention: ${conditionWords[first.condition].toLowerCase()}`
  return `${whole(sum.attention)} of ${whole(sum.pipelines)} pipelines need attention`
}

/** One time axis for all rows. */
function axis(): VNode {
  return h(
    'div',
    { class: 'axisline', 'aria-hidden': 'true' },
    h('span', null, 'Pipeline'),
    h('span', { class: 'axis', id: 'axis' }, h('span', null, '15 min ago'), h('span', null, '10'), h('span', null, '5'), h('span', null, 'now'), h('output', { id: 'moment' })),
    h('span', null, 'Calls'),
    h('span', null, 'Latency'),
    h('span', null, 'Attempts'),
    h('span', null, 'Load'),
  )
}

function beyond(page: Page, { sum }: Frame, shown: number): VNode | false {
  const text =
    sum.pipelines === 0
      ? 'Pipelines appear here with their first call.'
      : shown === 0
        ? `No pipeline matches “${page.search.trim()}”.`
        : sum.matching > shown && page.search.trim() === ''
          ? `${count(sum.matching - shown, 'more pipeline')} with less need of attention. Search finds them.`
          : sum.matching > shown
            ? `${whole(sum.matching - shown)} more match.`
            : ''
  return text !== '' && h('p', { class: 'beyond', role: 'status' }, text)
}

const keys: readonly (readonly [string, string])[] = [
  ['/', 'search'],
  ['j  k', 'next and previous pipeline'],
  ['Enter', 'unfold, fold'],
  ['p', 'pause, resume'],
  ['t', 'light, dark, as the system'],
  ['Esc', 'clear the search'],
  ['?', 'these keys'],
]

function help(page: Page): VNode {
  return h(
    'dialog',
    { key: 'help', id: 'help', 'aria-labelledby': 'help-title', onclose: () => ((page.helping = false), page.draw()) },
    h('h2', { id: 'help-title' }, 'Keyboard'),
    h('dl', null, keys.map(([key, what]) => h('div', { key }, h('dt', null, key.split('  ').map((one) => h('kbd', null, one))), h('dd', null, what)))),
    h('form', { method: 'dialog' }, h('button', { class: 'act' }, 'Close')),
  )
}
