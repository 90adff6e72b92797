import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { Attempt } from '../src/core/attempt.ts'
import { BreakerOpenError, TimeoutError } from '../src/core/errors.ts'
import { Again, type Host, type Theirs } from '../src/core/policy.ts'
import type { Outcome, Verdict } from '../src/core/verdict.ts'
import { constant, retry, retryBudget, type RetryOptions } from '../src/retry/index.ts'
import { MedianLatency } from '../src/retry/latency.ts'
import { manualClock, type ManualClock } from '../src/testing/index.ts'

const failed = (verdict: Verdict = 'failure', error: unknown = new Error('down'), more: Partial<Outcome<unknown>> = {}): Outcome<never> => ({ ok: false, error, verdict, endedBy: 'work', ...more }) as Outcome<never>
const value = (verdict: Verdict, given: unknown = { status: 503 }): Outcome<unknown> => ({ ok: true, value: given, verdict, endedBy: 'work' })
const refusal = (): Outcome<never> => failed('unused', new BreakerOpenError('no'), { endedBy: 'refusal' })

interface Facts {
  readonly idempotent?: boolean
  readonly repeatable?: boolean
  readonly outerDeadline?: number
  readonly startedAt?: number
  readonly number?: number
}

/** One retry policy, played without a pipeline: `see` shows it an outcome of the same call and tells what it says. */
function stage(options: RetryOptions = {}, { clock = manualClock(), random = () => 0.5 }: { clock?: ManualClock; random?: () => number } = {}) {
  const policy = retry({ backoff: constant(100), ...options })
  policy.bind!({ pipeline: 'p', clock, random, timeoutMs: Infinity, pressure: () => 0, probeDue: () => false } as Partial<Host> as Host)
  const events: [string, object][] = []
  let previous: Again | undefined
  return {
    policy,
    clock,
    events,
    see: (outcome: Outcome<unknown>, { idempotent = true, repeatable = true, outerDeadline = Infinity, startedAt = NaN, number = 1 }: Facts = {}) => {
      const call = { pipeline: 'p', idempotent, repeatable, wants: () => true, emit: (type: string, payload: object) => events.push([type, payload]) }
      const said = policy.after!(outcome as Outcome<Theirs>, { number, startedAt, outerDeadline, call } as never as Attempt, previous) as Outcome<unknown> | Again
      previous = said instanceof Again ? said : undefined
      return said
    },
  }
}

const againAfter = (delayMs: number): unknown => expect.objectContaining({ delayMs })

