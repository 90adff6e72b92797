import { type Command, priorities, type BreakerRow, type LoadRow, type Row, type ThrottleRow } from '../wire.ts'
import { stretches } from './band.ts'
import { fullness, gauge, outcomeRanking, ranking } from './bars.ts'
import { configuration } from './configuration.ts'
import { type Content, h, type VNode } from './dom.ts'
import { icon, stateIcon } from './icons.ts'
import { logLines } from './log.ts'
import type { Page } from './page.ts'
import { steps } from './steps.ts'
import { count, percent, span, stateWords, times, whole } from './words.ts'

const card = (title: string, classes: string, ...children: readonly Content[]): VNode => h('section', { key: title, class: `card ${classes}` }, h('h3', null, h('bdi', null, title)), ...children)

/** All that is known of one pipeline. */
export function detail(one: Row, page: Page): VNode[] {
  const inSpan = `in ${span(one.windowMs)}`
  const shed = priorities.some((name) => one.shed[name] > 0)
  return [
    ...one.breakers.map((breaker) => breakerCard(breaker, one, page)),
    card(`Calls ${inSpan}`, '', outcomeRanking(one.outcomes), h('p', { class: 'note' }, `${whole(one.calls)} since the start`)),
    card(
      `Attempts ${inSpan}`,
      '',
      h('p', { class: 'figure' }, times(one.amplification), h('small', null, 'attempts per call')),
      one.retries.length > 0 ? ranking(one.retries.map(({ what, count: n }) => ({ what, count: n, text: whole(n), classes: 'warn' }))) : h('p', { class: 'note' }, 'No retries.'),
      one.budget !== null && h('p', { class: 'note' }, `The budget has ${count(Math.floor(one.budget), 'retry', 'retries')} left.`),
      one.loads.length > 0 && h('h3', null, 'Room'),
      one.loads.map(loadLine),
    ),
    card(
      `Refused ${inSpan}, by priority`,
      '',
      shed ? ranking(priorities.map((name) => ({ what: name, count: one.shed[name], text: whole(one.shed[name]), classes: 'o-rejected' }))) : h('p', { class: 'note' }, 'Nothing refused.'),
      one.refused.length > 0 && h('p', { class: 'note' }, 'By ', one.refused.map(({ what, count: n }) => `${what} ${whole(n)}`).join(', '), '.'),
    ),
    ...one.throttles.map((throttle) => throttleCard(throttle, one, page)),
    events(one, page),
    configuration(one.id, page),
  ].filter((part): part is VNode => part !== false)
}

function loadLine(one: LoadRow): VNode {
  const { name, type, active, queued, limit } = one
  return h(
    'div',
    { key: `${type} ${name}`, class: 'loadline' },
    h('span', null, h('bdi', null, name)),
    gauge(fullness(one)),
    h('span', { class: 'n' }, `${whole(active)} of ${limit === null ? '∞' : whole(limit)}`, queued > 0 && `, ${whole(queued)} wait`),
  )
}

function breakerCard(one: BreakerRow, row: Row, page: Page): VNode {
  const { name, state, mode, reason, forMs, probeInMs, breakMs } = one
  const openings = stretches(row.history).filter((stretch) => stretch.state === 'open').length
  return card(
    `Breaker ${name === 'breaker' ? '' : name}`.trim(),
    `breaker b-${state}`,
    h('p', { class: 'figure' }, icon(stateIcon(state)), stateWords[state][0]!.toUpperCase() + stateWords[state].slice(1), forMs !== null && h('small', null, `for ${span(forMs)}`)),
    reason !== '' && h('p', { class: 'reason' }, reason),
    state === 'open' && probeInMs !== null && [
      h('p', { class: 'n probe' }, probeInMs <= 0 ? 'A probe is due: the next call decides.' : `Probe in ${span(Math.max(1_000, probeInMs))}`),
      breakMs !== null && breakMs > 0 && h('span', { class: 'countdown', 'aria-hidden': 'true' }, h('span', { vars: { '--part': String(1 - Math.min(1, probeInMs / breakMs)) } })),
    ],
    h('p', { class: 'note' }, [mode === 'enforce' ? '' : mode === 'observe' ? 'Only observes: it refuses nothing.' : 'Switched off.', openings > 0 ? `Opened ${count(openings, 'time')} in the last 15 minutes.` : 'Not opened in the last 15 minutes.'].filter(Boolean).join(' ')),
    page.frame?.control === true && h(
      'div',
      { class: 'actions' },
      state === 'isolated' ? null : act(page, row, 'Isolate', { pipeline: row.id, policy: name, action: 'isolate' }, `Refuse all calls of ${row.id} until it is closed by hand?`),
      state === 'closed' ? null : act(page, row, 'Close', { pipeline: row.id, policy: name, action: 'close' }),
    ),
  )
}

function throttleCard(one: ThrottleRow, row: Row, page: Page): VNode {
  const parts = priorities.filter((name) => one.byPriority[name] !== undefined)
  return card(
    `Throttle ${one.name === 'throttle' ? '' : one.name}`.trim(),
    'throttle',
    h('p', { class: 'figure' }, percent(one.allow), h('small', null, 'of the calls may pass')),
    steps(one.steps, one.allow),
    parts.length > 0 && ranking(parts.map((name) => ({ what: name, count: one.byPriority[name]!, text: percent(one.byPriority[name]!), classes: 'warn' }))),
    page.frame?.control === true && h(
      'form',
      {
        class: 'actions',
        onsubmit: (event: SubmitEvent) => {
          event.preventDefault()
          const share = new FormData(event.target as HTMLFormElement).get('share')
          void page.command({ pipeline: row.id, policy: one.name, action: 'allow', allow: Number(share) / 100 })
        },
      },
      h('label', null, 'Let pass ', h('input', { name: 'share', type: 'number', min: '0', max: '100', step: '1', required: true, placeholder: String(Math.round(one.allow * 100)) }), ' %'),
      h('button', { class: 'act' }, 'Set'),
    ),
  )
}

function act(page: Page, { id }: Row, text: string, command: Command, question?: string): VNode {
  return h(
    'button',
    { key: text, class: 'act', 'aria-label': `${text} ${command.policy} of ${id}`, onclick: () => (question === undefined || confirm(question)) && void page.command(command) },
    text,
  )
}

function events(one: Row, page: Page): VNode | false {
  const own = page.frame?.log.filter(({ pipeline }) => pipeline === one.id).slice(0, 8) ?? []
  return own.length > 0 && card('Events', 'events', logLines(own, page, false))
}

