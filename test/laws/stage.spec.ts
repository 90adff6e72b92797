import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { again, bulkhead, fallback, later, pipeline, retry, constant, timeout, type Attempt, type Bulkhead, type Guard, type Policy, type Refusal, type TryResult } from 'spillway'
import { manualClock, seededRandom, type ManualClock } from 'spillway/testing'
import { no, race, repeat, step, surround } from '../support/guards.ts'

interface Permit {
  settles: number
  releases: number
}

/** Counts what becomes of each permit of a guard. */
class Ledger {
  readonly permits: Permit[] = []
  readonly faults: string[] = []
  refused = 0

  give(): Permit {
    const permit: Permit = { settles: 0, releases: 0 }
    this.permits.push(permit)
    return permit
  }

  settle(permit: Permit): void {
    if (++permit.settles > 1) this.faults.push('settled twice')
    if (permit.releases > 0) this.faults.push('settled after its release')
  }

  release(permit: Permit): void {
    if (++permit.releases > 1) this.faults.push('released twice')
    if (permit.settles === 0) this.faults.push('released before it was settled')
  }

  check(): string[] {
    return [...this.faults, ...this.permits.filter((p) => p.settles !== 1 || p.releases !== 1).map((p) => `settled ${p.settles}, released ${p.releases}`)]
  }
}

function counting(name: string, ledger: Ledger, refuses: () => boolean): Guard<Permit> {
  return {
    kind: 'guard',
    name,
    admit: () => {
      if (!refuses()) return ledger.give()
      ledger.refused++
      return no(name)
    },
    settle: (permit) => ledger.settle(permit),
    release: (permit) => ledger.release(permit),
  }
}

/** A bulkhead with a queue, which hands its slots over. */
function queueing(name: string, ledger: Ledger, slots: number, maxWaitMs: number): Guard<Permit> & { held: number; waiting: number } {
  const waiters: { wake: (answer: object | Refusal) => void }[] = []
  const guard: Guard<Permit> & { held: number; waiting: number } = {
    kind: 'guard',
    name,
    held: 0,
    get waiting() {
      return waiters.length
    },
    admit() {
      if (guard.held < slots) {
        guard.held++
        return ledger.give()
      }
      const waiter: { wake: (answer: object | Refusal) => void } = { wake() {} }
      return later({
        maxWaitMs,
        start: (wake) => {
          waiter.wake = wake
          waiters.push(waiter)
        },
        cancel: () => void waiters.splice(waiters.indexOf(waiter), 1),
        expired: () => no(name),
      })
    },
    settle: (permit) => ledger.settle(permit),
    release(permit) {
      ledger.release(permit)
      guard.held--
      const next = waiters.shift()
      if (next === undefined) return
      guard.held++
      next.wake(ledger.give())
    },
  }
  return guard
}

type PolicyScript =
  | { readonly is: 'count'; readonly refuses: number }
  | { readonly is: 'bulkhead'; readonly slots: number }
  | { readonly is: 'queue'; readonly slots: number; readonly maxWaitMs: number }
  | { readonly is: 'timeout'; readonly ms: number }
  | { readonly is: 'repeat'; readonly times: number; readonly delayMs: number }
  | { readonly is: 'retry'; readonly delayMs: number }
  | { readonly is: 'race'; readonly forks: number }
  | { readonly is: 'hedge' | 'late'; readonly afterMs: number }
  | { readonly is: 'pass' | 'fallback' | 'slow fallback' | 'stale' | 'cancels' }

interface CallScript {
  readonly atMs: number
  readonly worksMs: readonly number[]
  readonly ends: readonly ('value' | 'reject' | 'throw' | 'bad' | 'hold' | 'hold badly')[]
  readonly heeds: boolean
  readonly abortAfterMs: number | undefined
  readonly timeoutMs: number | undefined
}

const ms = fc.integer({ min: 0, max: 60 })
const policyScript: fc.Arbitrary<PolicyScript> = fc.oneof(
  fc.record({ is: fc.constant('count' as const), refuses: fc.constantFrom(0, 0, 0, 0.2) }),
  fc.record({ is: fc.constant('bulkhead' as const), slots: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ is: fc.constant('queue' as const), slots: fc.integer({ min: 1, max: 3 }), maxWaitMs: ms }),
  fc.record({ is: fc.constant('timeout' as const), ms: fc.integer({ min: 1, max: 90 }) }),
  fc.record({ is: fc.constant('repeat' as const), times: fc.integer({ min: 1, max: 3 }), delayMs: fc.constantFrom(0, 0, 7, 20) }),
  fc.record({ is: fc.constant('retry' as const), delayMs: fc.constantFrom(0, 5, 20) }),
  fc.record({ is: fc.constant('race' as const), forks: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ is: fc.constantFrom('hedge' as const, 'late' as const), afterMs: ms }),
  fc.record({ is: fc.constantFrom('pass' as const, 'fallback' as const, 'slow fallback' as const, 'stale' as const, 'cancels' as const) }),
)
const callScript: fc.Arbitrary<CallScript> = fc.record({
  atMs: ms,
  worksMs: fc.array(ms, { minLength: 1, maxLength: 4 }),
  ends: fc.array(fc.constantFrom('value', 'reject', 'throw', 'bad', 'hold', 'hold badly'), { minLength: 1, maxLength: 4 }) as fc.Arbitrary<CallScript['ends']>,
  heeds: fc.boolean(),
  abortAfterMs: fc.option(ms, { nil: undefined, freq: 3 }),
  timeoutMs: fc.option(ms, { nil: undefined, freq: 3 }),
})
const multiplying = new Set<PolicyScript['is']>(['repeat', 'retry', 'race', 'hedge', 'late', 'cancels', 'slow fallback'])
const scenario = fc.record({
  // Layers within layers multiply.
  list: fc.array(policyScript, { maxLength: 7 }).filter((list) => list.filter(({ is }) => multiplying.has(is)).length <= 3),
  calls: fc.array(callScript, { minLength: 1, maxLength: 8 }),
  seed: fc.nat(),
  closeAtMs: fc.option(ms, { nil: undefined, freq: 4 }),
  abandonAfterMs: fc.constantFrom(undefined, undefined, 0, 10),
})
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never

