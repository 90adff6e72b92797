import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  adaptiveLimit, again, attempt, type Classify, type Guard, type Host, Later, later, type Outcome, park, pipeline, type Policy, type Priority, Refusal, settled, shed, throttle, type Verdict,
} from 'spillway'
import { manualClock } from 'spillway/testing'
import { no, step, surround } from '../support/guards.ts'
import { nested, type OraclePolicy } from '../support/oracle.ts'

type Answer = 'yes' | 'no' | 'throw' | 'later yes' | 'later no' | 'start throws'

interface GuardScript {
  readonly kind: 'guard'
  /** What it answers, in turn; afterwards yes. */
  readonly answers: readonly Answer[]
  readonly settleThrows: boolean
  readonly releaseThrows: boolean
}

interface LayerScript {
  readonly kind: 'layer'
  readonly does: 'retry' | 'fallback' | 'pass' | 'throws' | 'waits'
}

/** A guard of the house, and the pressure that its pipeline is under, attempt by attempt; afterwards none. */
interface OwnScript {
  readonly kind: 'own'
  readonly what: 'adaptiveLimit' | 'shed' | 'park'
  readonly pressures: readonly number[]
}

/** The real one, with a share of its own. */
interface ThrottleScript {
  readonly kind: 'throttle'
  readonly allow: number
}

type Script = GuardScript | LayerScript | OwnScript | ThrottleScript
type Job = 'value' | 'bad value' | 'busy value' | 'throw' | 'reject' | 'busy' | 'ignored' | 'classify throws'

const guardScript = fc.record<GuardScript>({
  kind: fc.constant('guard'),
  answers: fc.array(fc.oneof({ weight: 6, arbitrary: fc.constant<Answer>('yes') }, fc.constantFrom<Answer>('no', 'throw', 'later yes', 'later yes', 'later no', 'start throws')), { maxLength: 5 }),
  settleThrows: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
  releaseThrows: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
})
const layerScript = fc.record<LayerScript>({ kind: fc.constant('layer'), does: fc.constantFrom('retry', 'retry', 'fallback', 'pass', 'throws', 'waits') })
const ownScript = fc.record<OwnScript>({ kind: fc.constant('own'), what: fc.constantFrom('adaptiveLimit', 'shed', 'park'), pressures: fc.array(fc.constantFrom(0, 0.5, 0.75, 0.9, 1), { maxLength: 6 }) })
const throttleScript = fc.record<ThrottleScript>({ kind: fc.constant('throttle'), allow: fc.constantFrom(0, 0.25, 0.5, 0.75, 1) })
const scripts = fc.array(fc.oneof({ weight: 6, arbitrary: guardScript }, { weight: 2, arbitrary: layerScript }, { weight: 2, arbitrary: ownScript }, { weight: 1, arbitrary: throttleScript }), { maxLength: 8 })
const jobList = fc.array(fc.constantFrom<Job>('value', 'value', 'bad value', 'busy value', 'throw', 'reject', 'busy', 'ignored', 'classify throws'), { maxLength: 12 })

const verdictOf: Record<Exclude<Job, 'classify throws'>, Verdict> = {
  value: 'success', 'bad value': 'failure', 'busy value': 'overload', throw: 'failure', reject: 'failure', busy: 'overload', ignored: 'ignored',
}
const classify: Classify = (outcome) => {
  const job = (outcome.ok ? outcome.value : outcome.error) as Job
  if (job === 'classify throws') throw new Error('classify')
  return verdictOf[job]
}

/** Runs a script in turn, `otherwise` when it is through. */
function inTurn<T>(script: readonly T[], otherwise: T): () => T {
  let n = 0
  return () => script[n++] ?? otherwise
}

function describeOutcome(outcome: Outcome<unknown>): string {
  return `${outcome.ok} ${outcome.verdict}`
}

const worthAnother = (outcome: Outcome<unknown>, tries: number): boolean => tries < 3 && (outcome.verdict === 'failure' || outcome.verdict === 'overload')
const PHASE = 0.5
const answered: Outcome<unknown> = { ok: true, value: 'instead', verdict: 'ignored' }
const hookBug = (log: string[], line: string, throws: boolean): void => {
  log.push(line)
  if (throws) throw new Error(line)
}

/** The priorities of the calls, one after the other. */
const turns: readonly Priority[] = ['normal', 'low', 'critical']

/**
 * A guard of the house as it is, that writes down what it answers and is told. Its pressure is the script's, not that of the
 * other guards, so that it is the same for the oracle; who would have to wait (`park`) is refused, since nobody is there to end the wait.
 */
