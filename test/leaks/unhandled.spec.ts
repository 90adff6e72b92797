import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Attempt, breaker, bulkhead, type CallOptions, constant, fallback, pipeline, type Pipeline, type PipelineOptions, type Policy, retry, timeout,
} from 'spillway'
import { manualClock, type ManualClock } from 'spillway/testing'
import { child } from '../support/child.ts'
import { counting, hedging, queueing, refusing, surround } from '../support/policies.ts'

const down = new Error('down')
const gone = new Error('gone')
const broken = new Error('broken')
const failing = async (): Promise<never> => {
  throw down
}
const throwing = (): never => {
  throw broken
}
const again = (delayMs = 0) => retry({ backoff: constant(delayMs), budget: false, maxAttempts: 3 })
const quiet: PipelineOptions = { onWarning: () => {}, onInternalError: () => {} }

let clock: ManualClock
const unhandled: unknown[] = []
const onUnhandled = (reason: unknown): void => void unhandled.push(reason)
let others: ((...args: never[]) => void)[] = []

beforeEach(() => {
  clock = manualClock()
  unhandled.length = 0
  // The test runner's own listener would fail the run beyond the test.
  others = process.listeners('unhandledRejection') as never
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', onUnhandled)
})
afterEach(() => {
  process.removeAllListeners('unhandledRejection')
  for (const other of others) process.on('unhandledRejection', other as never)
})

/** Rejects `afterMs` later, whatever its signal says. */
const late = (afterMs: number) => async (): Promise<never> => {
  await new Promise<void>((resolve) => clock.after(afterMs, resolve))
  throw down
}

interface Scenario {
  readonly policies?: () => readonly Policy[]
  readonly work?: (attempt: Attempt) => unknown
  readonly options?: PipelineOptions
  readonly call?: () => CallOptions
  /** What happens besides the calls. */
  readonly meanwhile?: (p: Pipeline<unknown>, abort: () => void) => unknown
}

