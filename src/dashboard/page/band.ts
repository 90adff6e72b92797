import { type History, historyMs, type State } from '../wire.ts'
import { h, type VNode } from './dom.ts'
import { span, stateWords } from './words.ts'

const height = 28
const foot = 2

interface Stretch {
  readonly state: State
  readonly fromMs: number
  readonly toMs: number
}

/**
 * A row of the one timeline: the last 15 minutes, now at the right. Shape says the state as much as colour does: closed is a line, half-open is half
 * as high and hatched, open is full, isolated is full and hatched the other way. The calls that went wrong stand on the line as bars.
 */
export function band(history: History): VNode {
  return h(
    'div',
    { class: 'band', role: 'img', 'aria-label': `Last 15 minutes: ${saying(history)}` },
    h('svg', { viewBox: `0 0 900 ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, h('path', { class: 'ticks', d: `M300 0V${height}M600 0V${height}` }), h('path', { class: 'wrong', d: wrongs(history) })),
    stretches(history).map(({ state, fromMs, toMs }) => h('span', { class: `s-${state}`, vars: { '--from': part(fromMs), '--to': part(toMs) } })),
  )
}

/** Where on the axis, 0..1. */
const part = (agoMs: number): string => (1 - Math.min(1, agoMs / historyMs)).toFixed(4)

/** A bar for each slot in which calls went wrong: a full one when all did. */
function wrongs({ failing, slotMs, offsetMs }: History): string {
  const width = (slotMs / historyMs) * 900
  let d = ''
  for (let i = 0; i < failing.length; i++) {
    const tenths = failing[i] === 'X' ? 10 : Number(failing[i])
    if (!(tenths > 0)) continue
    const left = Math.max(0, 900 - ((offsetMs + (failing.length - i - 1) * slotMs) / historyMs) * 900)
    const right = Math.min(900, left + width)
    const high = (2 + (tenths / 10) * (height - foot - 4)).toFixed(1)
    d += `M${left.toFixed(1)} ${height - foot}v-${high}H${right.toFixed(1)}v${high}z`
  }
  return d
}

export function stretches({ states }: History): Stretch[] {
  return states.map(([agoMs, state], i) => ({ state, fromMs: Math.min(agoMs, historyMs), toMs: states[i + 1]?.[0] ?? 0 }))
}

function saying(history: History): string {
  const all = stretches(history)
  if (all.length === 0) return 'no breaker'
  const away = all.filter(({ state }) => state !== 'closed')
  if (away.length === 0) return 'closed'
  const times = (state: State): string => {
    const such = away.filter((stretch) => stretch.state === state)
    const ms = such.reduce((sum, { fromMs, toMs }) => sum + fromMs - toMs, 0)
    return such.length === 0 ? '' : `${stateWords[state]} ${such.length === 1 ? 'once' : `${such.length} times`}, ${span(ms)}`
  }
  return [times('isolated'), times('open'), times('halfOpen')].filter(Boolean).join('; ') + (all.at(-1)!.state === 'closed' ? '; closed now' : '')
}
