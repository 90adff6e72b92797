import { adaptiveLimit, type Breaker, breaker, bulkhead, fallback, type Pipeline, pipeline, retry, shed, throttle, timeout } from 'spillway'
import { recorder, type Recorder } from 'spillway/metrics'
import { type ManualClock, manualClock, seededRandom } from 'spillway/testing'

/** A dependency, and how often it is called. */
export interface Dependency {
  readonly name: string
  readonly pipeline: Pipeline<unknown>
  perSecond: number
  workMs: number
  failing: number
  /** How many it can work on at a time; beyond, it says 503. */
  capacity: number
}

/** Some services of a shop and what they depend on, on a clock that the test moves. */
export interface Shop {
  readonly metrics: Recorder
  readonly clock: ManualClock
  readonly of: Readonly<Record<string, Dependency>>
  readonly warehouseBreaker: Breaker
  /** Lets so many seconds pass, with their calls. */
  run(seconds: number): Promise<void>
}

const stepMs = 100
const priorities = ['critical', 'high', 'normal', 'normal', 'low'] as const

export function openShop(): Shop {
  const clock = manualClock()
  const random = seededRandom(11)
  const metrics = recorder({ now: () => Date.UTC(2026, 10, 27, 11, 45) + clock.now() })
  const options = { clock, random, observers: [metrics], onWarning: () => {} }
  const of: Record<string, Dependency> = {}
  const add = (name: string, policies: Parameters<typeof pipeline>[1], perSecond: number, workMs: number, failing = 0) => {
    of[name] = { name, pipeline: pipeline(name, policies, options), perSecond, workMs, failing, capacity: Infinity }
  }
  const guarded = (slots: number) => [timeout(2_000), retry(), breaker(), bulkhead({ slots }), timeout(700)]
  add('payments', [timeout(2_000), retry({ maxAttempts: 3 }), breaker({ probes: { total: 3 } }), bulkhead({ slots: 40 }), timeout(500)], 22, 40)
  add('inventory', guarded(30), 30, 12)
  add('recommendations', [fallback(() => []), breaker({ failureRatio: 0.3 }), bulkhead({ slots: 20 }), timeout(250)], 14, 70)
  add('images', [shed(), bulkhead({ slots: 10 }), timeout(600)], 16, 60)
  add('quotes', guarded(50), 26, 30)
  add('search', [retry(), throttle({ adaptive: true }), timeout(800)], 34, 55)
  add('catalogue', [retry(), adaptiveLimit(), timeout(800)], 18, 35)
  const warehouseBreaker = breaker()
  add('warehouse (legacy)', [fallback(() => 'unknown'), warehouseBreaker, timeout(900)], 4, 200)
  add('accounts', guarded(30), 12, 18)
  add('mail', guarded(10), 3, 150)
  add('shipping', guarded(20), 8, 45)
  add('taxes', guarded(20), 9, 9)
  add('geo', [retry(), breaker({ consecutive: 5 }), timeout(300)], 7, 25)

  const working = new Map<string, number>()

  function call({ name, pipeline: one, workMs, failing, capacity }: Dependency): void {
    const priority = priorities[Math.floor(random() * priorities.length)]!
    void one.tryRun(
      () =>
        new Promise((resolve, reject) => {
          const ms = workMs * (0.5 + random() - 0.5 * Math.log(1 - random()))
          const fails = random() < failing
          const busy = working.get(name) ?? 0
          // Being refused takes no work.
          if (busy >= capacity) return void clock.after(5, () => reject(Object.assign(new Error('busy'), { status: 503 })))
          working.set(name, busy + 1)
          clock.after(ms, () => {
            working.set(name, working.get(name)! - 1)
            if (fails) reject(new Error('down'))
            else resolve('fine')
          })
        }),
      { priority },
    )
  }

  return {
    metrics, clock, of, warehouseBreaker,
    async run(seconds) {
      for (let step = 0; step < (seconds * 1_000) / stepMs; step++) {
        for (const dependency of Object.values(of)) {
          const calls = (dependency.perSecond * stepMs) / 1_000
          const whole = Math.floor(calls) + (random() < calls % 1 ? 1 : 0)
          for (let n = 0; n < whole; n++) call(dependency)
        }
        await clock.advance(stepMs)
      }
    },
  }
}

/** A quarter of an hour of that shop, at the end of which a good deal is wrong. */
export async function badQuarter(shop: Shop): Promise<void> {
  const { of } = shop
  await shop.run(190)
  of['recommendations']!.failing = 0.6
  await shop.run(26)
  of['recommendations']!.failing = 0
  await shop.run(160)
  of['payments']!.failing = 0.8
  await shop.run(14)
  of['payments']!.failing = 0
  await shop.run(110)
  of['quotes']!.failing = 0.16
  await shop.run(120)
  shop.warehouseBreaker.isolate()
  await shop.run(60)
  of['geo']!.failing = 1
  of['search']!.capacity = 1
  of['images']!.workMs = 420
  await shop.run(110)
  of['payments']!.failing = 0.92
  await shop.run(85)
  of['geo']!.failing = 0
  await shop.run(10)
}
