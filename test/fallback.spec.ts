import { describe, expect, it, vi } from 'vitest'
import type { Attempt } from '../src/core/attempt.ts'
import { BreakerOpenError, DeadlinePassedError, FallbackFailedError, RejectedError, TimeoutError } from '../src/core/errors.ts'
import type { Policy, Theirs } from '../src/core/policy.ts'
import type { Outcome, Verdict } from '../src/core/verdict.ts'
import { fallback, type Fallback, type FallbackOptions } from '../src/fallback/index.ts'
import { retry } from '../src/retry/index.ts'

const failed = (verdict: Verdict = 'failure', error: unknown = new Error('down'), more: Partial<Outcome<unknown>> = {}): Outcome<never> => ({ ok: false, error, verdict, endedBy: 'work', ...more }) as Outcome<never>
const value = (verdict: Verdict, given: unknown = { status: 503 }): Outcome<unknown> => ({ ok: true, value: given, verdict, endedBy: 'work' })
const answered = (given: unknown): Outcome<unknown> => ({ ok: true, value: given, verdict: 'ignored', answeredBy: 'fallback' })

function see<A>(policy: Fallback<A>, outcome: Outcome<unknown>) {
  const events: [string, object][] = []
  const call = { pipeline: 'quotes', attempts: 2, wants: () => true, emit: (type: string, payload: object) => events.push([type, payload]) }
  const attempt = { number: 2, call, fork: () => attempt } as never as Attempt
  return { said: policy.after!(outcome as Outcome<Theirs>, attempt, undefined), events, attempt }
}

const say = (outcome: Outcome<unknown>, options?: FallbackOptions): unknown => see(fallback(() => 'instead', options), outcome).said

