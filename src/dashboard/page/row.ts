import type { Row } from '../wire.ts'
import { band } from './band.ts'
import { all, fullness, gauge, outcomeBar } from './bars.ts'
import { detail } from './detail.ts'
import { type Content, h, type VNode } from './dom.ts'
import { icon } from './icons.ts'
import type { Page } from './page.ts'
import { conditionWords, latency, none, percent, rate, span, times, whole } from './words.ts'

/** A pipeline in a line, and what is known of it below when it is unfolded. */
export function row(one: Row, page: Page): VNode {
  const unfolded = page.unfolded.has(one.id)
  const panel = `detail-${page.numberOf(one.id)}`
  return h(
    'li',
    { key: one.id, class: `row c-${one.condition}` },
    h(
      'div',
      { class: 'line', onclick: () => page.toggle(one.id) },
      h(
        'div',
        { class: 'who' },
        h('span', { class: 'what' }, icon(one.condition)),
        h(
          'button',
          { class: 'name', 'aria-expanded': String(unfolded), 'aria-controls': unfolded ? panel : undefined, 'data-row': true, onclick: (event: Event) => (event.stopPropagation(), page.toggle(one.id)) },
          h('bdi', null, one.id),
        ),
        h('p', { class: 'why' }, h('b', null, conditionWords[one.condition]), one.why === '' ? '' : ` · ${one.why}`, countdown(one)),
      ),
      h('div', { class: 'when' }, band(one.history)),
      calls(one),
      latencies(one),
      attempts(one),
      load(one),
      h('span', { class: 'fold' }, icon('chevron')),
    ),
    unfolded && h('section', { class: 'detail', id: panel, 'aria-label': `Details of ${one.id}` }, detail(one, page)),
  )
}

function countdown({ breakers }: Row): Content {
  const next = Math.min(...breakers.filter(({ state }) => state === 'open').map(({ probeInMs }) => probeInMs ?? Infinity))
  if (next === Infinity) return null
  return [' · ', h('span', { class: 'n' }, next <= 0 ? 'probe due' : `probe in ${span(Math.max(1_000, next))}`)]
}

function calls({ callsPerSecond, outcomes }: Row): VNode {
  const sum = all(outcomes)
  const good = sum === 0 ? null : (outcomes.success + outcomes.fallback) / sum
  return h(
    'div',
    { class: 'calls' },
    h('span', { class: 'n' }, h('b', null, rate(callsPerSecond)), h('i', null, '/s')),
    h('span', { class: 'n good' }, percent(good), h('span', { class: 'sr' }, ' answered well')),
    outcomeBar(outcomes),
  )
}

function latencies({ p50, p90, p99 }: Row): VNode {
  return h('div', { class: 'latency' }, percentile('p50', p50), percentile('p90', p90), percentile('p99', p99))
}

const percentile = (name: string, ms: number | null): VNode => h('span', { class: 'n' }, h('i', null, name), latency(ms))

function attempts({ amplification, retriesPerSecond }: Row): VNode {
  const high = amplification !== null && amplification >= 1.2
  return h(
    'div',
    { class: 'attempts' },
    h('span', { class: high ? 'n high' : 'n' }, h('span', { class: 'sr' }, 'attempts per call '), times(amplification)),
    h('span', { class: 'n sub' }, retriesPerSecond > 0 ? `${rate(retriesPerSecond)} retries/s` : 'no retries'),
  )
}

/** The fullest of its bulkheads and limits, and the least share that a throttle lets pass. */
function load({ loads, throttles }: Row): VNode {
  const fullest = loads.toSorted((a, b) => fullness(b) - fullness(a))[0]
  const least = throttles.toSorted((a, b) => a.allow - b.allow)[0]
  return h(
    'div',
    { class: 'load' },
    fullest && [
      h('span', { class: 'n', title: fullest.name }, h('span', { class: 'sr' }, `${fullest.name}: `), whole(fullest.active), h('i', null, fullest.limit === null ? ' in flight' : ` of ${whole(fullest.limit)}`), fullest.queued > 0 && h('i', null, ` +${whole(fullest.queued)} wait`)),
      gauge(fullness(fullest)),
    ],
    least && h('span', { class: least.allow < 1 ? 'n low' : 'n sub' }, `lets ${percent(least.allow)} pass`),
    !fullest && !least && h('span', { class: 'n sub' }, none),
  )
}
