import type { PipelineSnapshot, Snapshot, StateSegment } from '../metrics/snapshot.ts'
import type { History, State } from './wire.ts'

/** A breaker that flaps for a quarter of an hour shall not fill the stream: older changes are left out. */
const mostChanges = 120
const ranks: readonly State[] = ['closed', 'halfOpen', 'open', 'isolated']

/** The last 15 minutes of a pipeline, as the page draws them. */
export function historyOf({ policies, past }: PipelineSnapshot, { at }: Snapshot): History {
  const histories = policies.flatMap(({ breaker }) => (breaker === undefined ? [] : [breaker.history]))
  const steps = past.calls.map((calls, i) => (calls === 0 ? '-' : tenths(past.bad[i]! / calls)))
  return {
    states: worst(histories).slice(-mostChanges).map(([since, state]) => [Math.max(0, Math.round(at - since)), state]),
    slotMs: past.stepMs,
    offsetMs: Math.round(at - (past.from + (past.calls.length - 1) * past.stepMs)),
    failing: steps.join(''),
  }
}

/** A little is not nothing, and much is not all. */
function tenths(part: number): string {
  if (part === 0) return '0'
  return part === 1 ? 'X' : String(Math.min(9, Math.max(1, Math.round(part * 10))))
}

/** The worst state of several breakers, by when it began. */
export function worst(histories: readonly (readonly StateSegment[])[]): (readonly [since: number, state: State])[] {
  const moments = [...new Set(histories.flat().map(({ from }) => from))].toSorted((a, b) => a - b)
  const found: (readonly [number, State])[] = []
  const places = histories.map(() => 0)
  for (const moment of moments) {
    let rank = -1
    histories.forEach((history, i) => {
      while (places[i]! + 1 < history.length && history[places[i]! + 1]!.from <= moment) places[i]!++
      const segment = history[places[i]!]
      if (segment !== undefined && segment.from <= moment) rank = Math.max(rank, ranks.indexOf(segment.state))
    })
    const state = ranks[rank]
    if (state !== undefined && state !== found.at(-1)?.[1]) found.push([moment, state])
  }
  return found
}