function own({ what, pressures }: OwnScript, log: string[], name: string): Guard {
  const pressure = inTurn(pressures, 0)
  const guard: Guard = what === 'shed' ? shed() : what === 'park' ? park({ queue: 0 }) : adaptiveLimit({ start: 1 })
  return {
    kind: 'guard',
    name,
    timed: true,
    bind(host: Host) {
      guard.bind!({ ...host, pressure, share: () => 1, probeDue: () => false, retryAfterMs: () => undefined })
    },
    admit(one) {
      const answer = guard.admit(one)
      log.push(`${name} ${what} ${answer instanceof Refusal ? `no: ${answer.reason()}` : answer instanceof Later ? 'later' : 'yes'}`)
      return answer
    },
    settle(permit, told, one) {
      log.push(`${name} settle ${told.verdict}/${told.endedBy}`)
      guard.settle?.(permit, told, one)
    },
    release(permit, one) {
      guard.release?.(permit, one)
      log.push(`${name} release${what === 'adaptiveLimit' ? ` ${(guard as ReturnType<typeof adaptiveLimit>).inFlight}` : ''}`)
    },
  }
}

/** The same script as policies of spillway. */
function real(list: readonly Script[], log: string[]): Policy[] {
  return list.map((script, i): Policy => {
    const name = `p${i}`
    if (script.kind === 'throttle') return throttle({ name, allow: script.allow })
    if (script.kind === 'layer') {
      if (script.does === 'pass') return surround(name, (next, attempt) => next(attempt).then((outcome) => (log.push(`${name} ${describeOutcome(outcome)}`), outcome)))
      return step(name, (outcome, _attempt, previous) => {
        log.push(`${name} ${describeOutcome(outcome)}`)
        const tries = ((previous?.memo as number | undefined) ?? 0) + 1
        if (script.does === 'throws') throw new Error(name)
        if (script.does === 'waits') return Promise.resolve(outcome)
        if (script.does === 'retry') return worthAnother(outcome, tries) ? again(0, tries) : outcome
        return outcome.verdict === 'success' ? outcome : answered
      })
    }
    if (script.kind === 'own') return own(script, log, name)
    const answer = inTurn(script.answers, 'yes')
    const guard: Guard = {
      kind: 'guard',
      name,
      admit() {
        log.push(`${name} admit`)
        const said = answer()
        if (said === 'throw') throw new Error(name)
        if (said === 'no') return no(name)
        if (said === 'yes') return {}
        return later({
          maxWaitMs: Infinity,
          start(wake) {
            if (said === 'start throws') throw new Error(name)
            queueMicrotask(() => wake(said === 'later yes' ? {} : no(name)))
          },
          cancel() {},
          expired: () => no(name),
        })
      },
      settle: (_permit, { verdict, endedBy }) => hookBug(log, `${name} settle ${verdict}/${endedBy}`, script.settleThrows),
      release: () => hookBug(log, `${name} release`, script.releaseThrows),
    }
    return guard
  })
}

/** A guard of the house in two steps, each attempt one of its own. */
function byHand(guard: Guard, priority: () => Priority): OraclePolicy {
  const clock = manualClock()
  guard.bind!({ ...nobody, clock })
  const held: { readonly one: ReturnType<typeof attempt>; readonly permit: object }[] = []
  // The oracle runs one attempt at a time, and what was admitted first is released last of a nest, but next of a row.
  const settling: typeof held = []
  return {
    kind: 'guard',
    admit() {
      const one = attempt({ clock, priority: priority() })
      one.now()
      const permit = guard.admit(one)
      if (permit instanceof Refusal) return Promise.resolve(false)
      held.push({ one, permit })
      return Promise.resolve(true)
    },
    settle({ verdict, endedBy }) {
      const { one, permit } = held.pop()!
      guard.settle!(permit, settled(verdict, one, { endedBy: endedBy as 'work' }), one)
      settling.push({ one, permit })
    },
    release() {
      const { one, permit } = settling.shift()!
      guard.release!(permit, one)
    },
  }
}

/** What a pipeline would tell, where there is none. */
const nobody: Host = {
  pipeline: 'oracle',
  clock: manualClock(),
  random: () => 0,
  report: () => {},
  timeoutMs: Infinity,
  pressure: () => 0,
  retryAfterMs: () => undefined,
  share: () => 1,
  ramp: () => false,
  warn: () => {},
  probeDue: () => false,
}

/** Carries over what is not a whole call, of each priority; one that was not used after all is given back, as far as there is room for it. */
function naiveThrottle(allow: number, priority: () => Priority): OraclePolicy {
  const carries: Partial<Record<Priority, number>> = {}
  return {
    kind: 'guard',
    admit() {
      const carry = carries[priority()] ?? PHASE
      const passes = allow > 0 && carry + allow >= 1
      carries[priority()] = carry + allow - (passes ? 1 : 0)
      return Promise.resolve(passes)
    },
    settle({ verdict }) {
      if (verdict === 'unused' && allow < 1) carries[priority()] = Math.min(1, carries[priority()]! + 1)
    },
    release() {},
  }
}