interface Made {
  readonly policy: Policy
  readonly ledger?: Ledger
  readonly slots?: Bulkhead
  readonly held?: () => number
}

/** A second attempt after a while; the first success wins, and the others are given up. */
function hedge(name: string, clock: ManualClock, afterMs: number): Policy {
  return surround(name, (next, attempt) =>
    new Promise((resolve) => {
      const attempts = [attempt, attempt.fork()]
      let left = 2
      const run = (one: Attempt): void => {
        void next(one).then((outcome) => {
          if (!outcome.ok && --left > 0) return
          resolve(outcome)
          for (const other of attempts) if (other !== one) other.cancel()
        })
      }
      run(attempt)
      clock.after(afterMs, () => run(attempts[1]!))
    }))
}

function make(script: PolicyScript, i: number, random: () => number, clock: ManualClock): Made {
  const name = `${script.is}${i}`
  switch (script.is) {
    case 'count': {
      const ledger = new Ledger()
      return { policy: counting(name, ledger, () => random() < script.refuses), ledger }
    }
    case 'bulkhead': {
      const slots = bulkhead({ slots: script.slots, name })
      return { policy: slots, slots }
    }
    case 'queue': {
      const ledger = new Ledger()
      const policy = queueing(name, ledger, script.slots, script.maxWaitMs)
      return { policy, ledger, held: () => policy.held + policy.waiting }
    }
    case 'timeout':
      return { policy: timeout(script.ms, { name }) }
    case 'repeat':
      return { policy: repeat(script.times, script.delayMs, name) }
    case 'retry':
      return { policy: retry({ name, backoff: constant(script.delayMs), budget: false }) }
    case 'race':
      return { policy: race(name, script.forks) }
    case 'hedge':
      return { policy: hedge(name, clock, script.afterMs) }
    case 'late':
      // Goes on although it has answered.
      return {
        policy: surround(name, (next, attempt) => {
          clock.after(script.afterMs, () => void next(attempt.fork()))
          return next(attempt)
        }),
      }
    case 'pass':
      return { policy: surround(name, (next, attempt) => next(attempt)) }
    case 'fallback':
      return { policy: fallback(() => 'instead', { name }) }
    case 'slow fallback':
      return { policy: step(name, (outcome, _a, previous) => (outcome.ok ? outcome : previous === undefined ? again(3) : Promise.resolve({ ok: true, value: 'slowly', verdict: 'ignored' }))) }
    case 'stale':
      return {
        policy: surround(name, (next, attempt) => {
          const fresh = next(attempt)
          return random() < 0.5 ? fresh : Promise.resolve({ ok: true, value: 'stale', verdict: 'ignored' })
        }),
      }
    default:
      return {
        policy: surround(name, async (next, attempt) => {
          const fork = attempt.fork()
          const [one, two] = [next(attempt), next(fork)]
          fork.cancel()
          await two
          return one
        }),
      }
  }
}

/** Work as scripted: so long, so ended, heeding its signal or not; it always ends. */
function workOf(script: CallScript, clock: ManualClock) {
  return (attempt: Attempt): Promise<unknown> => {
    const n = attempt.number - 1
    const spanMs = script.worksMs[n % script.worksMs.length]!
    const end = script.ends[n % script.ends.length]!
    if (end === 'throw') throw new Error('thrown')
    if (end.startsWith('hold')) {
      attempt.until(new Promise((resolve, reject) => clock.after(spanMs, () => (end === 'hold' ? resolve(1) : reject(new Error('truncated'))))))
      return Promise.resolve(n % 2 === 0 ? 'head' : 'bad')
    }
    return new Promise((resolve, reject) => {
      clock.after(spanMs, () => (end === 'reject' ? reject(new Error('down')) : resolve(end)))
      if (script.heeds) attempt.signal.addEventListener('abort', () => reject(attempt.signal.reason as Error))
    })
  }
}

