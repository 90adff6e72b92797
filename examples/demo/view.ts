import { pulse } from './pulse.ts'
import { phaseAt, phaseName, totalMs } from './script.ts'
import type { Side } from './side.ts'
import { timeline } from './timeline.ts'
import { bold, breakerTone, dim, seconds, tone } from './words.ts'

/** Shows a run while it goes on. */
export interface View {
  readonly everyMs: number
  draw(nowMs: number): void
  /** Leaves the terminal as it was. */
  end(): void
}

const width = 38
const write = (text: string): void => void process.stdout.write(text)

/** The live view: on the terminal's second screen, which keeps the first as it is. What does not fit is cut, not wrapped. */
export function liveView(sides: readonly Side[], url: string): View {
  write('\x1b[?1049h\x1b[?25l\x1b[?7l')
  let ended = false
  return {
    everyMs: 200,
    draw(nowMs) {
      const lines = [...head(nowMs, url), ...besides(sides.map((side) => panel(side, nowMs))), '', ...timeline(sides)].slice(0, process.stdout.rows)
      write(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join('\r\n')}\x1b[J`)
    },
    end() {
      if (!ended) write('\x1b[?7h\x1b[?25h\x1b[?1049l')
      ended = true
    },
  }
}

function head(nowMs: number, url: string): string[] {
  const time = `${seconds(Math.min(nowMs, totalMs))} of ${seconds(totalMs)}`
  return [bold(` the service: ${phaseName(nowMs)}`.padEnd(26)) + dim(phaseAt(nowMs).says.padEnd(37)) + time.padStart(16), dim(` in pictures: ${url}`), '']
}

function panel(side: Side, nowMs: number): string[] {
  const { breaker, calls, success, ok, p99, inFlight, requests, waiting } = pulse(side, nowMs)
  const state = breaker === 'open' ? 'OPEN' : breaker === 'halfOpen' ? 'half-open' : breaker
  const row = (name: string, text: string, paint = bold): string => `│ ${name.padEnd(18)}${paint(text.padStart(width - 22))} │`
  return [
    `┌─ ${bold(side.name)} ${'─'.repeat(width - side.name.length - 5)}┐`,
    row('breaker', state, breakerTone(breaker)),
    row('calls', calls),
    row('success', ok, tone(success)),
    row('p99', p99),
    row('in flight', inFlight),
    row('reach the service', requests),
    row('wait in its line', waiting),
    `└${'─'.repeat(width - 2)}┘`,
  ]
}

const besides = ([left = [], right = []]: readonly string[][]): string[] => left.map((line, index) => ` ${line}  ${right[index] ?? ''}`)
