import { breaker, bulkhead, constant, fallback, type Guard, pipeline, rateLimit, retry, timeout } from 'spillway'
import { recorder, type Recorder } from 'spillway/metrics'
import { type ManualClock, manualClock } from 'spillway/testing'

/** 1970 plus some. */
export const START = 1_800_000_000_000

export interface Outage {
  readonly metrics: Recorder
  readonly clock: ManualClock
  /** Calls that go well, fail, are retried, time out, are refused. */
  happen(): Promise<void>
  /** Keeps the pipelines alive. */
  readonly pipelines: readonly { readonly name: string }[]
}

/** A policy as recorders know throttles: by its type and what it shows. */
const throttle = (): Guard => Object.assign({ kind: 'guard' as const, type: 'throttle', name: 'throttle', admit: () => ({}), share: () => 0.6 }, { allow: 0.6, acceptance: 0.9 })

/** Pipelines to which everything happens that is counted. */
export function outage(name = 'quotes'): Outage {
  const clock = manualClock()
  const metrics = recorder({ now: () => START + clock.now() })
  const more = { clock, observers: [metrics], random: () => 0.5, onWarning: () => {} }
  const slots = bulkhead({ slots: 2 })
  const quotes = pipeline(name, [retry({ maxAttempts: 3, backoff: constant(10), budget: false }), breaker({ minimumThroughput: 4, slowMs: 400 }), slots, rateLimit({ permits: 100, everyMs: 1_000 }), timeout(500)], more)
  const kept = pipeline('kept', [fallback(() => 0), retry({ maxAttempts: 1 }), throttle(), bulkhead({ slots: 0, name: 'none' })], more)

  return {
    metrics,
    clock,
    pipelines: [quotes, kept],
    async happen() {
      const run = async (fails: number, ms = 20): Promise<void> => {
        const call = quotes.tryRun(({ number }) => new Promise<void>((resolve, reject) => void clock.after(ms, () => (number > fails ? resolve() : reject(new Error('down'))))))
        await clock.advance(ms + 600)
        await call
      }
      for (let i = 0; i < 8; i++) await run(0)
      await run(1)
      await run(0, 10_000)
      await kept.run(() => 1, { priority: 'low' })
      await run(9)
      await run(9)
      await run(9)
    },
  }
}
