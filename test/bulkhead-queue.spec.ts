import { afterAll, describe, expect, it } from 'vitest'
import { bulkhead, type BulkheadOptions, pipeline } from 'spillway'
import { manualClock, seededRandom } from 'spillway/testing'

/** Ten slots of 20 ms each serve 500 per second; 1000 come. */
const SLOTS = 10
const SERVICE_MS = 20
const EVERY_MS = 1
const WARM_UP_MS = 3_000
const END_MS = 20_000

/** Poisson arrivals, exponential service; what happens before the warm-up is over is not counted. */
async function simulate(order: BulkheadOptions['order'], seed: number) {
  const random = seededRandom(seed)
  const exponential = (mean: number): number => -mean * Math.log(1 - random())
  const clock = manualClock()
  const slots = bulkhead({ slots: SLOTS, queue: Infinity, maxWaitMs: 1_000, order })
  const calls = pipeline('queue', [slots], { clock })
  const waited = { served: [] as number[], refused: [] as number[], answered: [] as number[] }
  let busyMs = 0
  let longest = 0

  const call = (): void => {
    const cameAt = clock.now()
    const counts = cameAt >= WARM_UP_MS
    const serviceMs = exponential(SERVICE_MS)
    void calls
      .tryRun(() => {
        const now = clock.now()
        if (counts) waited.served.push(now - cameAt)
        // Of its work, what lies between the warm-up and the end.
        busyMs += Math.max(0, Math.min(END_MS, now + serviceMs) - Math.max(WARM_UP_MS, now))
        return new Promise<void>((resolve) => void clock.after(serviceMs, resolve))
      })
      .then(({ ok }) => counts && waited[ok ? 'answered' : 'refused'].push(clock.now() - cameAt))
    longest = Math.max(longest, slots.queued)
    arrive()
  }
  const arrive = (): void => {
    const inMs = exponential(EVERY_MS)
    if (clock.now() + inMs < END_MS) clock.after(inMs, call)
  }
  arrive()
  await clock.runAll(1_000_000)
  return { ...waited, longest, throughput: busyMs / SLOTS / (END_MS - WARM_UP_MS), left: [slots.inFlight, slots.queued, clock.pending] }
}

/** Such as `p95` of some waits. */
const percentile = (waits: number[], percent: number): number => Math.round(waits.toSorted((a, b) => a - b)[Math.ceil((waits.length * percent) / 100) - 1]! * 10) / 10

describe('bulkhead › its queue when twice as much comes as it can serve', () => {
  const table: object[] = []
  afterAll(() => console.table(table))

  async function run(order: 'fifo' | 'lifo' | 'adaptive', seed: number) {
    const { served, refused, answered, longest, throughput, left } = await simulate(order, seed)
    const row = {
      order,
      seed,
      p50: percentile(served, 50),
      p95: percentile(served, 95),
      p99: percentile(served, 99),
      most: percentile(served, 100),
      'refused p50': percentile(refused, 50),
      'answered p50': percentile(answered, 50),
      'answered p99': percentile(answered, 99),
      throughput: Math.round(throughput * 10_000) / 10_000,
      longest,
    }
    table.push(row)
    expect(left).toEqual([0, 0, 0])
    return row
  }

  it.each([1, 2, 3, 4, 5])('adaptive: half of the served wait 35 ms at most, nobody over 100 ms, and the slots are never idle (seed %d)', async (seed) => {
    const { p50, most, throughput, 'refused p50': refused, 'answered p50': answered } = await run('adaptive', seed)
    expect(Math.max(p50, answered)).toBeLessThanOrEqual(35)
    expect(most).toBeLessThanOrEqual(100)
    expect(refused).toBeLessThanOrEqual(100)
    expect(throughput).toBeGreaterThanOrEqual(0.99)
  })

  it.each([1, 2, 3])('fifo: everybody waits nearly as long as maxWaitMs allows (seed %d)', async (seed) => {
    const { p50, throughput } = await run('fifo', seed)
    expect(p50).toBeGreaterThanOrEqual(950)
    expect(throughput).toBeGreaterThanOrEqual(0.99)
  })

  it.each([1, 2, 3])('lifo: most of the served hardly wait, a few very long, and the refused wait all of maxWaitMs (seed %d)', async (seed) => {
    const { p50, p99, 'refused p50': refused } = await run('lifo', seed)
    expect(p50).toBeLessThanOrEqual(5)
    expect(p99).toBeGreaterThanOrEqual(300)
    expect(refused).toBeGreaterThanOrEqual(999)
  })
})
