import { describe, expect, it } from 'vitest'
import { pipeline as build, timeout } from 'spillway'
import { manualClock } from 'spillway/testing'
import { on } from '../support/guards.ts'

const fine = { kind: 'guard', name: 'g', admit: () => ({}) }

describe('options that are refused at build', () => {
  it.each<[string, unknown[], RegExp]>([
    ['no name', [undefined, []], /pipeline name must be a string that is not empty, got undefined/],
    ['an empty name', ['', []], /pipeline name must be a string that is not empty, got ""/],
    ['a name of another kind', [5, []], /pipeline name must be .*, got 5/],
    ['no list', ['x'], /policies of the pipeline "x" must be an array, got undefined/],
    ['a policy that is no list', ['x', timeout(5)], /policies of the pipeline "x" must be an array, got an object/],
    ['nothing in the list', ['x', [undefined]], /policies\[0\] of the pipeline "x" must be a policy, got undefined/],
    ['a factory in the list', ['x', [fine, timeout]], /policies\[1\] of the pipeline "x" must be a policy; call the factory.*, got a function/],
    ['a list in the list', ['x', [[fine]]], /policies\[0\] of the pipeline "x"/],
    ['a policy without a kind', ['x', [{ name: 'p' }]], /kind of policies\[0\] of the pipeline "x" must be 'guard' or 'layer', got undefined/],
    ['a policy without a name', ['x', [{ kind: 'guard', admit: () => ({}) }]], /name of policies\[0\].* must be a string, got undefined/],
    ['a guard without admit', ['x', [{ kind: 'guard', name: 'p' }]], /admit of policies\[0\].* must be a function, got undefined/],
    ['a layer with neither after nor around', ['x', [{ kind: 'layer', name: 'p' }]], /policies\[0\].*"p", must have either after or around/],
    ['a layer with both', ['x', [{ kind: 'layer', name: 'p', after() {}, around() {} }]], /must have either after or around/],
    ['options that are none', ['x', [], 5], /pipeline options must be an object, got 5/],
    ['null for options', ['x', [], null], /pipeline options must be an object, got null/],
    ['a misspelt option', ['x', [], { clok: manualClock() }], /pipeline has no option "clok"; did you mean "clock"\?/],
    ['an unknown option', ['x', [], { zzzzzzzzzz: 1 }], /pipeline has no option "zzzzzzzzzz"; it has classify, clock, /],
    ['a clock that is none', ['x', [], { clock: {} }], /pipeline\.clock must be an object with now\(\) and after\(ms, fn\), got an object/],
    ['null for a clock', ['x', [], { clock: null }], /pipeline\.clock must be .*, got null/],
    ['Date as a clock', ['x', [], { clock: Date }], /pipeline\.clock must be .*, got a function/],
    ['random', ['x', [], { random: 0.5 }], /pipeline\.random must be a function, got 0\.5/],
    ['classify', ['x', [], { classify: 'success' }], /pipeline\.classify must be a function, got "success"/],
    ['discard', ['x', [], { discard: {} }], /pipeline\.discard must be a function, got an object/],
    ['onWarning', ['x', [], { onWarning: true }], /pipeline\.onWarning must be a function, got true/],
    ['onInternalError', ['x', [], { onInternalError: null }], /pipeline\.onInternalError must be a function, got null/],
    ['observers', ['x', [], { observers: {} }], /pipeline\.observers must be an array of observers, got an object/],
    ['an observer', ['x', [], { observers: [null] }], /pipeline\.observers must be an array of observers/],
    ['an observer’s hook', ['x', [], { observers: [{ callSettled: 5 }] }], /callSettled.* must be a function, got 5/],
    ['abandonAfterMs, negative', ['x', [], { abandonAfterMs: -1 }], /pipeline\.abandonAfterMs must be a number from 0 on, got -1/],
    ['abandonAfterMs, NaN', ['x', [], { abandonAfterMs: NaN }], /pipeline\.abandonAfterMs .* got NaN/],
    ['abandonAfterMs, text', ['x', [], { abandonAfterMs: '5' }], /pipeline\.abandonAfterMs .* got "5"/],
    ['stacks', ['x', [], { stacks: 1 }], /pipeline\.stacks must be true or false, got 1/],
  ])('%s', (_what, args, message) => {
    const make = (): unknown => build(...(args as Parameters<typeof build>))
    expect(make).toThrow(message)
    let thrown: unknown
    try {
      make()
    } catch (error) {
      thrown = error
    }
    expect(thrown instanceof TypeError || thrown instanceof RangeError).toBe(true)
  })

  it('an option that is undefined counts as not said', () => {
    expect(() => build('x', [], { clock: undefined, random: undefined, classify: undefined, observers: undefined, stacks: undefined, abandonAfterMs: undefined })).not.toThrow()
  })

  it('0 and Infinity mean what they say', () => {
    expect(() => build('x', [], { abandonAfterMs: 0 })).not.toThrow()
    expect(() => build('x', [], { abandonAfterMs: Infinity })).not.toThrow()
  })

  it('the user’s objects are never written to', () => {
    const options = Object.freeze({ clock: manualClock(), observers: Object.freeze([]) })
    expect(() => build('x', Object.freeze([timeout(5)]) as never, options)).not.toThrow()
  })
})

