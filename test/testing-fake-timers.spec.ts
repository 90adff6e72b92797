import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { breaker, constant, pipeline, retry, timeout, TimeoutError } from '../src/index.ts'
import { scriptedUpstream } from '../src/testing/index.ts'

/** Made once for all tests, as a module of the user's would. */
const quotes = pipeline('quotes', [retry({ maxAttempts: 2, backoff: constant(1_000), budget: false }), timeout(500)])

describe("a runner's fake timers", () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it.each([1, 2, 3])('drive a pipeline on the default clock, test after test (%d)', async () => {
    const upstream = scriptedUpstream().hang({ times: 2 })
    const answer = quotes.tryRun(upstream)
    await vi.advanceTimersByTimeAsync(499)
    expect(upstream.inFlight).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(upstream.calls.map(({ aborted }) => aborted)).toEqual([true])
    await vi.advanceTimersByTimeAsync(1_000)
    expect(upstream.calls).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(500)
    expect(await answer).toMatchObject({ ok: false, attempts: 2, error: expect.any(TimeoutError) })
  })

  it('do not leave it deaf when they are cleared, or gone', async () => {
    const hung = quotes.tryRun(scriptedUpstream().hang({ times: 2 }))
    vi.clearAllTimers()
    vi.useRealTimers()
    const slow = pipeline('slow', [timeout(20)])
    await expect(slow.run(scriptedUpstream().hang())).rejects.toBeInstanceOf(TimeoutError)
    void hung
  })

  it('count an expiry in time as overload, not as a pause of our own', async () => {
    const guard = breaker({ consecutive: 1 })
    const answer = pipeline('b', [guard, timeout(500)]).tryRun(scriptedUpstream().hang())
    vi.advanceTimersByTime(10_000)
    await answer
    expect(guard.state).toBe('open')
  })
})
