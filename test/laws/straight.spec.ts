import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { again, type Attempt, type CallOptions, type Classify, constant, fallback, type Guard, later, type Observer, pipeline, type Policy, retry, retryBudget, timeout } from 'spillway'
import { manualClock } from 'spillway/testing'
import { letting } from '../../src/core/own.ts'
import { brief, no, step } from '../support/guards.ts'

// A call that runs once and is done has no record but its attempt's (`core/straight.ts`). Nobody may be able to tell: whoever asks for the call,
// wherever that is, and whatever forces a record from the start on, the hooks are told the same and the caller gets the same.

const answers = ['shared', 'fresh', 'fresh', 'no', 'throw', 'later'] as const
const jobs = ['value', 'value', 'bad value', 'reject', 'throw', 'late', 'late rejection', 'never', 'held', 'given up'] as const
const places = ['nowhere', 'admit', 'settle', 'release', 'work', 'later on', 'step', 'classify', 'afterwards'] as const
const doings = ['again', 'instead', 'waits', 'retry', 'fallback', 'looks'] as const
const callers = ['bare', 'with a deadline', 'with a signal'] as const
type Place = (typeof places)[number]

type Script =
  | { readonly kind: 'guard'; readonly answers: readonly (typeof answers)[number][]; readonly throws: boolean; readonly brief: boolean }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'step'; readonly does: (typeof doings)[number] }

const guards = fc.record({ kind: fc.constant('guard' as const), answers: fc.array(fc.constantFrom(...answers), { maxLength: 4 }), throws: fc.boolean(), brief: fc.boolean() })
const inner = fc.array(fc.oneof({ weight: 4, arbitrary: guards }, { weight: 1, arbitrary: fc.constant({ kind: 'timeout' as const }) }), { maxLength: 3 })
const outer = fc.array(fc.oneof({ weight: 2, arbitrary: guards }, { weight: 1, arbitrary: fc.constant({ kind: 'timeout' as const }) }), { maxLength: 2 })
const steps = fc.array(fc.record({ kind: fc.constant('step' as const), does: fc.constantFrom(...doings) }), { maxLength: 2 })

const caller: Record<(typeof callers)[number], () => CallOptions | undefined> = {
  bare: () => undefined,
  'with a deadline': () => ({ timeoutMs: 1_000_000 }),
  'with a signal': () => ({ signal: new AbortController().signal }),
}