const scenarios: Record<string, Scenario> = {
  'a rejection': {},
  'a synchronous throw': { work: throwing },
  'a timeout, then a late rejection': { policies: () => [timeout(10)], work: () => late(20)() },
  'a timeout with steps outside, then a late rejection': { policies: () => [fallback(() => 0), again(), timeout(10)], work: () => late(20)() },
  'a total timeout in a try': { policies: () => [timeout(15), again(), timeout(10)], work: () => late(20)() },
  'a total timeout in a back-off': { policies: () => [timeout(15), surround((next, attempt) => next(attempt)), again(14)] },
  'an abort, then a late rejection': { work: () => late(20)(), meanwhile: (_p, abort) => abort() },
  'an abort with steps outside, then a late rejection': { policies: () => [fallback(() => 0), again(), timeout(100)], work: () => late(20)(), meanwhile: (_p, abort) => abort() },
  'an abort in the same turn as the rejection': { policies: () => [again(), timeout(100)], work: (attempt) => (abortOf.get(attempt.call.meta)?.(), failing()) },
  'an abort within the function, synchronously': { policies: () => [fallback(() => 0), again(), timeout(100)], work: (attempt) => {
    abortOf.get(attempt.call.meta)?.()
    throw broken
  } },
  'an abort in a back-off': { policies: () => [again(50)], meanwhile: (_p, abort) => clock.advance(10).then(abort) },
  'an abort in a queue': { policies: () => [fallback(() => 0, { when: () => false }), queueing(0)], meanwhile: (_p, abort) => abort() },
  'a signal that was aborted before': { call: () => ({ signal: AbortSignal.abort(gone) }) },
  'a deadline that has passed': { call: () => ({ timeoutMs: 0 }) },
  'the deadline of the caller': { policies: () => [again()], work: () => late(20)(), call: () => ({ timeoutMs: 10 }) },
  'retries that run out': { policies: () => [again(), timeout(100)] },
  'retries that run out, with back-offs': { policies: () => [again(10)] },
  'a retry whose when throws': { policies: () => [retry({ when: throwing, budget: false })] },
  'a retry whose backoff throws': { policies: () => [retry({ backoff: throwing, budget: false }), timeout(100)] },
  'a retry that is refused': { policies: () => [again(), bulkhead({ slots: 1 }), timeout(5)], work: () => late(20)() },
  'a fallback that throws': { policies: () => [fallback(throwing), timeout(100)] },
  'a fallback that rejects': { policies: () => [fallback(failing)] },
  'a fallback that rejects within a timeout': { policies: () => [fallback(failing), timeout(100)] },
  'a fallback that rejects after the abort': { policies: () => [fallback(late(20)), timeout(100)], meanwhile: (_p, abort) => clock.advance(10).then(abort) },
  'a fallback that rejects after the total timeout': { policies: () => [timeout(10), fallback(late(20))] },
  'a fallback that rejects though nobody waits for it': { policies: () => [fallback(late(5), { when: () => true }), timeout(100)], work: () => late(20)(), meanwhile: (_p, abort) => abort() },
  'an until that rejects': { work: async (attempt) => (attempt.until(failing()), 1) },
  'an until that rejects late, after the answer': { policies: () => [again(), breaker(), timeout(10)], work: async (attempt) => (attempt.until(late(20)()), 1) },
  'an until that rejects, of a function that does too': { work: async (attempt) => {
    attempt.until(failing())
    attempt.until(late(5)())
    throw broken
  } },
  'an until that rejects after the abort': { work: (attempt) => (attempt.until(late(20)()), late(30)()), meanwhile: (_p, abort) => abort() },
  'an until after a timeout': { policies: () => [timeout(10)], work: async (attempt) => {
    await new Promise<void>((resolve) => clock.after(20, resolve))
    attempt.until(failing())
    throw broken
  } },
  'an until of a hanging function with a total timeout': { policies: () => [timeout(10), again()], work: (attempt) => (attempt.until(late(20)()), new Promise(() => {})) },
  'a refusal': { policies: () => [refusing()] },
  'a refusal with steps and a timeout outside': { policies: () => [again(), timeout(100), refusing()] },
  'a refusal answered by a fallback that rejects': { policies: () => [fallback(failing), timeout(100), refusing()] },
  'an open breaker': { policies: () => {
    const open = breaker()
    open.open()
    return [again(), open]
  } },
  'a queue that is waited in too long': { policies: () => [again(), queueing(0, 10), timeout(100)] },
  'a timeout in a queue': { policies: () => [fallback(failing), timeout(10), queueing(0, 100)] },
  'a guard whose admit throws': { policies: () => [again(), counting(), { kind: 'guard', name: 'bad', admit: throwing }] },
  'a guard whose admit is asynchronous and rejects': { policies: () => [{ kind: 'guard', name: 'async', admit: failing as never }] },
  'a guard whose settle and release throw': { policies: () => [counting(), { kind: 'guard', name: 'bad', admit: () => ({}), settle: throwing, release: throwing }] },
  'a guard whose settle and release reject': { policies: () => [{ kind: 'guard', name: 'bad', admit: () => ({}), settle: failing as never, release: failing as never }] },
  'a classifier that throws': { options: { classify: throwing } },
  'a classifier that rejects': { options: { classify: failing as never } },
  'a when that rejects': { policies: () => [retry({ when: failing as never, budget: false })] },
  'a when of a fallback that rejects': { policies: () => [fallback(() => 0, { when: failing as never })] },
  'a backoff that rejects': { policies: () => [retry({ backoff: failing as never, budget: false })] },
  'a discard that rejects': { policies: () => [timeout(10)], work: () => new Promise((resolve) => clock.after(20, () => resolve(1))), options: { discard: failing as never } },
  'a surround that throws': { policies: () => [again(), surround(throwing)] },
  'a surround that rejects': { policies: () => [again(), surround(failing), timeout(100)] },
  'a surround that rejects after the abort': { policies: () => [fallback(() => 0), surround(late(20))], meanwhile: (_p, abort) => abort() },
  'a surround that leaves its attempts behind': { policies: () => [surround(async (next, attempt) => (void next(attempt.fork()), next(attempt))), again(), timeout(10)], work: () => late(20)() },
  'a surround that answers nonsense': { policies: () => [surround(async () => 'nonsense' as never)] },
  'two attempts at once': { policies: () => [hedging(), timeout(10)], work: () => late(20)() },
  'two attempts at once, aborted': { policies: () => [again(), hedging(), again(5), timeout(10)], work: () => late(20)(), meanwhile: (_p, abort) => abort() },
  'a listener that throws': { policies: () => [again(), timeout(100)], meanwhile: (p) => p.on('*', throwing) },
  'a listener that rejects': { policies: () => [again(), timeout(100)], meanwhile: (p) => p.on('*', failing) },
  'an observer that throws': { options: { observers: [{ attemptSettled: throwing, callSettled: throwing, event: throwing }] }, policies: () => [again(), refusing()] },
  'an observer that rejects': { options: { observers: [{ attemptSettled: failing as never, callSettled: failing as never, event: failing as never }] } },
  'an onInternalError that throws': { policies: () => [again()], options: { onInternalError: throwing }, meanwhile: (p) => p.on('*', throwing) },
  'a closed pipeline': { policies: () => [again()], meanwhile: (p) => p.close() },
  'closed in a back-off': { policies: () => [again(50), timeout(100)], meanwhile: (p) => clock.advance(10).then(() => p.close()) },
  'closed in a queue': { policies: () => [queueing(0, 100)], meanwhile: (p) => void p.close() },
  'closed, the grace over, then a late rejection': { work: (attempt) => (attempt.signal.addEventListener('abort', () => {}), late(50)()), meanwhile: (p) => void p.close({ graceMs: 10 }) },
  'a rejection while it closes': { work: () => late(5)(), meanwhile: (p) => void p.close({ graceMs: 10 }) },
  'a fn that is none': { work: 'nonsense' as never },
  'call options that are none': { call: () => ({ signal: 5 }) as never },
}

