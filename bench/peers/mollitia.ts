import type { Maker, Subject, Work } from '../case.ts'

type Module = object
interface Circuit {
  execute(...args: unknown[]): Promise<unknown>
  on(event: string, listener: () => void): unknown
}
type Make = new (options: object) => Module

/** What is used of mollitia 0.1.1. */
export interface Mollitia {
  readonly Circuit: new (options: { func: (...args: never[]) => unknown, options?: { modules: Module[] } }) => Circuit
  readonly SlidingTimeBreaker: Make
  readonly SlidingCountBreaker: Make
  readonly Timeout: Make
  readonly Retry: Make
  readonly Bulkhead: Make
  readonly Ratelimit: Make
  readonly Fallback: Make
}

/** `slidingWindowSize` is in ms for its breaker over time. Its fallback can only change the error, so that it answers no row in which a call fails. */
export function mollitia(lib: Mollitia, version: string): Subject {
  const rule = { failureRateThreshold: 50, openStateDelay: 5_000 }
  const overTime = () => new lib.SlidingTimeBreaker({ ...rule, slidingWindowSize: 10_000, minimumNumberOfCalls: 20 })
  const overCalls = () => new lib.SlidingCountBreaker({ ...rule, slidingWindowSize: 100, minimumNumberOfCalls: 20 })
  const calm = () => new lib.SlidingCountBreaker({ ...rule, slidingWindowSize: 100, minimumNumberOfCalls: 1_000_000_000 })
  const open = () => new lib.SlidingCountBreaker({ ...rule, state: 'opened', openStateDelay: 3_600_000 })
  const timeout = () => new lib.Timeout({ delay: 1_000 })
  const retry = () => new lib.Retry({ attempts: 2, interval: 100 })
  const bulkhead = (concurrentSize = 1_000) => new lib.Bulkhead({ concurrentSize, queueSize: 0 })
  const fallback = () => new lib.Fallback({ callback: () => 'instead' })
  // Over calls: its breaker over time walks the whole window at every call.
  const five = () => [fallback(), retry(), overCalls(), bulkhead(), timeout()]
  const circuitOf = (func: Work, modules: Module[]): Circuit => new lib.Circuit({ func, options: { modules } })
  const of = (modules: () => Module[]): Maker => (work) => {
    const circuit = circuitOf(work, modules())
    return () => circuit.execute()
  }
  const heard = (modules: () => Module[]): Maker => (work) => {
    const circuit = circuitOf(work, modules())
    let count = 0
    circuit.on('success', () => count++)
    return () => circuit.execute()
  }
  return {
    name: 'mollitia',
    version,
    rows: {
      nothing: of(() => []),
      'breaker: failure ratio over time': of(() => [overTime()]),
      'breaker: failure ratio over calls': of(() => [overCalls()]),
      timeout: of(() => [timeout()]),
      retry: of(() => [retry()]),
      bulkhead: of(() => [bulkhead()]),
      fallback: of(() => [fallback()]),

      'breaker, timeout': of(() => [overCalls(), timeout()]),
      'retry, breaker': of(() => [retry(), overCalls()]),
      'retry, breaker, timeout': of(() => [retry(), overCalls(), timeout()]),
      'five: fallback, retry, breaker, bulkhead, timeout': of(five),
      // It has no throttle: five of the six.
      'six: fallback, retry, breaker, throttle, bulkhead, timeout': of(five),
      'seven: a total timeout around the six': of(() => [fallback(), timeout(), ...five().slice(1)]),

      'nothing, 100 at once': of(() => []),
      'breaker, 100 at once': of(() => [overCalls()]),
      'breaker, timeout, 100 at once': of(() => [overCalls(), timeout()]),
      'five, 100 at once': of(five),

      'breaker, failing': of(() => [calm()]),
      'breaker, timeout, failing': of(() => [calm(), timeout()]),
      'retry twice, no delay': (_work, script) => {
        const circuit = new lib.Circuit({ func: (fn: () => unknown) => fn(), options: { modules: [new lib.Retry({ attempts: 2, interval: 0 })] } })
        return () => circuit.execute(script())
      },

      'open breaker': of(() => [open()]),
      'full bulkhead': (work, script) => {
        const slots = bulkhead(1)
        void new lib.Circuit({ func: () => new Promise(() => {}), options: { modules: [slots] } }).execute()
        return of(() => [slots])(work, script)
      },
      'rate limit used up': (work, script) => {
        const limit = new lib.Ratelimit({ limitForPeriod: 1, limitPeriod: 3_600_000 })
        void new lib.Circuit({ func: async () => 1, options: { modules: [limit] } }).execute()
        return of(() => [limit])(work, script)
      },

      'breaker, one listener': heard(() => [overCalls()]),
      'five, one listener': heard(five),

      'make a breaker': (work) => () => circuitOf(work, [overTime()]),
      'make five policies': (work) => () => circuitOf(work, five()),
    },
  }
}
