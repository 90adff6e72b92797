import { describe, expect, it } from 'vitest'
import * as errors from '../../src/core/errors.ts'
import { BreakerOpenError, BulkheadFullError, DeadlinePassedError, FallbackFailedError, PipelineClosedError, RateLimitedError, refuse, RejectedError, ShedError, SpillwayError, ThrottledError, TimeoutError } from 'spillway'
import { no, on } from '../support/guards.ts'

const rejected = { BreakerOpenError, BulkheadFullError, DeadlinePassedError, PipelineClosedError, RateLimitedError, ShedError, ThrottledError }
const codes = {
  BreakerOpenError: 'BREAKER_OPEN', BulkheadFullError: 'BULKHEAD_FULL', DeadlinePassedError: 'DEADLINE_PASSED', PipelineClosedError: 'PIPELINE_CLOSED',
  RateLimitedError: 'RATE_LIMITED', ShedError: 'SHED', ThrottledError: 'THROTTLED',
}

/** A second copy of the library, as ESM beside CommonJS would load it. */
const copy = (await import('../../src/core/errors.ts?copy' as string)) as typeof errors

describe('errors', () => {
  it.each(Object.entries(rejected))('%s says that nothing was started', (name, Kind) => {
    const error = new Kind('Cannot call "x": no', { policy: 'p', pipeline: 'x', attempts: 2, retryAfterMs: 5 })
    expect(error).toBeInstanceOf(Error)
    expect(error).toBeInstanceOf(SpillwayError)
    expect(error).toBeInstanceOf(RejectedError)
    expect(error).toBeInstanceOf(Kind)
    expect(error).not.toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({ name, message: 'Cannot call "x": no', code: codes[name as keyof typeof codes], policy: 'p', pipeline: 'x', attempts: 2, retryAfterMs: 5 })
    expect(String(error)).toBe(`${name}: Cannot call "x": no`)
    for (const [other, Other] of Object.entries(rejected)) expect(error instanceof Other).toBe(other === name)
  })

  it('a TimeoutError is no refusal, nor is a failed fallback', () => {
    for (const error of [new TimeoutError('late'), new FallbackFailedError('no', { original: 1 })]) {
      expect(error).toBeInstanceOf(SpillwayError)
      expect(error).not.toBeInstanceOf(RejectedError)
    }
  })

  it('without details they say nothing', () => {
    expect(new BulkheadFullError('x')).toMatchObject({ policy: undefined, pipeline: undefined, attempts: 0, retryAfterMs: undefined })
    expect(Object.hasOwn(new TimeoutError('x'), 'cause')).toBe(false)
  })

  it('a copy of the library is really a copy', () => {
    expect(copy.SpillwayError).not.toBe(SpillwayError)
  })

  it('instanceof holds across two copies', () => {
    const foreign = new copy.BulkheadFullError('full')
    expect(foreign).toBeInstanceOf(BulkheadFullError)
    expect(foreign).toBeInstanceOf(RejectedError)
    expect(foreign).toBeInstanceOf(SpillwayError)
    expect(foreign).not.toBeInstanceOf(BreakerOpenError)
    expect(new TimeoutError('late')).toBeInstanceOf(copy.TimeoutError)
    expect(new TimeoutError('late')).not.toBeInstanceOf(copy.RejectedError)
  })

  it('a refusal of another copy is ignored and not retried', async () => {
    const log: string[] = []
    const { pipeline } = on([{ kind: 'guard', name: 'a', admit: () => ({}), settle: (_p, { verdict }) => void log.push(verdict) }])
    await pipeline.tryRun(() => Promise.reject(new copy.BreakerOpenError('open')))
    expect(log).toEqual(['ignored'])
  })

  it('what is none of them is none', () => {
    for (const odd of [undefined, null, 5, 'x', {}, new Error('x'), Object.create(null), { [Symbol.for('spillway.errors')]: 'RejectedError' }]) {
      expect((odd as object) instanceof RejectedError).toBe(false)
      expect((odd as object) instanceof SpillwayError).toBe(false)
    }
  })

  it('a user’s subclass is known by its prototype, and by its ancestors’ brands', () => {
    class Mine extends RejectedError {
      constructor(message: string) {
        super(message)
        this.name = 'Mine'
      }
    }
    class Field extends TimeoutError {
      // @ts-expect-error -- TypeScript forbids a field over an accessor; JavaScript does not
      override name = 'Field'
    }
    class Plain extends BulkheadFullError {}
    const mine = new Mine('no')
    expect(mine.name).toBe('Mine')
    expect(String(mine)).toBe('Mine: no')
    expect(mine).toBeInstanceOf(Mine)
    expect(mine).toBeInstanceOf(RejectedError)
    expect(mine).toBeInstanceOf(copy.RejectedError)
    expect(new RejectedError('x')).not.toBeInstanceOf(Mine)
    expect(new BulkheadFullError('x')).not.toBeInstanceOf(Plain)
    expect(new Plain('x')).toBeInstanceOf(BulkheadFullError)
    expect(new Field('x').name).toBe('Field')
    expect(new Field('x')).toBeInstanceOf(TimeoutError)
    expect(new Mine('y').name).toBe('Mine')
    expect(new RejectedError('z').name).toBe('RejectedError')
  })

  it('a refusal carries its details and no stack', async () => {
    const { pipeline } = on([{ kind: 'guard', name: 'gate', admit: () => no('gate', 250) }])
    const error = (await pipeline.run(() => 1).catch((thrown: unknown) => thrown)) as RejectedError
    expect(error).toMatchObject({ message: 'Cannot call "quotes": no room', code: 'BULKHEAD_FULL', policy: 'gate', pipeline: 'quotes', attempts: 0, retryAfterMs: 250 })
    expect(error.stack).not.toContain('\n    at ')
    expect(error.stack).toContain('BulkheadFullError: Cannot call "quotes": no room')
  })

  it('and one with `stacks: true`', async () => {
    const { pipeline } = on([{ kind: 'guard', name: 'gate', admit: () => no() }], { stacks: true })
    const error = (await pipeline.run(() => 1).catch((thrown: unknown) => thrown)) as RejectedError
    expect(error.stack).toContain('\n    at ')
  })

  it('the limit of stacks is left as it was', async () => {
    const limit = Error.stackTraceLimit
    const { pipeline } = on([{ kind: 'guard', name: 'gate', admit: () => no() }])
    await pipeline.tryRun(() => 1)
    await pipeline.run(() => 1).catch(() => {})
    expect(Error.stackTraceLimit).toBe(limit)
  })

  it('a reason that throws: that error is the call’s, never a synchronous throw, and permits come back', async () => {
    const log: string[] = []
    const bug = new Error('bug')
    const gate = { name: 'gate' }
    const { pipeline } = on([
      { kind: 'guard', name: 'out', admit: () => ({}), release: () => void log.push('release') },
      { kind: 'guard', name: 'gate', admit: () => refuse(gate, BulkheadFullError, () => { throw bug }) },
    ])
    let answer: Promise<unknown> | undefined
    expect(() => {
      answer = pipeline.run(() => 1)
    }).not.toThrow()
    await expect(answer).rejects.toBe(bug)
    expect(log).toEqual(['release'])
    expect(pipeline.inFlight).toBe(0)
  })
})
