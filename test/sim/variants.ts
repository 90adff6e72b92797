import { breaker, type Breaker, type Clock, pipeline, type Pipeline, retry, timeout } from 'spillway'
import { recommended } from './recommended.ts'

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

export const variants: Readonly<Record<string, Variant>> = {
  naive,
  /** spillway's breaker with its defaults. */
  breaker: withBreaker(() => breaker()),
  /** As opossum works by default: half of any number of results in 10 s fail, then 30 s of rest, then one trial. */
  opossum: withBreaker(() => breaker({ failureRatio: 0.5, minimumThroughput: 1, breakMs: () => 30_000 })),
  budget,
  spillway: recommended,
}
