import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { again, type Layer, type Policy, pipeline, timeout } from 'spillway'
import { step } from '../support/guards.ts'

const once: Layer = step('again', (outcome, _attempt, previous) => (previous === undefined && !outcome.ok ? again(0, 1) : outcome))
const waits: Layer = step('waits', (outcome) => Promise.resolve(outcome))

describe('a function that gives its own attempt up', () => {
  const unhandled: unknown[] = []
  const note = (error: unknown): void => void unhandled.push(error)
  beforeEach(() => void process.on('unhandledRejection', note))
  afterEach(() => void process.off('unhandledRejection', note))

  it.each<[string, readonly Policy[]]>([
    ['no layer', []],
    ['a repeat', [once]],
    ['a step that takes time', [waits]],
    ['both', [once, waits]],
    ['a repeat, and a timeout', [once, timeout(1_000)]],
  ])('is answered with its reason, and no promise is left to reject alone: %s', async (_what, policies) => {
    const p = pipeline('p', policies, { onWarning: () => {} })
    for (const turns of [0, 1]) {
      const answer = p.run(async (attempt) => {
        if (turns === 1) await Promise.resolve()
        attempt.cancel(new Error('given up'))
      })
      await expect(answer).rejects.toThrow('given up')
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect([unhandled, p.inFlight]).toEqual([[], 0])
  })
})
