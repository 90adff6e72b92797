import { describe, expect, it } from 'vitest'
import { type Attempt, bulkhead, BulkheadFullError, type CallOptions, constant, fallback, type Guard, later, type Layer, type Observer, pipeline, type Policy, refuse, RejectedError, retry, throttle } from 'spillway'
import { recorder } from 'spillway/metrics'
import { manualClock } from 'spillway/testing'

/** Each story is played by a call that goes straight and by one that cannot: they must be told the same. */
const both = async <T>(play: (call: CallOptions | undefined) => Promise<T>): Promise<void> => expect(await play(undefined)).toEqual(await play({ timeoutMs: 1e6 }))
const watching = (told: string[]): Observer => ({
  attemptSettled: ({ number }, { verdict }) => void told.push(`attempt ${number} ${verdict}`),
  callSettled: ({ attempts }, _, { verdict }) => void told.push(`call ${attempts} ${verdict}`),
  succeeded: ({ number }, { verdict }) => void told.push(`attempt ${number} ${verdict}`, `call 1 ${verdict}`),
})
const idle: Guard = { kind: 'guard', name: 'g', admit: () => ({}) }

describe('1 attempts that observers with succeeded are never told of', () => {
  it.each<[string, Policy]>([
    ['a value that is a failure is tried again', retry({ maxAttempts: 2, backoff: constant(0), budget: false })],
    ['a value that is a failure is answered by a fallback', fallback(() => 1)],
    ['a settle hook reads attempt.call', { ...idle, settle: (_p, _s, one) => void one.call }],
    ['a release hook reads attempt.call', { ...idle, release: (_p, one) => void one.call }],
    ['a step reads attempt.call', { kind: 'layer', name: 'l', after: (outcome, one) => (void one.call, outcome) } satisfies Layer],
  ])('%s', (_, policy) =>
    both(async (call) => {
      const told: string[] = []
      const p = pipeline('p', [policy], { observers: [watching(told)], classify: (raw) => (raw.ok && raw.value === 503 ? 'failure' : 'success') })
      await p.run(({ number }) => (number === 1 ? 503 : 200), call)
      return told
    }),
  )
  it('metrics', () =>
    both(async (call) => {
      const metrics = recorder()
      const p = pipeline('p', [retry({ maxAttempts: 2, backoff: constant(0), budget: false })], { observers: [metrics], classify: (raw) => (raw.ok && raw.value === 503 ? 'failure' : 'success') })
      await p.run(({ number }) => (number === 1 ? 503 : 200), call)
      const { attempts, retries } = metrics.snapshot().pipelines[0]!.totals
      return { attempts, retries }
    }))
})

describe('2 a layer that wraps another by spreading', () => {
  it.each<[string, Layer]>([['retry', retry({ budget: false })], ['fallback', fallback(() => 1) as unknown as Layer]])('%s', (_, inner) =>
    both(async (call) => {
      const seen: string[] = []
      const wrapped: Layer = { ...inner, after: (outcome, one, previous) => (seen.push(outcome.verdict), inner.after!(outcome, one, previous)) }
      await pipeline('p', [wrapped]).run(() => 1, call)
      return seen
    }))
})

describe('3 until, called by classify', () => {
  it('keeps the permit', () =>
    both(async (call) => {
      const log: string[] = []
      let free = (): void => {}
      const p = pipeline('p', [{ ...idle, settle: () => void log.push('settle'), release: () => void log.push('release') }], {
        classify: (_raw, one) => (one.until(new Promise<void>((done) => (free = done))), 'success'),
      })
      await p.run(() => 'head', call)
      log.push(`in flight ${p.inFlight}`)
      free()
      await new Promise(setImmediate)
      return log
    }))
})

describe('4 a broken admit behind a queue', () => {
  it.each<[string, () => unknown]>([['answers nothing', () => undefined], ['is asynchronous', async () => refuse({ name: 'g' }, BulkheadFullError, () => 'no')]])('%s', async (_, admit) => {
    let wake = (_permit: object): void => {}
    const queue: Guard = { kind: 'guard', name: 'queue', admit: () => later({ maxWaitMs: Infinity, start: (w) => void (wake = w), cancel() {}, expired: () => refuse({ name: 'queue' }, BulkheadFullError, () => 'late') }) }
    const run = pipeline('p', [queue, { kind: 'guard', name: 'broken', admit: admit as Guard['admit'] }]).run(() => 'ran')
    wake({})
    await expect(run).rejects.toThrow('admit of the guard "broken" must answer')
  })
})

describe('5 a guard that wraps another by spreading', () => {
  it('keeps what it was told', async () => {
    const kept: { readonly verdict: string }[] = []
    const inner = throttle() as Guard
    const p = pipeline('p', [{ ...inner, bind: (host) => inner.bind!(host), admit: (one) => inner.admit(one), settle: (permit, settled, one) => (kept.push(settled), inner.settle!(permit as object, settled, one)) } satisfies Guard])
    await p.run(() => 1)
    await p.run(() => Promise.reject(new Error('down'))).catch(() => {})
    expect(kept.map(({ verdict }) => verdict)).toEqual(['success', 'failure'])
  })
})