describe('retry', () => {
  it('hands out a success untouched, and looks at no clock', () => {
    const clock = manualClock()
    const { see } = stage({}, { clock })
    const now = vi.spyOn(clock, 'now')
    const outcome = value('success')
    expect(see(outcome)).toBe(outcome)
    expect(see(outcome, { outerDeadline: 50 })).toBe(outcome)
    expect(now).not.toHaveBeenCalled()
  })

  it.each([
    ['a failure', failed('failure'), true],
    ['an overload', failed('overload'), true],
    ['a failure value', value('failure'), true],
    ['an overload value', value('overload'), true],
    ['an own timeout', failed('overload', new TimeoutError('late'), { endedBy: 'timeout' }), true],
    ['an ignored error', failed('ignored'), false],
    ['an ignored value, such as an answer of a cache', value('ignored'), false],
    ['a timeout that our own pause made', failed('ignored', new TimeoutError('late'), { endedBy: 'timeout' }), false],
    ['a refusal', refusal(), false],
    ['a queue in which the time ran out', failed('unused', new TimeoutError('late'), { endedBy: 'timeout' }), false],
    ['a value that says unused', value('unused'), false],
    ['what the caller ended', failed('ignored', new Error('gone'), { endedBy: 'caller' }), false],
  ])('what is retried: %s', (_what, outcome, retried) => {
    expect(stage().see(outcome)).toEqual(retried ? againAfter(100) : outcome)
  })

  it('stops after maxAttempts, the first included, with the last outcome', () => {
    const { see, events } = stage({ maxAttempts: 3 })
    expect(see(failed())).toEqual(againAfter(100))
    expect(see(failed())).toEqual(againAfter(100))
    const last = failed('overload')
    expect(see(last)).toBe(last)
    expect(events.at(-1)).toEqual(['retry.exhausted', { policy: 'retry', attempts: 3, verdict: 'overload' }])
  })

  it('counts its own tries: nested or hedged, the number of the attempt does not matter', () => {
    const { see } = stage({ maxAttempts: 2 })
    expect(see(failed(), { number: 17 })).toBeInstanceOf(Again)
    expect(see(failed(), { number: 18 })).not.toBeInstanceOf(Again)
  })

  it('with maxAttempts 1 never tries again', () => {
    expect(stage({ maxAttempts: 1 }).see(failed())).not.toBeInstanceOf(Again)
  })

  it('with maxAttempts Infinity and no budget goes on for thousands of attempts, and remembers only the last one', () => {
    const policy = retry({ maxAttempts: Infinity, budget: false })
    const { see } = stage({ maxAttempts: Infinity, budget: false, backoff: policy.options.backoff })
    for (let i = 0; i < 5_000; i++) {
      const said = see(failed()) as Again
      expect(said.delayMs).toBeLessThanOrEqual(10_000)
      expect(JSON.stringify(said.memo).length).toBeLessThan(200)
    }
  })

  it('tells each retry', () => {
    const { see, events } = stage({ name: 'quotes' })
    see(failed('overload'), { number: 4 })
    expect(events).toEqual([['retry.scheduled', { policy: 'quotes', number: 4, delayMs: 100, verdict: 'overload' }]])
  })

  it('makes no payload when nobody listens', () => {
    const emit = vi.fn()
    const attempt = { outerDeadline: Infinity, call: { idempotent: true, repeatable: true, wants: () => false, emit } } as never as Attempt
    void retry({ maxAttempts: 1 }).after!(failed(), attempt, undefined)
    const said = retry().after!(failed(), attempt, undefined)
    expect(said).toBeInstanceOf(Again)
    expect(emit).not.toHaveBeenCalled()
  })
})

describe('retry: refusals', () => {
  it('a refusal after an attempt ran ends retrying, and the last real outcome comes out', () => {
    const { see } = stage({ maxAttempts: 5 })
    see(failed())
    const last = failed('overload')
    see(last)
    expect(see(refusal())).toBe(last)
  })

  it('also where the last real outcome is a failure value', () => {
    const { see } = stage()
    const last = value('failure')
    see(last)
    expect(see(refusal())).toBe(last)
  })

  it('a value is no refusal, whatever its verdict', () => {
    const { see } = stage()
    see(failed())
    const said = value('unused')
    expect(see(said)).toBe(said)
  })

  it('never retries a refusal, whatever `when` says, and does not ask it', () => {
    const when = vi.fn(() => true)
    const outcome = refusal()
    expect(stage({ when }).see(outcome)).toBe(outcome)
    expect(when).not.toHaveBeenCalled()
  })

  it('does not read the error of a refusal, which is made for whoever reads it', () => {
    const outcome = { ok: false, verdict: 'unused', endedBy: 'refusal' } as Outcome<never>
    Object.defineProperty(outcome, 'error', { get: () => { throw new Error('read') } })
    const { see } = stage()
    see(outcome)
    see(failed(), { idempotent: false })
    see(outcome)
  })

  it('retries another pipeline’s refusal only if `when` says so', () => {
    const inner = failed('ignored', new BreakerOpenError('no'))
    expect(stage().see(inner)).toBe(inner)
    expect(stage({ when: () => true }).see(inner)).toBeInstanceOf(Again)
  })

  it('hands on what the caller ended, although an attempt ran before', () => {
    const { see } = stage({ when: () => true })
    see(failed())
    const gone = failed('unused', new Error('gone'), { endedBy: 'caller' })
    expect(see(gone)).toBe(gone)
  })
})

describe('retry: what must not happen twice', () => {
  it.each([
    ['an error after the work began', failed('failure'), false],
    ['a reset connection', failed('overload', Object.assign(new Error(), { code: 'ECONNRESET' })), false],
    ['an own timeout', failed('overload', new TimeoutError('late')), false],
    ['a failure value', value('overload'), false],
    ['a refused connection', failed('overload', Object.assign(new Error(), { code: 'ECONNREFUSED' })), true],
    ['a name that was not found, as a cause', failed('failure', new Error('fetch failed', { cause: { code: 'ENOTFOUND' } })), true],
  ])('idempotent: false retries only what never started: %s', (_what, outcome, retried) => {
    expect(stage().see(outcome, { idempotent: false }) instanceof Again).toBe(retried)
    expect(stage({ when: () => true }).see(outcome, { idempotent: false }) instanceof Again).toBe(retried)
  })
})