const abortOf = new Map<unknown, () => void>()

/** One call by `use`; what it answered is looked at, as users do. */
async function play({ policies, work = failing, options, call, meanwhile }: Scenario, use: 'run' | 'tryRun' | 'wrap' | 'bind', signalled: boolean): Promise<void> {
  const p = pipeline('unhandled', policies?.() ?? [], { ...quiet, clock, ...options }) as Pipeline<unknown>
  const controller = new AbortController()
  const abort = (): void => controller.abort(gone)
  const meta = {}
  abortOf.set(meta, abort)
  const said: CallOptions = { meta, ...(signalled ? { signal: controller.signal } : {}), ...call?.() }
  let answer: Promise<unknown>
  try {
    answer = use === 'wrap' ? p.wrap(work as never, said)() : use === 'bind' ? p.bind(work, said)() : p[use](work, said)
  } catch (error) {
    // wrap and bind check their function when they are made.
    if (typeof work === 'function') throw error
    return
  }
  const seen = answer.then(() => {}, () => {})
  await meanwhile?.(p, abort)
  await clock.runAll()
  // Calls that nothing ended end now: a function that never settles, a queue.
  abort()
  await clock.flush()
  if (signalled) await seen
}

describe('no rejection is left unhandled', () => {
  it.each(Object.entries(scenarios))('%s', async (_name, scenario) => {
    for (const use of ['run', 'tryRun', 'wrap', 'bind'] as const) {
      for (const signalled of [true, false]) {
        await play(scenario, use, signalled)
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect([...new Set(unhandled)]).toEqual([])
  })

  it('is not hidden either: one of the caller, who does not look, stays one', async () => {
    void pipeline('unhandled', []).run(failing)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(unhandled).toEqual([down])
    unhandled.length = 0
    void pipeline('unhandled', [fallback(() => 0, { when: () => false }), timeout(100)], { clock }).run(failing)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(unhandled).toEqual([down])
  })

  it('in a process of its own, on the real clock', { timeout: 30_000 }, async () => {
    const { printed, complained, exitCode } = await child(`
      import { pipeline, timeout, retry, fallback, bulkhead, constant } from 'spillway'
      process.on('unhandledRejection', (reason) => console.log('unhandled', reason))
      const late = (ms) => new Promise((_, no) => setTimeout(() => no(new Error('late')), ms))
      const controller = new AbortController()
      setTimeout(() => controller.abort(new Error('gone')), 30)
      const answers = await Promise.allSettled([
        pipeline('a', [timeout(10)]).run(() => late(40)),
        pipeline('b', [fallback(() => { throw new Error('too') }), retry({ backoff: constant(5) }), timeout(10)]).run(() => late(40)),
        pipeline('c', [timeout(100), retry({ backoff: constant(50) })]).run(() => late(1), { signal: controller.signal }),
        pipeline('d', []).run((attempt) => (attempt.until(late(20)), 1)),
        pipeline('e', [bulkhead({ slots: 0 })]).run(() => 1),
        pipeline('f', []).run(() => late(40), { signal: controller.signal }),
      ])
      console.log(answers.map(({ status, reason }) => reason?.name ?? status).join(' '))
      await new Promise((resolve) => setTimeout(resolve, 100))`)
    expect(printed).toEqual(['TimeoutError FallbackFailedError Error fulfilled BulkheadFullError Error'])
    expect(complained).toBe('')
    expect(exitCode).toBe(0)
  })
})
