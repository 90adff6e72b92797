import { breaker, type Breaker, bulkhead, type BulkheadOptions, type Clock, pipeline, type Pipeline, retry, retryBudget, timeout } from 'spillway'
import { balancing, type Choice } from './balancing.ts'
import { hedging } from './hedging.ts'
import { parkingAtOnce } from './parking.ts'
import { recommended, recommendedParking } from './recommended.ts'

/** What a scenario's dependency calls for, the same for every variant. */
export interface Limits {
  /** The timeout of an attempt. */
  readonly timeoutMs: number
  /** The first attempt included. */
  readonly maxAttempts: number
}

/** Read once per second, averaged over the fleet, and shown in plots. */
export type Gauges = Readonly<Record<string, () => number>>

export interface Made {
  readonly pipeline: Pipeline
  readonly gauges?: Gauges
}

/** One way of calling a dependency. */
export type Variant = (surroundings: { readonly clock: Clock; readonly random: () => number }, limits: Limits) => Made

/** Retries without a budget and a timeout: what most services have. */
const naive: Variant = (surroundings, { timeoutMs, maxAttempts }) => ({
  pipeline: pipeline('sim', [retry({ maxAttempts, budget: false }), timeout(timeoutMs)], surroundings),
})

const broken = (one: Breaker): Gauges => ({ open: () => (one.state === 'closed' ? 0 : 1) })

/** The same, with the book's breaker around each attempt. */
const withBreaker = (make: () => Breaker): Variant => (surroundings, { timeoutMs, maxAttempts }) => {
  const one = make()
  return { pipeline: pipeline('sim', [retry({ maxAttempts, budget: false }), one, timeout(timeoutMs)], surroundings), gauges: broken(one) }
}

/** A retry budget and nothing else. */
const budget: Variant = (surroundings, { timeoutMs, maxAttempts }) => ({
  pipeline: pipeline('sim', [retry({ maxAttempts }), timeout(timeoutMs)], surroundings),
})

/** A retry budget without a floor. */
const budget0: Variant = (surroundings, { timeoutMs, maxAttempts }) => ({
  pipeline: pipeline('sim', [retry({ maxAttempts, budget: retryBudget({ minPerSecond: 0 }) }), timeout(timeoutMs)], surroundings),
})

/** Ten slots, and a queue before them. */
const queued = (order: BulkheadOptions['order']): Variant => (surroundings) => ({
  pipeline: pipeline('sim', [bulkhead({ slots: 10, queue: Infinity, order })], surroundings),
})

/** The book's breaker, and low calls that wait for it to close. */
const parkAtOnce: Variant = (surroundings, { timeoutMs, maxAttempts }) => {
  const one = breaker({ maxBreakMs: 10_000 })
  return { pipeline: pipeline('sim', [retry({ maxAttempts }), parkingAtOnce(one), one, timeout(timeoutMs)], surroundings), gauges: broken(one) }
}

/** A balancer of the lab's own, over ten endpoints; one retry goes wherever it says. */
const balanced = (choice: Choice): Variant => (surroundings, { timeoutMs }) => ({
  pipeline: pipeline('sim', [retry({ maxAttempts: choice === 'ejecting' ? 2 : 1 }), balancing(choice, 10, surroundings.random), timeout(timeoutMs)], surroundings),
})

export const variants: Readonly<Record<string, Variant>> = {
  naive,
  /** spillway's breaker with its defaults. */
  breaker: withBreaker(() => breaker()),
  /** As opossum works by default: half of any number of results in 10 s fail, then 30 s of rest, then one trial. */
  opossum: withBreaker(() => breaker({ failureRatio: 0.5, minimumThroughput: 1, breakMs: () => 30_000 })),
  budget,
  'budget-0': budget0,
  'queue-fifo': queued('fifo'),
  'queue-lifo': queued('lifo'),
  'queue-adaptive': queued('adaptive'),
  'park-at-once': parkAtOnce,
  'round-robin': balanced('round-robin'),
  'least-loaded': balanced('least-loaded'),
  ejecting: balanced('ejecting'),
  bare: (surroundings) => ({ pipeline: pipeline('sim', [], surroundings) }),
  hedging: (surroundings) => ({ pipeline: pipeline('sim', [hedging(10, 0.05)], surroundings) }),
  spillway: recommended,
  'spillway-park': recommendedParking,
}
