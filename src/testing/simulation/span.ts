import { callable, notNegative, positive, wrongType } from '../../core/options.ts'

/** How long something takes: ms, or a function that draws them. */
export type Span = number | ((random: () => number) => number)

/** Draws ms. */
export type Draw = (random: () => number) => number

/** Exponentially distributed: many short, few long. The service of an M/M/c queue. */
export function exponentialMs(meanMs: number): Draw {
  notNegative('exponentialMs', meanMs)
  return (random) => -Math.log(1 - random()) * meanMs
}

/** Pareto: `leastMs` at least, with a heavy tail; the mean is `leastMs·shape/(shape − 1)` for a `shape` above 1, else infinite. */
export function paretoMs(leastMs: number, shape: number): Draw {
  positive('paretoMs leastMs', leastMs)
  positive('paretoMs shape', shape)
  return (random) => leastMs * (1 - random()) ** (-1 / shape)
}

/** All between two bounds equally likely. */
export function uniformMs(leastMs: number, mostMs: number): Draw {
  notNegative('uniformMs leastMs', leastMs)
  notNegative('uniformMs mostMs', mostMs)
  return (random) => leastMs + (mostMs - leastMs) * random()
}

/** One of several spans, each with its weight: `mixedMs([98, uniformMs(1, 10)], [2, paretoMs(10, 1.9)])`. */
export function mixedMs(...parts: readonly (readonly [weight: number, span: Span])[]): Draw {
  const draws = parts.map(([weight, span]) => ({ weight: notNegative('mixedMs weight', weight), draw: drawOf('mixedMs', span) }))
  const whole = draws.reduce((sum, { weight }) => sum + weight, 0)
  const last = draws.at(-1)
  if (last === undefined) wrongType('mixedMs', 'at least one [weight, span]', undefined)
  return (random) => {
    let left = random() * whole
    return (draws.find(({ weight }) => (left -= weight) < 0) ?? last).draw(random)
  }
}

export function drawOf(option: string, span: Span): Draw {
  if (typeof span !== 'number') return callable(option, span)
  notNegative(option, span)
  return () => span
}