describe('retry: what cannot be run twice', () => {
  it('repeatable: false is not retried, even where it never started', () => {
    const refused = failed('overload', Object.assign(new Error(), { code: 'ECONNREFUSED' }))
    expect(stage().see(refused, { repeatable: false })).toBe(refused)
    expect(stage({ when: () => true }).see(refused, { repeatable: false })).toBe(refused)
  })
})

describe('retry: Retry-After', () => {
  it.each([
    ['waits no less than the dependency asked', { retryAfterMs: 2_000 }, againAfter(2_000)],
    ['waits the back-off where that is longer', { retryAfterMs: 20 }, againAfter(100)],
    ['waits up to maxRetryAfterMs', { retryAfterMs: 10_000 }, againAfter(10_000)],
    ['gives up above maxRetryAfterMs', { retryAfterMs: 10_001 }, undefined],
    ['gives up when asked never to come back', { retryAfterMs: Infinity }, undefined],
  ])('%s', (_what, asked, expected) => {
    const outcome = failed('overload', new Error('busy'), asked)
    expect(stage().see(outcome)).toEqual(expected ?? outcome)
  })

  it('with maxRetryAfterMs 0 gives up on any wish, with Infinity waits for any span', () => {
    expect(stage({ maxRetryAfterMs: 0 }).see(failed('overload', 0, { retryAfterMs: 1 }))).not.toBeInstanceOf(Again)
    expect(stage({ maxRetryAfterMs: Infinity }).see(failed('overload', 0, { retryAfterMs: 1e7 }))).toEqual(againAfter(1e7))
    expect(stage({ maxRetryAfterMs: Infinity }).see(failed('overload', 0, { retryAfterMs: Infinity }))).not.toBeInstanceOf(Again)
  })

  it('is not the back-off’s own previous delay', () => {
    const seen: number[] = []
    const { see } = stage({ backoff: (_n, _outcome, { previousMs }) => (seen.push(previousMs), previousMs + 1) })
    see(failed('overload', 0, { retryAfterMs: 5_000 }))
    see(failed('overload', 0))
    expect(seen).toEqual([0, 1])
  })
})

describe('retry: deadline', () => {
  it.each([
    [99, 199, false],
    [100, 200, false],
    [100, 200.5, true],
    [100, 201, true],
  ])('a back-off that does not fit is not slept: at %d of %d', (now, outerDeadline, fits) => {
    const outcome = failed()
    expect(stage({}, { clock: manualClock(now) }).see(outcome, { outerDeadline }) instanceof Again).toBe(fits)
  })

  it('a delay of Infinity fits no call', () => {
    const outcome = failed()
    expect(stage({ backoff: () => Infinity }).see(outcome)).toBe(outcome)
  })

  it('what does not fit takes nothing from the budget', () => {
    const budget = retryBudget({ minPerSecond: 0.1 })
    const clock = manualClock()
    stage({ budget }, { clock }).see(failed(), { outerDeadline: 50 })
    expect(stage({ budget, backoff: constant(0) }, { clock }).see(failed())).toEqual(againAfter(0))
  })

  it('without a deadline and a budget looks at no clock', () => {
    const clock = manualClock()
    const { see } = stage({ budget: false }, { clock })
    const now = vi.spyOn(clock, 'now')
    see(failed())
    expect(now).not.toHaveBeenCalled()
    see(failed(), { outerDeadline: 1_000 })
    expect(now).toHaveBeenCalledTimes(1)
  })

  it('does not try again when what is left is under the median latency', async () => {
    const { see, clock } = stage()
    const slow = async (ms: number): Promise<void> => {
      const startedAt = clock.now()
      await clock.advance(ms)
      see(value('success'), { startedAt, outerDeadline: startedAt + 1_000 })
    }
    const now = (): number => clock.now()
    expect(see(failed(), { outerDeadline: now() + 300 })).toBeInstanceOf(Again)
    see(value('success'))
    for (let i = 0; i < 120; i++) await slow(250)
    const outcome = failed()
    expect(see(outcome, { outerDeadline: now() + 350 })).toBe(outcome)
    expect(see(outcome, { outerDeadline: now() + 351 })).toBeInstanceOf(Again)
    see(value('success'))
    // It forgets.
    for (let i = 0; i < 120; i++) await slow(10)
    expect(see(outcome, { outerDeadline: now() + 111 })).toBeInstanceOf(Again)
  })
})