async function play({ list, calls, seed, closeAtMs, abandonAfterMs }: Scenario) {
  const clock = manualClock()
  const random = seededRandom(seed)
  const made = list.map((script, i) => make(script, i, random, clock))
  const faults: string[] = []
  const settledCalls = new Map<string, number>()
  const answers: TryResult<unknown>[] = []
  const oks: [string, boolean][] = []
  const events: [string, boolean][] = []
  const shared = pipeline('law', made.map(({ policy }) => policy), {
    clock,
    random,
    abandonAfterMs,
    onWarning: () => {},
    onInternalError: (error) => faults.push(`internal ${String(error)}`),
    classify: (outcome) => (outcome.ok ? (outcome.value === 'bad' ? 'failure' : 'success') : 'overload'),
    observers: [{ callSettled: (call, outcome) => {
      settledCalls.set(call.id, (settledCalls.get(call.id) ?? 0) + 1)
      events.push([String(call.meta), outcome.ok])
    } }],
  })
  const overfull = (): void => {
    for (const { slots } of made) if (slots !== undefined && slots.inFlight > slots.options.slots) faults.push(`${slots.name} holds ${slots.inFlight}`)
  }
  const began = calls.map((script, i) => {
    const controller = new AbortController()
    clock.after(script.atMs, () => {
      const work = workOf(script, clock)
      const answer = shared.tryRun((attempt) => (overfull(), work(attempt)), {
        meta: i,
        signal: script.abortAfterMs === undefined ? undefined : controller.signal,
        timeoutMs: script.timeoutMs,
      })
      void answer.then((result) => {
        answers.push(result)
        oks.push([String(i), result.ok])
      })
    })
    if (script.abortAfterMs !== undefined) clock.after(script.atMs + script.abortAfterMs, () => controller.abort('gone'))
    return controller
  })
  if (closeAtMs !== undefined) clock.after(closeAtMs, () => void shared.close({ graceMs: 500 }))
  await clock.advance(2_000)
  await clock.runAll()
  // What was abandoned is found when somebody comes by.
  await clock.flush()
  return { clock, made, faults, settledCalls, answers, oks, events, shared, began }
}

describe('laws of the stage', () => {
  const numRuns = Number(process.env['FC_RUNS'] ?? 1_000)

  it('every permit is settled once and released once; every call settles and is answered once; nothing stays', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (said) => {
        const { clock, made, faults, settledCalls, answers, oks, events, shared } = await play(said)
        expect(faults).toEqual([])
        for (const { ledger, slots, held } of made) {
          expect(ledger?.check() ?? []).toEqual([])
          expect(slots?.inFlight ?? 0).toBe(0)
          expect(held?.() ?? 0).toBe(0)
        }
        expect(answers.length).toBe(said.calls.length)
        expect([...settledCalls.values()].every((times) => times === 1)).toBe(true)
        expect(settledCalls.size).toBe(said.calls.length)
        expect(new Map(events)).toEqual(new Map(oks))
        expect(shared.inFlight).toBe(0)
        expect(clock.pending).toBe(0)
        expect(clock.armed).toBeLessThanOrEqual(1)
      }),
      { numRuns },
    )
  }, 120_000)

  it('a refusal leaves no permit: whatever is admitted before it comes back within the call', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 6 }), fc.nat(5), async (layers, at) => {
        const ledgers: Ledger[] = []
        const list: Policy[] = layers.flatMap((kind, i) => {
          const ledger = new Ledger()
          ledgers.push(ledger)
          const guard = counting(`g${i}`, ledger, () => i === at % layers.length)
          return kind === 0 ? [guard] : kind === 1 ? [guard, repeat(2, 0, `r${i}`)] : [guard, surround(`s${i}`, (next, attempt) => next(attempt))]
        })
        let ran = 0
        const made = pipeline('law', list, { clock: manualClock() })
        const answer = await made.tryRun(() => ran++)
        await new Promise(setImmediate)
        expect([answer.ok, answer.attempts, ran, made.inFlight]).toEqual([false, 0, 0, 0])
        expect(ledgers.flatMap((ledger) => ledger.check())).toEqual([])
        expect(ledgers.slice((at % layers.length) + 1).every(({ permits }) => permits.length === 0)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it('a call that nobody ends answers what its function answers, whatever stands around it', async () => {
    const harmless = fc.array(fc.constantFrom<PolicyScript>({ is: 'count', refuses: 0 }, { is: 'bulkhead', slots: 1 }, { is: 'queue', slots: 1, maxWaitMs: 10 }, { is: 'timeout', ms: 90 }, { is: 'repeat', times: 3, delayMs: 7 }, { is: 'retry', delayMs: 5 }, { is: 'pass' }, { is: 'fallback' }), { maxLength: 7 })
    await fc.assert(
      fc.asyncProperty(harmless, fc.anything(), async (list, value) => {
        const clock = manualClock()
        const made = list.map((script, i) => make(script, i, () => 0.5, clock))
        const shared = pipeline('law', made.map(({ policy }) => policy), { clock, onWarning: () => {} })
        // What has a `then` is somebody's promise.
        const given = { value }
        expect(await shared.run(() => given)).toBe(given)
        expect([shared.inFlight, clock.pending]).toEqual([0, 0])
      }),
      { numRuns: 300 },
    )
  })
})
