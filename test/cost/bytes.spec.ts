import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { child } from '../support/child.ts'

/** The configurations, as the source that the child runs; and what they cost: bytes per call, beyond what awaiting the function itself costs. */
const perCall: readonly [what: string, policies: string, bytes: number][] = [
  ['nothing', '', 420],
  ['a bulkhead', 'bulkhead({ slots: 5 })', 420],
  ['a breaker', 'breaker()', 440],
  ['a retry', 'retry()', 420],
  ['a timeout', 'timeout(500)', 820],
  ['breaker, bulkhead', 'breaker(), bulkhead({ slots: 5 })', 440],
  ['fallback, retry, breaker, bulkhead', 'fallback(() => 1), retry(), breaker(), bulkhead({ slots: 5 })', 440],
  ['breaker, bulkhead, timeout', 'breaker(), bulkhead({ slots: 5 }), timeout(500)', 860],
  ['fallback, retry, breaker, bulkhead, timeout', 'fallback(() => 1), retry(), breaker(), bulkhead({ slots: 5 }), timeout(500)', 940],
  ['fallback, retry, breaker, throttle, bulkhead, timeout', 'fallback(() => 1), retry(), breaker(), throttle(), bulkhead({ slots: 5 }), timeout(500)', 970],
  ['a throttle', 'throttle({ adaptive: true })', 450],
  ['an adaptive limit', 'adaptiveLimit()', 460],
  ['a rate limit', 'rateLimit({ permits: 1_000_000, everyMs: 1 })', 440],
  ['a shed', 'shed({ load: () => 0 })', 910],
  ['park, a breaker', "park({ classes: ['normal'] }), breaker()", 730],
]

/** Bytes of what is made once and kept. */
const kept: readonly [what: string, made: string, bytes: number][] = [
  ['an idle breaker', 'breaker()', 700],
  ['a breaker that has counted', 'used(breaker())', 1060],
  ['an idle bulkhead', 'bulkhead({ slots: 5 })', 360],
  ['an idle timeout', 'timeout(500)', 90],
  ['an idle pipeline of breaker, bulkhead, timeout', "pipeline('p', [breaker(), bulkhead({ slots: 5 }), timeout(500)])", 5180],
]

/** V8 optimises one run a little otherwise than the next, and one version of Node than another. */
const TOLERANCE = { share: 0.1, bytes: 50 }

const code = `
  import { adaptiveLimit, attempt, breaker, bulkhead, fallback, park, pipeline, rateLimit, retry, settled, shed, throttle, timeout } from 'spillway'
  const answer = Promise.resolve('answer')
  const work = () => answer
  const grown = async (times, run) => {
    gc()
    const before = process.memoryUsage().heapUsed
    await run(times)
    return (process.memoryUsage().heapUsed - before) / times
  }
  // The young generation is large enough to be collected by nobody meanwhile.
  async function bytes(call) {
    const run = async (times) => { for (let i = 0; i < times; i++) await call() }
    await run(40_000)
    let least = Infinity
    for (let round = 0; round < 10; round++) least = Math.min(least, await grown(4_000, run))
    return least
  }
  const bare = await bytes(work)
  const calls = [${perCall.map(([, policies]) => `[${policies}]`).join(', ')}]
  for (const policies of calls) {
    const p = pipeline('p', policies, { onWarning() {} })
    console.log(Math.round((await bytes(() => p.run(work))) - bare))
  }
  const used = (one) => {
    const a = attempt()
    one.settle(one.admit(a), settled('success', a), a)
    return one
  }
  async function keptBytes(make) {
    const all = []
    const fill = async (times) => {
      for (let i = 0; i < times; i++) all.push(make())
      gc()
    }
    await fill(2_000)
    // The median: a collection may find what was garbage long before.
    const rounds = []
    for (let round = 0; round < 5; round++) rounds.push(await grown(3_000, fill))
    return rounds.sort((a, b) => a - b)[2]
  }
  for (const make of [${kept.map(([, made]) => `() => ${made}`).join(', ')}]) console.log(Math.round(await keptBytes(make)))`

const near = (bytes: number): { readonly least: number; readonly most: number } => ({
  least: bytes * (1 - TOLERANCE.share) - TOLERANCE.bytes,
  most: bytes * (1 + TOLERANCE.share) + TOLERANCE.bytes,
})

describe('bytes', () => {
  let measured: number[] = []
  beforeAll(async () => {
    const { printed, complained } = await child(code, ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'], 120_000)
    measured = printed.map(Number)
    expect([measured.length, complained]).toEqual([perCall.length + kept.length, ''])
  }, 130_000)

  afterAll(() => console.table([...perCall, ...kept].map(([what, , written], i) => ({ what, written, measured: measured[i] }))))

  // What costs less than is written here is as welcome as it is to be written down.
  test.each(perCall.map((row, i) => [...row, i] as const))('per call: %s', (_what, _policies, bytes, i) => {
    const { least, most } = near(bytes)
    expect(measured[i]).toBeGreaterThanOrEqual(least)
    expect(measured[i]).toBeLessThanOrEqual(most)
  })

  test.each(kept.map((row, i) => [...row, perCall.length + i] as const))('kept: %s', (_what, _made, bytes, i) => {
    const { least, most } = near(bytes)
    expect(measured[i]).toBeGreaterThanOrEqual(least)
    expect(measured[i]).toBeLessThanOrEqual(most)
  })

  it('an idle breaker takes less than 1 kB, and its window is made when something is counted', () => {
    const [idle, used] = measured.slice(perCall.length)
    expect(idle).toBeLessThanOrEqual(1_024)
    expect(used! - idle!).toBeGreaterThanOrEqual(240)
  })
})

describe('timers', () => {
  it('10⁵ calls in flight with deadlines, and their attempts, wait for one', { timeout: 60_000 }, async () => {
    const { printed } = await child(`
      import { pipeline, retry, timeout } from 'spillway'
      const armed = () => process.getActiveResourcesInfo().filter((what) => what === 'Timeout').length
      const p = pipeline('p', [timeout(20_000), retry(), timeout(15_000)])
      let made = 0
      const real = setTimeout
      globalThis.setTimeout = (...all) => (made++, real(...all))
      const ends = []
      const calls = Array.from({ length: 100_000 }, () => p.run(() => new Promise((end) => ends.push(end)), { timeoutMs: 30_000 }))
      console.log(p.inFlight, armed(), made)
      for (const end of ends) end()
      await Promise.all(calls)
      console.log(p.inFlight, made)`, [], 60_000)
    // Each of the three spans armed it anew when it came, being shorter than the one before.
    expect(printed).toEqual(['100000 1 3', '0 3'])
  })
})