describe('retry: median latency', () => {
  /** One success of eight is looked at. */
  const sample = (median: MedianLatency, ms: number): void => {
    for (let i = 1; i <= 8; i++) if (median.due()) median.add(ms)
  }

  it('is the middle of the last 15 samples, and 0 until there are as many', () => {
    const median = new MedianLatency()
    for (let i = 1; i <= 14; i++) sample(median, 100 * ((i * 7 + 5) % 16))
    expect(median.ms).toBe(0)
    sample(median, 100 * ((15 * 7 + 5) % 16))
    // 0, 100 … 1500 without 500, in disorder.
    expect(median.ms).toBe(800)
    for (let i = 1; i <= 8; i++) sample(median, 1)
    expect(median.ms).toBe(1)
  })

  it('looks at one success of eight', () => {
    const median = new MedianLatency()
    expect(Array.from({ length: 24 }, () => median.due()).filter(Boolean).length).toBe(3)
  })

  it('is not learnt where nobody knows when an attempt started, or without a deadline', async () => {
    const { see, clock } = stage()
    const now = vi.spyOn(clock, 'now')
    for (let i = 0; i < 200; i++) {
      see(value('success'), { outerDeadline: 1_000 })
      see(value('success'), { startedAt: -300 })
    }
    expect(now).not.toHaveBeenCalled()
    expect(see(failed(), { outerDeadline: 101 })).toBeInstanceOf(Again)
  })
})

describe('retry: budget', () => {
  it('with an empty budget the outcome comes out at once', () => {
    const { see, events } = stage({ budget: retryBudget({ minPerSecond: 0.1 }) })
    expect(see(failed())).toBeInstanceOf(Again)
    const last = failed('overload')
    expect(see(last)).toBe(last)
    expect(events.at(-1)).toEqual(['budget.exhausted', { policy: 'retry', verdict: 'overload' }])
  })

  it('has one of its own by default, that of ten retries and one per second', async () => {
    const { see, clock } = stage({ maxAttempts: Infinity })
    for (let i = 0; i < 10; i++) expect(see(failed())).toBeInstanceOf(Again)
    expect(see(failed())).not.toBeInstanceOf(Again)
    await clock.advance(1_000)
    expect(see(failed())).toBeInstanceOf(Again)
    expect(stage().see(failed())).toBeInstanceOf(Again)
  })

  it('is one for all that share it', () => {
    const clock = manualClock()
    const budget = retryBudget({ minPerSecond: 0.1 })
    expect(stage({ budget }, { clock }).see(failed())).toBeInstanceOf(Again)
    expect(stage({ budget }, { clock }).see(failed())).not.toBeInstanceOf(Again)
  })

  it.each([
    ['a success', value('success'), 1],
    ['a failure', failed(), 1],
    ['an ignored error', failed('ignored'), 1],
    ['a refusal', refusal(), 0],
    ['what the caller ended', failed('ignored', 0, { endedBy: 'caller' }), 0],
  ])('first attempts earn, whatever comes of them, if they ran: %s', (_what, outcome, deposits) => {
    const budget = retryBudget()
    const deposit = vi.spyOn(budget, 'deposit')
    stage({ budget, when: () => false }).see(outcome)
    expect(deposit).toHaveBeenCalledTimes(deposits)
  })

  it('a retry earns nothing', () => {
    const budget = retryBudget()
    const deposit = vi.spyOn(budget, 'deposit')
    const { see } = stage({ budget })
    see(failed())
    see(failed())
    see(value('success'))
    expect(deposit).toHaveBeenCalledTimes(1)
  })

  it('a retry that was refused gives its token back', () => {
    const budget = retryBudget({ minPerSecond: 0.1 })
    const { see } = stage({ budget })
    const said = see(failed()) as Again
    said.unused!() // what the pipeline calls when the repeat has run nothing
    see(refusal())
    expect(see(failed())).toBeInstanceOf(Again)
  })

  it('`false` is none', () => {
    const { see } = stage({ budget: false, maxAttempts: 1_000 })
    for (let i = 0; i < 999; i++) expect(see(failed())).toBeInstanceOf(Again)
  })
})

