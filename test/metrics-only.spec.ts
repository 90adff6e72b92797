import { describe, expect, it } from 'vitest'
import { breaker, pipeline } from 'spillway'
import { recorder } from 'spillway/metrics'
import { manualClock } from 'spillway/testing'

describe('metrics snapshot', () => {
  it('brings those pipelines that are asked for, and of the others only what is quickly gathered', async () => {
    const clock = manualClock()
    const metrics = recorder({ now: () => 1.8e12 + clock.now() })
    for (const name of ['a', 'b']) await pipeline(name, [breaker()], { observers: [metrics], clock }).run(() => 1)

    const { pipelines } = metrics.snapshot({ detail: (name) => name === 'a' })
    expect(pipelines.map(({ window, past, totals }) => [window.calls, window.p50 === null, past.calls.length, totals.calls.success, totals.callSeconds.success.count])).toEqual([
      [1, false, 90, 1, 1],
      [1, true, 0, 1, 0],
    ])
    expect(metrics.snapshot({ only: (name) => name === 'b' }).pipelines.map(({ name }) => name)).toEqual(['b'])
    expect(metrics.snapshot({ only: (name) => name === 'b' }).pipelines[0]).toEqual(metrics.snapshot().pipelines[1])
    expect(metrics.snapshot({ only: false }).pipelines).toEqual([])
  })
})
