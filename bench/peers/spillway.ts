import type { Breaker, Policy } from 'spillway'
import type { Maker, Subject, Work } from '../case.ts'

export type Library = typeof import('spillway')

/** spillway, as its dist or the dist of another revision is. */
export function spillway(lib: Library, name: string, version: string): Subject {
  const { adaptiveLimit, breaker, bulkhead, constant, fallback, keyed, park, pipeline, rateLimit, retry, shed, throttle, timeout } = lib
  const instead = () => fallback(() => 'instead')
  const calm = () => breaker({ minimumThroughput: 1_000_000_000 })
  const five = (gate: Breaker = breaker()): Policy[] => [instead(), retry(), gate, bulkhead({ slots: 1_000 }), timeout(1_000)]
  const six = (): Policy[] => [instead(), retry(), breaker(), throttle({ allow: 1 }), bulkhead({ slots: 1_000 }), timeout(1_000)]
  const run = (policies: () => Policy[]): Maker => (work) => {
    const p = pipeline('bench', policies())
    return () => p.run(work)
  }
  const tryRun = (policies: () => Policy[]): Maker => (work) => {
    const p = pipeline('bench', policies())
    return () => p.tryRun(work)
  }
  const heard = (policies: () => Policy[]): Maker => (work) => {
    const p = pipeline('bench', policies())
    let count = 0
    p.on('call.settled', () => count++)
    return () => p.run(work)
  }
  const open = (): Breaker => {
    const gate = breaker({ breakMs: 3_600_000 })
    gate.open()
    return gate
  }
  const full = (slots: Policy): Policy => {
    void pipeline('full', [slots]).run(() => new Promise<void>(() => {}))
    return slots
  }
  const usedUp = (): Policy => {
    const limit = rateLimit({ permits: 1, everyMs: 3_600_000 })
    void pipeline('used up', [limit]).run(() => 1)
    return limit
  }
  const ofKeys = () => {
    const k = keyed(() => pipeline('bench', [breaker()]), { max: 1_000 })
    const keys = Array.from({ length: 1_000 }, (_, n) => `tenant-${n}`)
    for (const key of keys) void k.run(key, () => 0)
    let at = 0
    return { k, next: () => keys[(at = (at + 7) % 1_000)]! }
  }
  return {
    name,
    version,
    rows: {
      nothing: run(() => []),
      'breaker: failure ratio over time': run(() => [breaker()]),
      'breaker: failure ratio over time, told': tryRun(() => [breaker()]),
      'breaker: failure ratio over calls': run(() => [breaker({ windowCalls: 100 })]),
      'breaker: failures in a row': run(() => [breaker({ consecutive: 5, minimumThroughput: Infinity })]),
      timeout: run(() => [timeout(1_000)]),
      retry: run(() => [retry()]),
      bulkhead: run(() => [bulkhead({ slots: 10 })]),
      'adaptive limit': run(() => [adaptiveLimit()]),
      'throttle: a set share': run(() => [throttle({ allow: 1 })]),
      'throttle: adaptive': run(() => [throttle({ adaptive: true })]),
      shed: run(() => [shed({ load: () => 0.1 })]),
      park: (work) => {
        // It warns: alone it has nothing to wait for.
        const p = pipeline('bench', [park()], { onWarning() {} })
        return () => p.run(work)
      },
      'rate limit': run(() => [rateLimit({ permits: 1_000_000_000, everyMs: 1_000 })]),
      fallback: run(() => [instead()]),

      'breaker, timeout': run(() => [breaker(), timeout(1_000)]),
      'park, breaker: a class that might wait': run(() => [park({ classes: ['normal'] }), breaker()]),
      'retry, breaker': run(() => [retry(), breaker()]),
      'retry, breaker, timeout': run(() => [retry(), breaker(), timeout(1_000)]),
      'five: fallback, retry, breaker, bulkhead, timeout': run(five),
      'six: fallback, retry, breaker, throttle, bulkhead, timeout': run(six),
      'seven: a total timeout around the six': run(() => [instead(), timeout(3_500), ...six().slice(1)]),

      'nothing, 100 at once': run(() => []),
      'breaker, 100 at once': run(() => [breaker()]),
      'breaker, timeout, 100 at once': run(() => [breaker(), timeout(1_000)]),
      'five, 100 at once': run(five),

      'breaker, failing': run(() => [calm()]),
      'breaker, failing, told': tryRun(() => [calm()]),
      'breaker, timeout, failing': run(() => [calm(), timeout(1_000)]),
      'fallback answers': run(() => [instead()]),
      'retry twice, no delay': (_work, script) => {
        const p = pipeline('bench', [retry({ maxAttempts: 3, backoff: constant(0), budget: false })])
        return () => p.run(script())
      },

      'open breaker': run(() => [open()]),
      'open breaker, told': tryRun(() => [open()]),
      'five with an open breaker': run(() => five(open())),
      'full bulkhead': run(() => [full(bulkhead({ slots: 1 }))]),
      'full bulkhead, told': tryRun(() => [full(bulkhead({ slots: 1 }))]),
      'adaptive limit that is full': run(() => [full(adaptiveLimit({ min: 1, max: 1 }))]),
      'rate limit used up': run(() => [usedUp()]),
      'throttle that lets nothing pass': run(() => [throttle({ allow: 0 })]),
      'shed that is under pressure': run(() => [shed({ load: () => 0.9 })]),
      'park without room': run(() => [park({ classes: ['normal'], queue: 0 }), shed({ load: () => 0.9 })]),

      'breaker, metrics': run(() => [breaker()]),
      'five, metrics': run(five),
      'breaker, one listener': heard(() => [breaker()]),
      'five, one listener': heard(five),
      'five, an observer': (work) => {
        let sum = 0
        const p = pipeline('bench', five(), { observers: [{ callSettled: (_call, _outcome, { settledAt }) => (sum += settledAt) }] })
        return () => p.run(work)
      },
      'five, signal read': (work) => {
        const p = pipeline('bench', five())
        return () => p.run(({ signal }) => work(signal))
      },
      'five, caller has a signal': (work) => {
        const p = pipeline('bench', five())
        const { signal } = new AbortController()
        return () => p.run(work, { signal })
      },

      'make a breaker': () => () => pipeline('bench', [breaker()]),
      'make five policies': () => () => pipeline('bench', five()),
      'find one of 1 000 keys': () => {
        const { k, next } = ofKeys()
        return () => k.get(next())
      },
      'find one of 1 000 keys and call': (work: Work) => {
        const { k, next } = ofKeys()
        return () => k.run(next(), work)
      },
    },
  }
}