describe('6 passes that is asynchronous by mistake', () => {
  it('lets nothing unhandled, and is not taken for a yes', async () => {
    const unhandled: unknown[] = []
    const heard = (error: unknown): void => void unhandled.push(error)
    process.prependListener('unhandledRejection', heard)
    const layer = { kind: 'layer', name: 'l', after: () => ({ ok: true, value: 'after', verdict: 'ignored' }), passes: async () => { throw new Error('async') } } as unknown as Layer
    const answer = await pipeline('p', [layer], { onInternalError() {} }).run(() => 'fn')
    await new Promise(setImmediate)
    process.off('unhandledRejection', heard)
    expect([answer, unhandled]).toEqual(['after', []])
  })
})

describe('7 spans told by succeeded', () => {
  it.each<[string, (tick: () => void) => Policy]>([
    ['release hooks', (tick) => ({ ...idle, release: tick })],
    ['steps', (tick) => ({ kind: 'layer', name: 'l', after: (outcome) => (tick(), outcome), passes: () => (tick(), true) })],
  ])('are without %s', (_, policy) =>
    both(async (call) => {
      const clock = manualClock()
      const spans: number[] = []
      const took = ({ startedAt }: Attempt, settledAt: number): void => void spans.push(settledAt - startedAt)
      const observer: Observer = { attemptSettled: (one, { settledAt }) => took(one, settledAt), succeeded: (one, { settledAt }) => took(one, settledAt) }
      await pipeline('p', [policy(() => clock.tick(7))], { clock, observers: [observer] }).run(() => 1, call)
      return spans
    }),
  )
})

describe('8 the signal, first read in a hook after the grace of close', () => {
  it('is aborted', () =>
    both(async (call) => {
      const clock = manualClock()
      const seen: boolean[] = []
      const p = pipeline('p', [{ ...idle, settle: (_p, _s, one) => void seen.push(one.signal.aborted) }], { clock })
      const run = p.run(() => new Promise<void>((done) => void clock.after(20, done)), call)
      void p.close({ graceMs: 5 })
      await clock.advance(30)
      await run
      return seen
    }))
})

describe('9 a listener that comes while a call ends', () => {
  it.each(['classify', 'settle', 'release', 'step'])('in %s', (where) =>
    both(async (call) => {
      const heard: string[] = []
      const go = (here: string): void => {
        if (here === where) p.on('*', ({ type }) => void heard.push(type))
      }
      const p = pipeline('p', [{ kind: 'layer', name: 'l', after: (outcome) => (go('step'), outcome) }, { ...idle, settle: () => go('settle'), release: () => go('release') }], { classify: () => (go('classify'), 'success') })
      await p.run(() => 1, call)
      return heard
    }),
  )
})

describe('10 a static code of a user', () => {
  it('is not the code of its errors', () => {
    class Mine extends RejectedError {
      static readonly code = 503
    }
    expect(new Mine('m').code).toBe('REJECTED')
  })
})

describe('11 a refusal that several pipelines, or calls, are given', () => {
  it('says the pipeline of each, though their names begin alike', async () => {
    const shared = bulkhead({ slots: 0 })
    const names = ['orders', 'invoices'].map((end) => `https://api.eu-west-1.internal.example.com/${end}`)
    const said: unknown[] = []
    for (const name of names) said.push(await pipeline(name, [shared]).run(() => 1).catch((error: RejectedError) => error.pipeline))
    expect(said).toEqual(names)
  })
  it('gives the reason of now', async () => {
    let left: number = 3
    const one = refuse({ name: 'g' }, BulkheadFullError, () => `${left} to go`)
    const p = pipeline('p', [{ kind: 'guard', name: 'g', admit: () => one }])
    const said: unknown[] = []
    for (; left > 1; left--) said.push(await p.run(() => 1).catch((error: Error) => error.message))
    expect(said).toEqual(['Cannot call "p": 3 to go', 'Cannot call "p": 2 to go'])
  })
  it('hands no two errors the same details', async () => {
    class Noted extends RejectedError {
      readonly details: object
      constructor(message: string, details: object = {}) {
        super(message, details)
        this.details = details
      }
    }
    const one = refuse({ name: 'g' }, Noted, () => 'no')
    const p = pipeline('p', [{ kind: 'guard', name: 'g', admit: () => one }])
    const [a, b] = [await p.run(() => 1).catch((error: Noted) => error), await p.run(() => 1).catch((error: Noted) => error)] as unknown as Noted[]
    expect(a!.details).not.toBe(b!.details)
  })
})