describe('what is refused of a call', () => {
  it.each<[string, unknown, RegExp]>([
    ['a number', 5, /call options must be an object, got 5/],
    ['null', null, /call options must be an object, got null/],
    ['text', 'critical', /call options must be an object, got "critical"/],
    ['a list', [], /call options must be an object, got an array/],
    ['a function', () => ({}), /call options must be an object, got a function/],
    ['a signal instead of { signal }', new AbortController().signal, /call.*signal/],
    ['a controller instead of { signal }', new AbortController(), /call.*signal/],
    ['a misspelt key', { priorty: 'low' }, /call has no option "priorty"; did you mean "priority"\?/],
    ['timeout for timeoutMs', { timeout: 5 }, /call has no option "timeout"; did you mean "timeoutMs"\?/],
    ['an unknown key', { retries: 5 }, /call has no option "retries"/],
    ['a signal that is none', { signal: {} }, /call\.signal must be an AbortSignal, got an object/],
    ['a controller for a signal', { signal: new AbortController() }, /call\.signal must be an AbortSignal, got an object/],
    ['null for a signal', { signal: null }, /call\.signal must be an AbortSignal, got null/],
    ['a negative timeoutMs', { timeoutMs: -1 }, /call\.timeoutMs must be a number from 0 on, got -1/],
    ['a timeoutMs of NaN', { timeoutMs: NaN }, /call\.timeoutMs must be a number from 0 on, got NaN/],
    ['a timeoutMs of text', { timeoutMs: '5' }, /call\.timeoutMs must be a number from 0 on, got "5"/],
    ['a deadline of text', { deadline: '5' }, /call\.deadline must be a Date or a number on the clock of the pipeline, got "5"/],
    ['a deadline of NaN', { deadline: NaN }, /call\.deadline must be .*, got NaN/],
    ['an invalid Date', { deadline: new Date(NaN) }, /call\.deadline must be a valid Date, got NaN/],
    ['a deadline of null', { deadline: null }, /call\.deadline must be .*, got null/],
    ['an unknown priority', { priority: 'hihg' }, /call\.priority must be one of 'critical', 'high', 'normal', 'low'; did you mean "high"\?, got "hihg"/],
    ['a priority in numbers', { priority: 1 }, /call\.priority must be one of .*, got 1/],
    ['a subLevel too high', { subLevel: 128 }, /call\.subLevel must be a whole number from 0 to 127, got 128/],
    ['a subLevel below 0', { subLevel: -1 }, /call\.subLevel must be a whole number from 0 to 127, got -1/],
    ['a broken subLevel', { subLevel: 1.5 }, /call\.subLevel must be .*, got 1\.5/],
    ['a key in numbers', { key: 5 }, /call\.key must be a string, got 5/],
    ['an empty operation', { operation: '' }, /call\.operation must be a string that is not empty, got ""/],
    ['idempotent', { idempotent: 'no' }, /call\.idempotent must be true or false, got "no"/],
    ['repeatable', { repeatable: 'no' }, /call\.repeatable must be true, false or a function, got "no"/],
  ])('%s', async (_what, call, message) => {
    const { pipeline } = on([])
    let runs = 0
    const error = await pipeline.run(() => runs++, call as never).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(Error)
    expect((error as Error).message).toMatch(message)
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true)
    expect([runs, pipeline.inFlight]).toEqual([0, 0])
    const wrapped = pipeline.wrap(() => runs++, () => call as never)
    if (call !== null) await expect(wrapped()).rejects.toThrow(message)
  })

  it('undefined options count as not said', async () => {
    expect(await on([]).pipeline.run(() => 'fine', { signal: undefined, timeoutMs: undefined, deadline: undefined, priority: undefined, key: undefined, subLevel: undefined, operation: undefined, idempotent: undefined, meta: undefined })).toBe('fine')
  })

  it('a call’s options are never written to', async () => {
    expect(await on([]).pipeline.run((a) => a.priority, Object.freeze({ priority: 'low', timeoutMs: 50 }))).toBe('low')
  })
})
