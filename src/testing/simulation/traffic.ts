import { priorities, type Priority } from '../../core/attempt.ts'
import { callable, known, notNegative, oneOf } from '../../core/options.ts'
import type { Agenda } from './agenda.ts'

export interface SimTraffic {
  /** How many calls start per second, over all clients: a number from 0 on, or a function of the time (ms), looked at every 100 ms. */
  readonly perSecond: number | ((atMs: number) => number)
  /** The share of each priority, as weights: `{ critical: 1, low: 9 }`. Default: all are `normal`. */
  readonly priorities?: Partial<Readonly<Record<Priority, number>>> | undefined
  /** `'poisson'` (default): as many independent users call. `'even'`: at equal distances. */
  readonly arrivals?: 'poisson' | 'even' | undefined
}

/** One call that the traffic makes. */
export interface SimCall {
  readonly priority: Priority
  /** When it starts, ms. */
  readonly at: number
  /** Counts from 1 on. */
  readonly number: number
}

const SLICE_MS = 100

/** Makes calls from now on until `endMs`. */
export function arrive(said: SimTraffic, agenda: Agenda, random: () => number, endMs: number, call: (priority: Priority) => void): void {
  const { perSecond, priorities: weights = { normal: 1 }, arrivals = 'poisson' } = known('traffic', said, ['perSecond', 'priorities', 'arrivals'])
  oneOf('traffic.arrivals', arrivals, ['poisson', 'even'])
  const rate = typeof perSecond === 'number' ? (): number => perSecond : callable('traffic.perSecond', perSecond)
  const pick = picker(known('traffic.priorities', weights, priorities))

  /** The next arrival: the rate, which stands still within a slice, has summed up to one more unit. */
  const next = (fromMs: number): void => {
    let left = arrivals === 'even' ? 1 : -Math.log(1 - random())
    for (let at = fromMs; at < endMs; ) {
      const end = (Math.floor(at / SLICE_MS + 1e-9) + 1) * SLICE_MS
      const perMs = notNegative('traffic.perSecond', rate(at)) / 1_000
      const most = (end - at) * perMs
      if (left < most) {
        const due = at + left / perMs
        if (due < endMs) agenda.at(due, () => (call(pick(random)), next(due)))
        return
      }
      left -= most
      at = end
    }
  }
  next(agenda.clock.now())
}

function picker(weights: Partial<Record<Priority, number>>): (random: () => number) => Priority {
  const classes = priorities.filter((priority) => notNegative('traffic.priorities', weights[priority] ?? 0) > 0)
  const whole = classes.reduce((sum, priority) => sum + weights[priority]!, 0)
  const [first = 'normal'] = classes
  if (classes.length < 2) return () => first
  return (random) => {
    let left = random() * whole
    return classes.find((priority) => (left -= weights[priority]!) < 0) ?? first
  }
}