describe('retry: the user’s functions', () => {
  it('`when` replaces the choice of what is retried', () => {
    const { see } = stage({ when: (outcome) => outcome.ok && outcome.value === 'pending', maxAttempts: 9 })
    expect(see(value('success', 'pending'))).toBeInstanceOf(Again)
    expect(see(value('ignored', 'pending'))).toBeInstanceOf(Again)
    expect(see(value('success', 'done'))).not.toBeInstanceOf(Again)
    expect(see(failed())).not.toBeInstanceOf(Again)
  })

  it('gets the outcome and the attempt', () => {
    const when = vi.fn(() => false)
    const outcome = failed()
    stage({ when }).see(outcome, { number: 7 })
    expect(when).toHaveBeenCalledWith(outcome, expect.objectContaining({ number: 7 }))
  })

  it('a `when` or backoff that throws: its error is thrown, for the core to make it the call’s', () => {
    const boom = (): never => { throw new Error('boom') }
    expect(() => stage({ when: boom }).see(failed())).toThrow('boom')
    expect(() => stage({ backoff: boom }).see(failed())).toThrow('boom')
  })

  it.each([undefined, 1, 'yes', null, Promise.resolve(false)])('a `when` may not answer %s', (answer) => {
    expect(() => stage({ when: () => answer as never }).see(failed())).toThrow(TypeError)
    expect(() => stage({ when: () => answer as never }).see(failed())).toThrow('what retry.when returned must be true or false')
  })

  it.each([[NaN, RangeError], [-1, RangeError], ['5', TypeError], [undefined, TypeError], [Promise.resolve(5), TypeError]])('a backoff may not answer %s, and pays nothing for it', (answer, kind) => {
    const budget = retryBudget()
    const withdraw = vi.spyOn(budget, 'withdraw')
    expect(() => stage({ backoff: () => answer as never, budget }).see(failed())).toThrow(kind)
    expect(withdraw).not.toHaveBeenCalled()
  })

  it('a backoff gets the number of the retry, the outcome, the pipeline’s chance and its own previous answer', () => {
    const backoff = vi.fn((n: number) => n * 10)
    const random = (): number => 0.25
    const { see } = stage({ backoff }, { random })
    const first = failed()
    see(first)
    see(failed())
    expect(backoff).toHaveBeenNthCalledWith(1, 1, first, { random, previousMs: 0 })
    expect(backoff).toHaveBeenNthCalledWith(2, 2, expect.anything(), { random, previousMs: 10 })
  })
})

