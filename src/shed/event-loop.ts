import { callable, finitePositive, known, notNegative, wrongType } from '../core/options.ts'

/** What is used of `monitorEventLoopDelay()` of `node:perf_hooks`: the mean of all delays so far, ns, and how many there were. */
export interface DelayHistogram {
  readonly mean: number
  readonly count: number
}

export interface EventLoopDelayOptions {
  /** The mean delay in ms that is a pressure of 1, over 0. Default 100. */
  readonly fullMs?: number | undefined
  /** The `resolution` the histogram was made with, ms: an idle loop reads just that. Default 10, as it is in Node. */
  readonly resolutionMs?: number | undefined
}

/**
 * Pressure from the delay of Node's event loop, for `load`: of the time since the reading before. The histogram must be enabled. It is not
 * reset, so others may look at it too: after a reset Node leaves out the delay that was going on.
 *
 * What it measures is how late its own timer comes *plus* the timer's span, so an idle loop reads 10 ms at the default resolution of 10:
 * that much is taken off.
 */
export function eventLoopDelay(histogram: DelayHistogram, options?: EventLoopDelayOptions): () => number {
  if (typeof histogram !== 'object' || histogram === null) wrongType('eventLoopDelay histogram', 'one of monitorEventLoopDelay()', histogram)
  notNegative('eventLoopDelay histogram.count', histogram.count)
  const { fullMs = 100, resolutionMs = 10 } = known('eventLoopDelay', options, ['fullMs', 'resolutionMs'])
  finitePositive('eventLoopDelay.fullMs', fullMs)
  notNegative('eventLoopDelay.resolutionMs', resolutionMs)
  let countBefore = 0
  let sumBefore = 0
  let pressure = 0
  return () => {
    const { count, mean } = histogram
    const sum = count === 0 ? 0 : mean * count
    // Somebody has reset it.
    if (count < countBefore) countBefore = sumBefore = 0
    if (count > countBefore) {
      const delayMs = (sum - sumBefore) / (count - countBefore) / 1e6 - resolutionMs
      pressure = Math.max(0, delayMs / fullMs)
    }
    countBefore = count
    sumBefore = sum
    return pressure
  }
}

/** What is used of `performance.eventLoopUtilization()`. */
export interface Utilization {
  readonly utilization: number
}

export interface EventLoopUtilizationOptions {
  /** Up to that utilization there is no pressure, from there to 1 it rises to 1: 0..1. Default 0.9. */
  readonly above?: number | undefined
}

/** Pressure from the utilization of Node's event loop, for `load`: pass `performance.eventLoopUtilization`. Of the time since the reading before. */
export function eventLoopUtilization<T extends Utilization>(read: (now?: T, before?: T) => T, options?: EventLoopUtilizationOptions): () => number {
  callable('eventLoopUtilization read', read)
  const { above = 0.9 } = known('eventLoopUtilization', options, ['above'])
  if (!(notNegative('eventLoopUtilization.above', above) < 1)) throw new RangeError(`eventLoopUtilization.above must be less than 1, got ${above}`)
  let before: T | undefined
  return () => {
    const now = read()
    const { utilization } = before === undefined ? now : read(now, before)
    before = now
    return Math.max(0, (utilization - above) / (1 - above))
  }
}