/** Plays some calls, one after the other, and writes down what all that had to do with them were told. */
async function play(scripts: readonly Script[], work: readonly (typeof jobs)[number][], place: Place, by: (typeof callers)[number], { trying, classified, observed }: { readonly trying: boolean; readonly classified: boolean; readonly observed: boolean }): Promise<string[]> {
  const log: string[] = []
  const clock = manualClock()
  const budget = retryBudget({ ratio: 0.5, minPerSecond: 0 })
  const asks = (here: Place, attempt: Attempt): void => {
    if (here === place) log.push(attempt.call.operation ?? '')
  }
  const told = (line: string, throws: boolean): void => {
    log.push(line)
    if (throws) throw new Error(line)
  }
  // Of their own: whether an observer or a guard's `release` is told first says nothing.
  const seen: string[] = []
  const observer: Observer = {
    attemptSettled: ({ number, startedAt }, { verdict, endedBy, settledAt }) => void seen.push(`attempt ${number} ${verdict} ${endedBy} ${startedAt} ${settledAt}`),
    callSettled: ({ attempts, startedAt }, { ok }, { verdict, endedBy, settledAt }) => void seen.push(`call ${attempts} ${ok} ${verdict} ${endedBy} ${startedAt} ${settledAt}`),
    succeeded: (attempt, settled) => {
      observer.attemptSettled!(attempt, settled)
      observer.callSettled!(attempt.call, { ok: true, value: undefined, verdict: 'success' }, settled)
    },
    refused: ({ attempts }, { policy }, priority) => void seen.push(`refused ${attempts} ${policy} ${priority}`),
  }
  const policies = scripts.map((script, i): Policy => {
    const name = `p${i}`
    if (script.kind === 'timeout') return timeout(i === 0 ? 15 : 10, { name })
    if (script.kind === 'step') {
      if (script.does === 'retry') return retry({ name, backoff: constant(0), maxAttempts: 2, budget })
      if (script.does === 'fallback') return fallback((outcome) => `instead of ${outcome.verdict}`, { name })
      const passes = (attempt: Attempt): boolean => {
        asks('step', attempt)
        return script.does !== 'looks'
      }
      const does = step(name, (outcome, attempt, previous) => {
        asks('step', attempt)
        if (outcome.verdict !== 'success') log.push(`${name} ${outcome.ok} ${outcome.verdict} ${attempt.number}`)
        if (script.does === 'waits') return Promise.resolve(outcome)
        if (outcome.verdict === 'success' || outcome.endedBy === 'caller') return outcome
        if (script.does === 'instead') return { ok: true, value: 'instead', verdict: 'ignored' }
        return previous === undefined && script.does === 'again' ? again(0, 1) : outcome
      })
      // Who says nothing of a success may say so before there is an outcome.
      return script.does === 'waits' || i % 2 === 0 ? does : letting(does, passes)
    }
    const shared = {}
    let turn = 0
    const guard: Guard = {
      kind: 'guard',
      name,
      admit(attempt) {
        asks('admit', attempt)
        const answer = script.answers[turn++] ?? 'shared'
        log.push(`${name} ${answer} ${attempt.number} ${attempt.priority}`)
        if (answer === 'throw') throw new Error(name)
        if (answer === 'no') return no(name)
        if (answer === 'later') return later({ maxWaitMs: 5, start: (wake) => void clock.after(2, () => wake(shared)), cancel: () => void log.push(`${name} cancel`), expired: () => no(name) })
        return answer === 'fresh' ? {} : shared
      },
      settle(_permit, { verdict, endedBy }, attempt) {
        asks('settle', attempt)
        told(`${name} settle ${verdict} ${endedBy}`, script.throws)
      },
      release(_permit, attempt) {
        asks('release', attempt)
        told(`${name} release`, script.throws)
      },
    }
    return script.brief ? brief(guard) : guard
  })
  const p = pipeline('p', policies, {
    clock,
    observers: observed ? [observer] : [],
    onWarning: () => {},
    onInternalError: (error) => void log.push(`threw ${(error as Error).message}`),
    discard: (value) => void log.push(`discard ${String(value)}`),
    ...(classified && {
      classify: ((outcome, attempt) => {
        asks('classify', attempt)
        return outcome.ok && outcome.value !== 'bad' ? 'success' : 'failure'
      }) satisfies Classify,
    }),
  })
  const after = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve))
  const run = async (attempt: Attempt, job: (typeof jobs)[number]): Promise<unknown> => {
    asks('work', attempt)
    log.push(`runs ${attempt.number}`)
    if (job === 'late' || job === 'late rejection' || job === 'never') attempt.signal.addEventListener('abort', () => void log.push(`aborted ${(attempt.signal.reason as Error).name}`))
    if (job === 'held') attempt.until(after(20))
    if (job === 'given up') attempt.cancel(new Error('given up'))
    if (place === 'later on') void Promise.resolve().then(() => asks('later on', attempt))
    if (job === 'late' || job === 'late rejection') await after(20)
    if (job === 'never') await new Promise(() => {})
    if (job === 'reject' || job === 'late rejection') throw new Error(job)
    return job === 'bad value' ? 'bad' : 'value'
  }
  for (const job of work) {
    let kept: Attempt | undefined
    const options = { priority: 'high' as const, ...caller[by]() }
    const fn = (attempt: Attempt): unknown => {
      kept = attempt
      if (job === 'throw') throw new Error(job)
      return run(attempt, job)
    }
    let answer = 'no answer'
    if (trying) void p.tryRun(fn, options).then((said) => (answer = `${said.ok} ${said.attempts} ${String(said.ok ? said.value : said.error)}`))
    else {
      p.run(fn, options).then(
        (value) => (answer = String(value)),
        (error: Error) => (answer = `${error.name}: ${error.message}`),
      )
    }
    for (let ms = 0; ms < 100; ms++) {
      for (let turns = 0; turns < 40; turns++) await Promise.resolve()
      clock.tick(1)
    }
    log.push(answer)
    if (place === 'afterwards' && kept !== undefined) asks('afterwards', kept)
    if (kept !== undefined) log.push(`knows ${kept.call.attempts} ${kept.call.pipeline} ${kept.priority}`)
    log.push(`in flight ${p.inFlight}, budget ${budget.balance()}`)
  }
  return [...log.filter((line) => line !== ''), ...seen]
}

describe('a call that goes straight', () => {
  it('ends as one that has a record from the start, whoever asks for the call and whenever', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(outer, steps, inner, fc.array(fc.constantFrom(...jobs), { minLength: 1, maxLength: 4 }), fc.constantFrom(...places), fc.constantFrom(...callers), fc.record({ trying: fc.boolean(), classified: fc.boolean(), observed: fc.boolean() }), async (around, outside, within, work, place, by, how) => {
        const scripts = [...around, ...outside, ...within]
        expect(await play(scripts, work, place, by, how)).toEqual(await play(scripts, work, 'nowhere', 'bare', how))
      }),
      { numRuns: 400 },
    )
  })
})