/** And as the oracle's. */
function naive(list: readonly Script[], log: string[], priority: () => Priority): OraclePolicy[] {
  return list.map((script, i): OraclePolicy => {
    const name = `p${i}`
    if (script.kind === 'throttle') return naiveThrottle(script.allow, priority)
    if (script.kind === 'layer') {
      return {
        kind: 'layer',
        after(outcome, tries) {
          log.push(`${name} ${describeOutcome(outcome)}`)
          if (script.does === 'throws') return { ok: false, error: name, verdict: 'ignored' }
          if (script.does === 'retry') return worthAnother(outcome, tries) ? 'again' : outcome
          return script.does === 'fallback' && outcome.verdict !== 'success' ? answered : outcome
        },
      }
    }
    if (script.kind === 'own') return byHand(own(script, log, name), priority)
    const answer = inTurn(script.answers, 'yes')
    return {
      kind: 'guard',
      admit() {
        log.push(`${name} admit`)
        const said = answer()
        return said === 'throw' || said === 'start throws' ? Promise.reject(new Error(name)) : Promise.resolve(said === 'yes' || said === 'later yes')
      },
      settle: ({ verdict, endedBy }) => hookBug(log, `${name} settle ${verdict}/${endedBy}`, script.settleThrows),
      release: () => hookBug(log, `${name} release`, script.releaseThrows),
    }
  })
}

async function fused(list: readonly Script[], jobs: readonly Job[], calls: number, early: boolean): Promise<string[]> {
  const log: string[] = []
  const job = inTurn(jobs, 'value')
  const clock = manualClock()
  const made = pipeline('oracle', real(list, log), { clock, classify, random: () => PHASE, onInternalError: (error) => log.push(`internal ${(error as Error).message}`), onWarning: () => {} })
  for (let i = 0; i < calls; i++) {
    const answer = await made.tryRun(
      () => {
        const said = job()
        log.push(`work ${said}`)
        if (said === 'throw') throw said as unknown as Error
        return said.includes('value') || said === 'classify throws' ? said : Promise.reject(said as unknown as Error)
      },
      { priority: turns[i]!, ...(early ? { timeoutMs: 1e6, signal: new AbortController().signal } : {}) },
    )
    await clock.flush()
    log.push(`answer ${answer.ok}`)
  }
  log.push(`in flight ${made.inFlight}`, `timers ${clock.pending}`)
  return log
}

async function oracle(list: readonly Script[], jobs: readonly Job[], calls: number): Promise<string[]> {
  const log: string[] = []
  const job = inTurn(jobs, 'value')
  let call = 0
  const policies = naive(list, log, () => turns[call]!)
  const report = (error: unknown): void => void log.push(`internal ${(error as Error).message}`)
  for (let i = 0; i < calls; i++) {
    const { outcome, releases } = await nested(
      policies,
      () => {
        const said = job()
        log.push(`work ${said}`)
        if (said === 'classify throws') return Promise.resolve({ ok: false, error: said, verdict: 'ignored' })
        return Promise.resolve(said.includes('value') ? { ok: true, value: said, verdict: verdictOf[said] } : { ok: false, error: said, verdict: verdictOf[said] })
      },
      report,
    )
    for (const release of releases) release()
    call = i + 1
    log.push(`answer ${outcome.ok}`)
  }
  log.push('in flight 0', 'timers 0')
  return log
}

describe('the oracle', () => {
  it('the fused stage writes the same log as the naive nested one', async () => {
    await fc.assert(
      fc.asyncProperty(scripts, jobList, fc.integer({ min: 1, max: 3 }), fc.boolean(), async (list, jobs, calls, early) => {
        expect(await fused(list, jobs, calls, early)).toEqual(await oracle(list, jobs, calls))
      }),
      { numRuns: Number(process.env['FC_RUNS'] ?? 1_000) },
    )
  })

  it('the oracle itself tells refusals, failures and bugs apart', async () => {
    const guard = (...answers: Answer[]): Script => ({ kind: 'guard', answers, settleThrows: false, releaseThrows: false })
    expect(await oracle([guard(), guard('yes', 'no'), { kind: 'layer', does: 'retry' }, guard('yes', 'throw')], ['busy', 'value'], 2)).toEqual([
      'p0 admit', 'p1 admit', 'p3 admit', 'work busy', 'p3 settle overload/work', 'p3 release', 'p2 false overload',
      'p3 admit', 'p2 false ignored', 'p1 settle ignored/work', 'p0 settle ignored/work', 'p1 release', 'p0 release', 'answer false',
      'p0 admit', 'p1 admit', 'p0 settle unused/refusal', 'p0 release', 'answer false',
      'in flight 0', 'timers 0',
    ])
  })
})
