import type { Maker, Subject } from '../case.ts'

interface Policy {
  execute(fn: (context: { readonly signal: AbortSignal }) => unknown, signal?: AbortSignal): Promise<unknown>
  onSuccess?(listener: () => void): unknown
}

/** What is used of cockatiel 4. */
export interface Cockatiel {
  readonly handleAll: object
  readonly CircuitState: { readonly Open: number }
  readonly TimeoutStrategy: { readonly Aggressive: string }
  readonly CountBreaker: new (options: { threshold: number, size: number }) => object
  readonly ConsecutiveBreaker: new (failures: number) => object
  readonly SamplingBreaker: new (options: { threshold: number, duration: number, minimumRps?: number }) => object
  readonly ConstantBackoff: new (ms: number) => object
  readonly ExponentialBackoff: new () => object
  circuitBreaker(policy: object, options: { halfOpenAfter: number, breaker: object, initialState?: object }): Policy
  timeout(ms: number, options: { strategy: string, abortOnReturn: boolean }): Policy
  retry(policy: object, options: { maxAttempts: number, backoff: object }): Policy
  bulkhead(slots: number, queue?: number): Policy
  fallback(policy: object, value: unknown): Policy
  readonly wrap: (...policies: Policy[]) => Policy
  readonly noop: Policy
}

const of = (make: () => Policy): Maker => (work) => {
  const policy = make()
  return () => policy.execute(work)
}

const heard = (make: () => Policy): Maker => (work) => {
  const policy = make()
  let count = 0
  policy.onSuccess!(() => count++)
  return () => policy.execute(work)
}

/** Timeouts are the ones that answer in time whatever the function does (`Aggressive`), without the abort of every call that succeeds. */
export function cockatiel(lib: Cockatiel, version: string): Subject {
  const { handleAll, wrap, SamplingBreaker, CountBreaker, ConsecutiveBreaker, ConstantBackoff, ExponentialBackoff } = lib
  const breaker = (rule: object = new SamplingBreaker({ threshold: 0.5, duration: 10_000 })) =>
    lib.circuitBreaker(handleAll, { halfOpenAfter: 5_000, breaker: rule })
  const calm = () => breaker(new SamplingBreaker({ threshold: 0.5, duration: 10_000, minimumRps: 1_000_000_000 }))
  const timeout = () => lib.timeout(1_000, { strategy: lib.TimeoutStrategy.Aggressive, abortOnReturn: false })
  const retry = () => lib.retry(handleAll, { maxAttempts: 2, backoff: new ExponentialBackoff() })
  const fallback = () => lib.fallback(handleAll, 'instead')
  const five = (gate: Policy = breaker()) => wrap(fallback(), retry(), gate, lib.bulkhead(1_000), timeout())
  const open = () => {
    const initialState = { ownState: { value: lib.CircuitState.Open, openedAt: Date.now(), attemptNo: 1 }, breakerState: 1 }
    return lib.circuitBreaker(handleAll, { halfOpenAfter: 3_600_000, breaker: new ConsecutiveBreaker(1), initialState })
  }
  const full = () => {
    const slots = lib.bulkhead(1)
    void slots.execute(() => new Promise<void>(() => {}))
    return slots
  }
  return {
    name: 'cockatiel',
    version,
    rows: {
      nothing: of(() => lib.noop),
      'breaker: failure ratio over time': of(breaker),
      'breaker: failure ratio over calls': of(() => breaker(new CountBreaker({ threshold: 0.5, size: 100 }))),
      'breaker: failures in a row': of(() => breaker(new ConsecutiveBreaker(5))),
      timeout: of(timeout),
      retry: of(retry),
      bulkhead: of(() => lib.bulkhead(10)),
      fallback: of(fallback),

      'breaker, timeout': of(() => wrap(breaker(), timeout())),
      'retry, breaker': of(() => wrap(retry(), breaker())),
      'retry, breaker, timeout': of(() => wrap(retry(), breaker(), timeout())),
      'five: fallback, retry, breaker, bulkhead, timeout': of(five),
      // It has no throttle: five of the six.
      'six: fallback, retry, breaker, throttle, bulkhead, timeout': of(five),
      'seven: a total timeout around the six': of(() => wrap(fallback(), timeout(), retry(), breaker(), lib.bulkhead(1_000), timeout())),

      'nothing, 100 at once': of(() => lib.noop),
      'breaker, 100 at once': of(breaker),
      'breaker, timeout, 100 at once': of(() => wrap(breaker(), timeout())),
      'five, 100 at once': of(five),

      'breaker, failing': of(calm),
      'breaker, timeout, failing': of(() => wrap(calm(), timeout())),
      'fallback answers': of(fallback),
      'retry twice, no delay': (_work, script) => {
        const policy = lib.retry(handleAll, { maxAttempts: 2, backoff: new ConstantBackoff(0) })
        return () => policy.execute(script())
      },

      'open breaker': of(open),
      'five with an open breaker': (work) => {
        // A fallback inside the retry: outside, every refusal would be retried, after a delay.
        const policy = wrap(retry(), fallback(), open(), lib.bulkhead(1_000), timeout())
        return () => policy.execute(work)
      },
      'full bulkhead': of(full),

      'breaker, one listener': heard(breaker),
      'five, one listener': heard(five),
      'five, signal read': (work) => {
        const policy = five()
        return () => policy.execute(({ signal }) => work(signal))
      },
      'five, caller has a signal': (work) => {
        const policy = five()
        const { signal } = new AbortController()
        return () => policy.execute(work, signal)
      },

      'make a breaker': () => breaker,
      'make five policies': () => () => five(),
      // It has no such thing: what its users write.
      'find one of 1 000 keys and call': (work) => {
        const all = Array.from({ length: 1_000 }, (_, n) => [`tenant-${n}`, breaker()] as const)
        const map = new Map(all)
        let at = 0
        return () => map.get(all[(at = (at + 7) % 1_000)]![0])!.execute(work)
      },
    },
  }
}