describe('fallback', () => {
  it.each([
    ['a failure', failed('failure'), true],
    ['an overload', failed('overload'), true],
    ['a failure value, such as a final 503', value('failure'), true],
    ['an overload value', value('overload'), true],
    ['a refusal', failed('unused', new BreakerOpenError('no'), { endedBy: 'refusal' }), true],
    ['a refusal of another pipeline, although ignored', failed('ignored', new BreakerOpenError('no')), true],
    ['a timeout', failed('overload', new TimeoutError('late'), { endedBy: 'timeout' }), true],
    ['a timeout that our own pause made, although ignored', failed('ignored', new TimeoutError('late'), { endedBy: 'timeout' }), true],
    ['a timeout in a queue, before anything was started', failed('unused', new DeadlinePassedError('late'), { endedBy: 'timeout' }), true],
    ['an inner fallback that failed too, although ignored', failed('ignored', new FallbackFailedError('no', { original: 0 })), true],
    ['a success', value('success'), false],
    ['an ignored value, such as that of an inner fallback', value('ignored'), false],
    ['an ignored error', failed('ignored'), false],
    ['an error of the user’s that says unused', failed('unused'), false],
    ['the caller’s abort', failed('ignored', new Error('gone'), { endedBy: 'caller' }), false],
    ['the caller’s deadline', failed('ignored', new TimeoutError('late'), { endedBy: 'caller' }), false],
    ['the caller’s deadline, passed before anything was started', failed('unused', new DeadlinePassedError('late'), { endedBy: 'caller' }), false],
  ])('what is answered: %s', (_what, outcome, isAnswered) => {
    const said = say(outcome)
    if (isAnswered) expect(said).toEqual(answered('instead'))
    else expect(said).toBe(outcome)
  })

  it('does not read the error of a refusal, which is made for whoever reads it', () => {
    const outcome = { ok: false, verdict: 'unused', endedBy: 'refusal' } as Outcome<never>
    Object.defineProperty(outcome, 'error', { get: () => { throw new Error('read') } })
    expect(say(outcome)).toEqual(answered('instead'))
  })

  it('`when` replaces that choice', () => {
    const when: FallbackOptions['when'] = (outcome) => outcome.ok && outcome.value === null
    expect(say(value('success', null), { when })).toEqual(answered('instead'))
    expect(say(value('success', 5), { when })).toEqual(value('success', 5))
    expect(say(failed(), { when })).toEqual(failed())
    expect(say(failed('ignored', 0, { endedBy: 'caller' }), { when: () => true })).toEqual(answered('instead'))
  })

  it('gets the outcome and the attempt', () => {
    const fn = vi.fn((outcome: Outcome<unknown>, attempt: Attempt) => [outcome.ok, attempt.number])
    const outcome = value('failure')
    const { said, attempt } = see(fallback(fn), outcome)
    expect(fn).toHaveBeenCalledExactlyOnceWith(outcome, attempt)
    expect(said).toEqual(answered([true, 2]))
  })

  it('answers at once where its function does, with a promise where that returns one', async () => {
    expect(see(fallback(() => undefined), failed()).said).toEqual(answered(undefined))
    const { said } = see(fallback(async () => 'soon'), failed())
    expect(said).toBeInstanceOf(Promise)
    expect(await said).toEqual(answered('soon'))
  })

  it.each([
    ['an object', {}],
    ['a function', () => 0],
  ])('takes any thenable for a promise: %s', async (_what, thenable) => {
    // oxlint-disable-next-line unicorn/no-thenable
    const { said } = see(fallback(() => Object.assign(thenable, { then: (yes: (said: string) => void) => yes('then') }) as unknown as PromiseLike<string>), failed())
    expect(await said).toEqual(answered('then'))
  })

  it('tells that it was used, and by what', () => {
    expect(see(fallback(() => 0, { name: 'cached' }), failed('overload')).events).toEqual([['fallback.used', { policy: 'cached', verdict: 'overload' }]])
    expect(see(fallback(() => 0), value('success')).events).toEqual([])
  })

  it.each([
    ['throws', () => { throw new Error('empty') }],
    ['rejects', async () => { throw new Error('empty') }],
  ])('a fallback that %s: FallbackFailedError with both errors, and the verdict it was to answer', async (_how, fn) => {
    const original = failed('overload', new Error('busy'), { retryAfterMs: 5 })
    const said = (await see(fallback<never>(fn, { name: 'cached' }), original).said) as Outcome<never>
    expect(said).toMatchObject({ ok: false, verdict: 'overload', endedBy: 'work', retryAfterMs: 5 })
    const { error } = said as { error: FallbackFailedError }
    expect(error).toBeInstanceOf(FallbackFailedError)
    expect(error).not.toBeInstanceOf(RejectedError)
    expect(error).toMatchObject({ code: 'FALLBACK_FAILED', policy: 'cached', pipeline: 'quotes', attempts: 2, message: 'Cannot call "quotes": cached failed too' })
    expect(error.cause).toEqual(new Error('empty'))
    expect(error.original).toBe((original as { error: unknown }).error)
  })

  it('a failed fallback says which value it was to answer', () => {
    const { said } = see(fallback(() => { throw new Error('empty') }), value('failure', 503))
    expect(said).toMatchObject({ ok: false, verdict: 'failure', error: { original: 503 } })
  })

  it('a `when` that throws: its error is thrown, for the core to make it the call’s', () => {
    expect(() => say(failed(), { when: () => { throw new Error('boom') } })).toThrow('boom')
  })

  it.each([undefined, 1, 'yes', null, Promise.resolve(true)])('a `when` may not answer %s', (answer) => {
    expect(() => say(failed(), { when: () => answer as never })).toThrow(TypeError)
    expect(() => say(failed(), { when: () => answer as never })).toThrow('what fallback.when returned must be true or false')
  })

  it('update changes `when`, checked', () => {
    const policy = fallback(() => 'instead')
    policy.update({ when: () => false })
    expect(see(policy, failed()).said).toEqual(failed())
    expect(() => policy.update({ when: 5 as never })).toThrow('fallback.when must be a function, got 5')
    expect(() => policy.update({ name: 'other' } as never)).toThrow('fallback has no option "name"')
    expect(policy.options).toEqual({ when: expect.any(Function), name: 'fallback' })
  })

  it.each([
    ['plain', {}, TypeError, 'the function of a fallback must be a function, got "plain"'],
    [undefined, {}, TypeError, 'the function of a fallback must be a function, got undefined'],
    [() => 0, { when: true }, TypeError, 'fallback.when must be a function, got true'],
    [() => 0, { when: null }, TypeError, 'fallback.when'],
    [() => 0, { name: '' }, TypeError, 'fallback.name must be a string that is not empty, got ""'],
    [() => 0, { nmae: 'x' }, TypeError, 'fallback has no option "nmae"; did you mean "name"?'],
    [() => 0, 5, TypeError, 'fallback options must be an object, got 5'],
    [() => 0, null, TypeError, 'fallback options must be an object, got null'],
  ])('fallback(%s, %j) is refused at build', (fn, options, kind, message) => {
    expect(() => fallback(fn as never, options as never)).toThrow(kind)
    expect(() => fallback(fn as never, options as never)).toThrow(message)
  })

  it('warns where it stands inside a retry or a breaker', () => {
    const policy = fallback(() => 0, { name: 'cached' })
    const breaker: Policy = { kind: 'guard', type: 'breaker', name: 'b', admit: () => ({}) }
    const warn = (...outer: Policy[]): string[] => policy.warn!([...outer, policy, retry(), breaker], outer.length)
    expect(warn()).toEqual([])
    expect(warn(fallback(() => 1))).toEqual([])
    expect(warn(retry({ name: 'again' }), breaker)).toEqual([
      'fallback "cached" stands inside retry "again": what it answers is never tried again; put it before',
      'fallback "cached" stands inside breaker "b": the breaker does not see the failures that it answers, and what the breaker refuses is not answered; put it before',
    ])
  })
})