describe('retry: options', () => {
  it('shows what is in force', () => {
    const { options } = retry({ maxAttempts: 5 })
    expect(options).toMatchObject({ maxAttempts: 5, maxRetryAfterMs: 10_000, name: 'retry' })
    expect(options.backoff.name).toBe('exponential(100 ms × 2, at most 10000 ms, jitter full)')
    expect(options.budget).toMatchObject({ options: { ratio: 0.1, minPerSecond: 1, ttlMs: 10_000 } })
    expect(retry({ budget: false }).options.budget).toBe(false)
  })

  it.each([
    [{ maxAttempts: 0 }, RangeError, 'retry.maxAttempts must be a whole number from 1 on, got 0'],
    [{ maxAttempts: 2.5 }, RangeError, 'retry.maxAttempts'],
    [{ maxAttempts: NaN }, RangeError, 'retry.maxAttempts'],
    [{ maxAttempts: '3' }, TypeError, 'retry.maxAttempts must be a whole number from 1 on, got "3"'],
    [{ maxAttempts: null }, TypeError, 'retry.maxAttempts'],
    [{ backoff: 100 }, TypeError, 'retry.backoff must be a function, got 100'],
    [{ backoff: null }, TypeError, 'retry.backoff'],
    [{ when: true }, TypeError, 'retry.when must be a function, got true'],
    [{ when: null }, TypeError, 'retry.when'],
    [{ budget: true }, TypeError, 'retry.budget must be a retryBudget({…}) or false, got true'],
    [{ budget: { ratio: 0.1 } }, TypeError, 'retry.budget must be a retryBudget({…}) or false, got an object'],
    [{ budget: null }, TypeError, 'retry.budget'],
    [{ maxRetryAfterMs: -1 }, RangeError, 'retry.maxRetryAfterMs must be a number from 0 on, got -1'],
    [{ maxRetryAfterMs: NaN }, RangeError, 'retry.maxRetryAfterMs'],
    [{ maxRetryAfterMs: '1s' }, TypeError, 'retry.maxRetryAfterMs'],
    [{ name: '' }, TypeError, 'retry.name must be a string that is not empty, got ""'],
    [{ name: 5 }, TypeError, 'retry.name'],
    [{ maxAttempt: 5 }, TypeError, 'retry has no option "maxAttempt"; did you mean "maxAttempts"?'],
    [{ retries: 3 }, TypeError, 'retry has no option "retries"'],
    [3, TypeError, 'retry options must be an object, got 3'],
    [null, TypeError, 'retry options must be an object, got null'],
  ])('%j is refused at build', (options, kind, message) => {
    expect(() => retry(options as never)).toThrow(kind)
    expect(() => retry(options as never)).toThrow(message)
  })

  it('update changes some, checks all, and keeps what the budget earned', () => {
    const { policy, see } = stage({ maxAttempts: 2 })
    const { budget } = policy.options
    policy.update({ maxAttempts: 5, backoff: constant(7) })
    expect(policy.options.budget).toBe(budget)
    for (let i = 0; i < 4; i++) expect(see(failed())).toEqual(againAfter(7))
    expect(see(failed())).not.toBeInstanceOf(Again)
    expect(() => policy.update({ maxAttempts: 0 })).toThrow('retry.maxAttempts')
    expect(() => policy.update({ name: 'other' } as never)).toThrow('retry has no option "name"')
    expect(policy.options.maxAttempts).toBe(5)
  })

  it('update can bring another budget, whose time then begins', async () => {
    const { policy, see, clock } = stage({ maxAttempts: Infinity })
    const budget = retryBudget({ minPerSecond: 0.1 })
    policy.update({ budget })
    expect(see(failed())).toBeInstanceOf(Again)
    expect(see(failed())).not.toBeInstanceOf(Again)
    await clock.advance(10_000)
    expect(budget.balance()).toBeCloseTo(1, 0)
  })

  it('does not write to the user’s object', () => {
    const options = Object.freeze({ maxAttempts: 2, when: undefined })
    expect(retry(options).options.maxAttempts).toBe(2)
    expect(options).toEqual({ maxAttempts: 2, when: undefined })
  })
})

describe('law: a call of a retry', () => {
  const kind = fc.constantFrom('success', 'failure', 'overload', 'ignored', 'refusal')

  it('ends with the last outcome, or the last real one before a refusal, after at most maxAttempts', () => {
    fc.assert(
      fc.property(fc.array(kind, { minLength: 10, maxLength: 10 }), fc.integer({ min: 1, max: 8 }), (kinds, maxAttempts) => {
        const { see } = stage({ maxAttempts, budget: false })
        const seen: Outcome<unknown>[] = []
        let said: Outcome<unknown> | Again
        do {
          const next = kinds[seen.length]!
          seen.push(next === 'refusal' ? refusal() : next === 'success' ? value(next) : failed(next as Verdict))
          said = see(seen.at(-1)!)
        } while (said instanceof Again)
        const last = seen.at(-1)!
        expect(seen.length).toBeLessThanOrEqual(maxAttempts)
        expect(said).toBe(last.verdict === 'unused' && seen.length > 1 ? seen.at(-2) : last)
        // Everything before it was worth a retry.
        for (const one of seen.slice(0, -1)) expect(['failure', 'overload']).toContain(one.verdict)
        if (last.verdict === 'failure' || last.verdict === 'overload') expect(seen.length).toBe(maxAttempts)
      }),
    )
  })
})
