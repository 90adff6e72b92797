import { describe, expect, it } from 'vitest'
import { pipeline, shed } from 'spillway'
import { manualClock } from 'spillway/testing'

describe('the load that a shed is told', () => {
  it('refuses nobody for what it was an hour ago', async () => {
    const clock = manualClock()
    let load = 1
    const page = pipeline('page', [shed({ load: () => load })], { clock })
    expect((await page.tryRun(() => {})).ok).toBe(false)
    load = 0
    clock.tick(3_600_000)
    expect((await page.tryRun(() => {})).ok).toBe(true)
  })
  it('counts as not asked whatever is thrown instead', async () => {
    const warnings: string[] = []
    const one = shed({
      load: () => {
        throw Object.create(null)
      },
    })
    one.on('policy.warned', ({ message }) => warnings.push(message))
    expect((await pipeline('page', [one]).tryRun(() => {})).ok).toBe(true)
    expect(warnings).toEqual(['shed: load threw an object: it counts as if it had not been asked'])
  })
})
