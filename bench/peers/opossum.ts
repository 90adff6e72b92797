import type { Maker, Subject, Work } from '../case.ts'

interface Circuit {
  fire(...args: unknown[]): Promise<unknown>
  open(): void
  shutdown(): void
  on(event: string, listener: () => void): unknown
  fallback(fn: () => unknown): this
}

/** What is used of opossum 10. */
export type Opossum = new (action: (...args: never[]) => unknown, options: object) => Circuit

// What its documentation advises where speed counts: no percentiles, no snapshots. It counts over time only.
const lean = { timeout: false, errorThresholdPercentage: 50, rollingCountTimeout: 10_000, resetTimeout: 5_000, volumeThreshold: 20, rollingPercentilesEnabled: false, enableSnapshots: false }
const timed = { ...lean, timeout: 1_000 }
const calm = { volumeThreshold: Number.MAX_SAFE_INTEGER }

export function opossum(Breaker: Opossum, version: string): Subject {
  const of = (options: object, prepare: (circuit: Circuit) => void = () => {}): Maker => (work: Work) => {
    // It writes into what it is given.
    const circuit = new Breaker(work, { ...options })
    prepare(circuit)
    return () => circuit.fire()
  }
  return {
    name: 'opossum',
    version,
    rows: {
      'breaker: failure ratio over time': of(lean),
      'breaker, timeout': of(timed),
      // What it has of the six: breaker, slots, timeout and fallback.
      'six: fallback, retry, breaker, throttle, bulkhead, timeout': of({ ...timed, capacity: 1_000 }, (circuit) => circuit.fallback(() => 'instead')),
      'breaker, 100 at once': of(lean),
      'breaker, timeout, 100 at once': of(timed),
      'breaker, failing': of({ ...lean, ...calm }),
      'breaker, timeout, failing': of({ ...timed, ...calm }),
      'fallback answers': of({ ...lean, ...calm }, (circuit) => circuit.fallback(() => 'instead')),
      'open breaker': of({ ...lean, resetTimeout: 3_600_000 }, (circuit) => circuit.open()),
      'full bulkhead': of({ ...lean, ...calm, capacity: 0 }),

      'breaker, one listener': of(lean, (circuit) => {
        let heard = 0
        circuit.on('success', () => heard++)
      }),
      // It keeps a timer until it is shut down.
      'make a breaker': (work) => () => {
        const circuit = new Breaker(work, { ...lean })
        circuit.shutdown()
        return circuit
      },
    },
  }
}
