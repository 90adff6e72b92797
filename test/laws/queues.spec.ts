import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { adaptiveLimit, bulkhead, DeadlinePassedError, pipeline, PipelineClosedError, rateLimit, RejectedError, type Guard, type Policy, type Priority } from 'spillway'
import { manualClock } from 'spillway/testing'
import { Line, Place } from '../../src/math/line.ts'

interface CallScript {
  readonly atMs: number
  readonly workMs: number
  /** Which of the two pipelines. */
  readonly second: boolean
  readonly fails: boolean
  readonly retryAfterMs: number | undefined
  readonly abortAfterMs: number | undefined
  readonly timeoutMs: number | undefined
  readonly priority: Priority
  /** A listener that hears of a refusal calls once more. */
  readonly again: boolean
  /** A listener that runs while it is on its way into the queue aborts it. */
  readonly quits: boolean
}

const moment = fc.integer({ min: 0, max: 200 })
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined, freq: 3 })
const priority = fc.constantFrom<Priority>('critical', 'high', 'normal', 'low')
const callScript: fc.Arbitrary<CallScript> = fc.record({
  atMs: moment,
  workMs: fc.integer({ min: 0, max: 60 }),
  second: fc.boolean(),
  fails: fc.boolean(),
  retryAfterMs: maybe(fc.integer({ min: 0, max: 60 })),
  abortAfterMs: maybe(fc.integer({ min: 0, max: 60 })),
  timeoutMs: maybe(fc.integer({ min: 1, max: 80 })),
  priority,
  again: fc.boolean(),
  quits: fc.integer({ max: 9, min: 0 }).map((n) => n === 0),
})
const calls = fc.array(callScript, { minLength: 1, maxLength: 40 })
const order = fc.constantFrom('fifo', 'lifo', 'adaptive')

interface Change<Options> {
  readonly atMs: number
  readonly options: Options
}
const changes = <Options>(options: fc.Arbitrary<Options>): fc.Arbitrary<Change<Options>[]> => fc.array(fc.record({ atMs: moment, options }), { maxLength: 4 })

interface Story {
  readonly calls: readonly CallScript[]
  readonly closeAtMs: number | undefined
  readonly abandonAfterMs: number
}

/** Plays calls, aborts, deadlines, changes and a close on two pipelines that share a guard; says what became of everybody. */
async function play({ calls, closeAtMs, abandonAfterMs }: Story, guard: Guard, events: readonly { readonly atMs: number; readonly happens: () => void }[], look: (what: 'started' | 'ended' | 'abandoned', atMs: number, index: number) => void) {
  const clock = manualClock()
  // An observer of its own outside makes events in the midst of `admit`: its listeners run before the caller has a place in the queue.
  const dry = (): Policy => bulkhead({ slots: 0, mode: 'observe', name: 'dry' })
  const internal: unknown[] = []
  const options = { clock, abandonAfterMs, onWarning: () => {}, onInternalError: (error: unknown) => void internal.push(error) }
  const pipelines = [pipeline('one', [dry(), guard], options), pipeline('two', [dry(), guard], options)]
  const answers: string[][] = []
  let more = 0
  let latest: { readonly script: CallScript; readonly controller: AbortController } | undefined

  const run = (script: CallScript): void => {
    const { workMs, fails, retryAfterMs, abortAfterMs, timeoutMs, second, priority } = script
    const index = answers.length
    const mine: string[] = []
    answers.push(mine)
    const controller = new AbortController()
    latest = { script, controller }
    if (abortAfterMs !== undefined) clock.after(abortAfterMs, () => controller.abort(new Error('gone')))
    const work = (): Promise<void> => {
      look('started', clock.now(), index)
      const error = fails || retryAfterMs !== undefined ? Object.assign(new Error('down'), { status: 429, retryAfterMs }) : undefined
      clock.after(abandonAfterMs, () => look('abandoned', clock.now(), index))
      return new Promise((resolve, reject) =>
        clock.after(workMs, () => {
          look('ended', clock.now(), index)
          if (error === undefined) resolve()
          else reject(error)
        }),
      )
    }
    pipelines[second ? 1 : 0]!.tryRun(work, { signal: controller.signal, timeoutMs, priority }).then(
      (result) => void mine.push(result.ok ? 'ok' : result.error instanceof RejectedError ? (result.error as RejectedError).name : 'failed'),
      () => mine.push('rejected'),
    )
  }
  pipelines.forEach((one, which) => {
    one.on('refusal.observed', () => latest!.script.quits && latest!.controller.abort(new Error('quit')))
    for (const type of ['call.refused', 'refusal.observed'] as const) {
      one.on(type, () => {
        if (calls.some(({ again, second }) => again && second === (which === 1)) && more++ < 10) run({ ...calls[0]!, again: false, second: which === 0 })
      })
    }
  })
  for (const script of calls) clock.after(script.atMs, () => run(script))
  for (const { atMs, happens } of events) clock.after(atMs, happens)
  if (closeAtMs !== undefined) clock.after(closeAtMs, () => void pipelines[0]!.close({ graceMs: 10 }))
  await clock.runAll()
  return { answers, internal, clock, inFlight: pipelines.map((one) => one.inFlight) }
}

const story = fc.record({ calls, closeAtMs: maybe(moment), abandonAfterMs: fc.constantFrom(1_000, 1_000, 30) })

/** Who runs. What is abandoned at this very moment runs no more, though its timer may have yet to come by. */
function running(abandonAfterMs: number) {
  const since = new Map<number, number>()
  return (what: 'started' | 'ended' | 'abandoned', atMs: number, index: number): number => {
    if (what === 'started') since.set(index, atMs)
    else since.delete(index)
    for (const [one, startedMs] of since) if (atMs - startedMs >= abandonAfterMs) since.delete(one)
    return since.size
  }
}

/** Every waiter was answered, once; nothing is left anywhere. */
function ended({ answers, internal, clock, inFlight }: Awaited<ReturnType<typeof play>>): void {
  expect(answers.map((mine) => mine.length)).toEqual(answers.map(() => 1))
  expect(answers.flat().filter((name) => !['ok', 'failed', 'BulkheadFullError', 'RateLimitedError', DeadlinePassedError.name, PipelineClosedError.name].includes(name))).toEqual([])
  expect([internal, inFlight, clock.pending]).toEqual([[], [0, 0], 0])
}

describe('queues › laws › bulkhead', () => {
  const options = fc.record({ slots: fc.integer({ min: 1, max: 4 }), queue: fc.constantFrom(0, 1, 3, Infinity), maxWaitMs: fc.constantFrom(0, 10, 50, 1_000), order })
  const change = fc.record({ slots: fc.integer({ min: 0, max: 5 }), queue: fc.constantFrom(0, 2, Infinity), maxWaitMs: fc.constantFrom(0, 20, 500), order }, { requiredKeys: [] })

  it('never runs more than it has slots, whatever happens, and is empty when all has ended', async () => {
    await fc.assert(
      fc.asyncProperty(story, options, async (story, said) => {
        const guard = bulkhead(said)
        const live = running(story.abandonAfterMs)
        let most = 0
        const faults: string[] = []
        const result = await play(story, guard, [], (...seen) => {
          most = Math.max(most, live(...seen))
          if (guard.inFlight > said.slots) faults.push(`inFlight ${guard.inFlight}`)
          if (guard.queued > said.queue) faults.push(`queued ${guard.queued}`)
          if (guard.queued > 0 && guard.inFlight < said.slots) faults.push('a slot is free while somebody waits')
        })
        expect(faults).toEqual([])
        expect(most).toBeLessThanOrEqual(said.slots)
        expect([guard.inFlight, guard.queued]).toEqual([0, 0])
        ended(result)
      }),
      { numRuns: 200 },
    )
  })

  it('with options that change meanwhile: more than the slots only as long as those go on that had begun', async () => {
    await fc.assert(
      fc.asyncProperty(story, options, changes(change), async (story, said, list) => {
        const guard = bulkhead(said)
        const faults: string[] = []
        let before = 0
        const events = list.map(({ atMs, options }) => ({ atMs, happens: () => guard.update(options) }))
        const result = await play(story, guard, events, () => {
          const { inFlight } = guard
          // While there are too many, their number only falls.
          if (inFlight > guard.options.slots && inFlight > before) faults.push(`${inFlight} after ${before}`)
          before = Math.max(inFlight, guard.options.slots)
          if (guard.queued > 0 && inFlight < guard.options.slots) faults.push('a slot is free while somebody waits')
        })
        expect(faults).toEqual([])
        expect([guard.inFlight, guard.queued]).toEqual([0, 0])
        ended(result)
      }),
      { numRuns: 200 },
    )
  })

  it('modes that change meanwhile strand nobody', async () => {
    await fc.assert(
      fc.asyncProperty(story, options, changes(fc.record({ mode: fc.constantFrom('enforce', 'observe', 'off') })), async (story, said, list) => {
        const guard = bulkhead(said)
        const events = list.map(({ atMs, options }) => ({ atMs, happens: () => guard.update(options) }))
        ended(await play(story, guard, events, () => {}))
        expect([guard.inFlight, guard.queued]).toEqual([0, 0])
      }),
      { numRuns: 100 },
    )
  })

  it('fifo: whoever is served came before all who wait behind it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ ...fields(), again: fc.constant(false), quits: fc.constant(false) }), { minLength: 2, maxLength: 40 }), fc.integer({ min: 1, max: 3 }), async (list, slots) => {
        // Served at the same moment counts as in order: only the turn of a promise lies between.
        const started: number[] = []
        const guard = bulkhead({ slots, queue: Infinity, maxWaitMs: 100 })
        const byTime = list.toSorted((a, b) => a.atMs - b.atMs)
        await play({ calls: byTime, closeAtMs: undefined, abandonAfterMs: 1_000 }, guard, [], (what, _at, index) => {
          if (what === 'started') started.push(index)
        })
        expect(started).toEqual(started.toSorted((a, b) => a - b))
      }),
      { numRuns: 200 },
    )
  })
})

function fields() {
  return {
    atMs: moment,
    workMs: fc.integer({ min: 0, max: 60 }),
    second: fc.boolean(),
    fails: fc.boolean(),
    retryAfterMs: fc.constant(undefined),
    abortAfterMs: maybe(fc.integer({ min: 0, max: 60 })),
    timeoutMs: maybe(fc.integer({ min: 1, max: 80 })),
    priority,
  }
}

describe('queues › laws › adaptive limit', () => {
  const algorithm = fc.constantFrom<'aimd' | 'vegas'>('aimd', 'vegas')
  const waiting = { queue: fc.constantFrom(0, 1, 3, Infinity), maxWaitMs: fc.constantFrom(0, 10, 50, 1_000), order }
  const fixed = fc.record({ algorithm, start: fc.integer({ min: 1, max: 6 }), ...waiting })
  const moving = fc.record({ algorithm, start: fc.integer({ min: 1, max: 6 }), max: fc.constantFrom(6, 10, 100), ...waiting })
  const change = fc.record({ algorithm, min: fc.constantFrom(1, 3, 6), max: fc.constantFrom(6, 20), queue: fc.constantFrom(0, 2, Infinity), maxWaitMs: fc.constantFrom(0, 20, 500), order, mode: fc.constantFrom('enforce', 'observe', 'off') }, { requiredKeys: [] })
  const shares = { critical: 1.5, high: 0.9, normal: 0.7, low: 0.5 }

  it('never runs more than the limit and its overdraft, and is empty when all has ended', async () => {
    await fc.assert(
      fc.asyncProperty(story, fixed, async (story, said) => {
        const guard = adaptiveLimit({ ...said, min: said.start, max: said.start })
        const live = running(story.abandonAfterMs)
        const faults: string[] = []
        const result = await play(story, guard, [], (...seen) => {
          const most = Math.max(live(...seen), guard.inFlight)
          if (most > Math.ceil(said.start * 1.5)) faults.push(`${most} at a time`)
          if (guard.queued > said.queue) faults.push(`queued ${guard.queued}`)
          // Only who is low can wait while so little is in flight.
          if (guard.queued > 0 && guard.inFlight < said.start * shares.low) faults.push('there is room while somebody waits')
        })
        expect(faults).toEqual([])
        expect([guard.inFlight, guard.queued, guard.limit]).toEqual([0, 0, said.start])
        ended(result)
      }),
      { numRuns: 200 },
    )
  })

  it('nobody is let in who finds no room for its priority, whatever the limit has become', async () => {
    await fc.assert(
      fc.asyncProperty(story, moving, async (story, said) => {
        const guard = adaptiveLimit(said)
        const faults: string[] = []
        const watched: Guard = {
          kind: 'guard',
          name: guard.name,
          timed: true,
          bind: (host) => guard.bind!(host),
          admit(attempt) {
            const { inFlight, limit } = guard
            const answer = guard.admit(attempt)
            if (guard.inFlight > inFlight !== inFlight < limit * shares[attempt.priority]) faults.push(`${attempt.priority}: ${inFlight} of ${limit}`)
            return answer
          },
          settle(permit, settled, attempt) {
            guard.settle!(permit, settled, attempt)
            if (guard.limit < 1 || guard.limit > said.max) faults.push(`limit ${guard.limit}`)
          },
          release: (permit, attempt) => guard.release!(permit, attempt),
        }
        ended(await play(story, watched, [], () => {}))
        expect(faults).toEqual([])
        expect([guard.inFlight, guard.queued]).toEqual([0, 0])
      }),
      { numRuns: 200 },
    )
  })

  it('options and modes that change meanwhile strand nobody', async () => {
    await fc.assert(
      fc.asyncProperty(story, moving, changes(change), async (story, said, list) => {
        const guard = adaptiveLimit(said)
        const events = list.map(({ atMs, options }) => ({
          atMs,
          happens: () => guard.update({ ...options, max: Math.max(options.max ?? guard.options.max, options.min ?? guard.options.min) }),
        }))
        ended(await play(story, guard, events, () => {}))
        expect([guard.inFlight, guard.queued]).toEqual([0, 0])
      }),
      { numRuns: 200 },
    )
  })
})

describe('queues › laws › rate limit', () => {
  const options = fc.record({
    permits: fc.integer({ min: 1, max: 20 }),
    everyMs: fc.integer({ min: 1, max: 100 }),
    burst: fc.integer({ min: 1, max: 5 }),
    queue: fc.constantFrom(0, 2, Infinity),
    maxWaitMs: fc.constantFrom(0, 10, 50, 1_000),
    maxRetryAfterMs: fc.constantFrom(0, 40, 1_000),
  })

  it('between any two moments never more start than burst + elapsed·permits/everyMs', async () => {
    await fc.assert(
      fc.asyncProperty(story, options, async (story, said) => {
        const guard = rateLimit(said)
        const started: number[] = []
        const result = await play(story, guard, [], (what, at) => {
          if (what === 'started') started.push(at)
        })
        for (let i = 0; i < started.length; i++) {
          for (let j = i; j < started.length; j++) {
            expect(j - i + 1).toBeLessThanOrEqual(said.burst + ((started[j]! - started[i]!) * said.permits) / said.everyMs + 1e-6)
          }
        }
        expect(guard.queued).toBe(0)
        ended(result)
      }),
      { numRuns: 200 },
    )
  })

  it('with options that change meanwhile nobody is stranded, and the fastest of the paces bounds all', async () => {
    const change = fc.record({ permits: fc.integer({ min: 0, max: 20 }), everyMs: fc.integer({ min: 1, max: 100 }), burst: fc.integer({ min: 1, max: 5 }), queue: fc.constantFrom(0, Infinity), maxWaitMs: fc.constantFrom(0, 100) }, { requiredKeys: [] })
    await fc.assert(
      fc.asyncProperty(story, options, changes(change), async (story, said, list) => {
        const guard = rateLimit(said)
        const started: number[] = []
        let pace = said.permits / said.everyMs
        const events = list.map(({ atMs, options }) => ({
          atMs,
          happens: () => {
            guard.update(options)
            pace = Math.max(pace, guard.options.permits / guard.options.everyMs)
          },
        }))
        const result = await play(story, guard, events, (what, at) => {
          if (what === 'started') started.push(at)
        })
        started.forEach((at, i) => expect(i + 1).toBeLessThanOrEqual(5 + (at - started[0]!) * pace + 1e-6))
        expect(guard.queued).toBe(0)
        ended(result)
      }),
      { numRuns: 200 },
    )
  })

  it('fifo: whoever is served came before all who wait behind it, and who was let wait is served in time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ ...fields(), again: fc.constant(false), quits: fc.constant(false) }), { minLength: 2, maxLength: 40 }), options, async (list, said) => {
        const guard = rateLimit({ ...said, queue: Infinity })
        const started: number[] = []
        const byTime = list.toSorted((a, b) => a.atMs - b.atMs)
        const { answers } = await play({ calls: byTime, closeAtMs: undefined, abandonAfterMs: 1_000 }, guard, [], (what, at, index) => {
          if (what !== 'started') return
          started.push(index)
          const { atMs } = byTime[index]!
          expect(at - atMs).toBeLessThanOrEqual(said.maxWaitMs)
        })
        expect(started).toEqual(started.toSorted((a, b) => a - b))
        // Whose deadline the permit would miss was refused when it came.
        expect(answers.flat().filter((name) => name === 'DeadlinePassedError')).toEqual([])
      }),
      { numRuns: 200 },
    )
  })
})

describe('queues › laws › line', () => {
  class One extends Place {
    constructor(readonly n: number) {
      super()
    }
  }

  it('does what an array does', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(20), { nil: undefined }), { maxLength: 60 }), (steps) => {
        const line = new Line<One>()
        const model: One[] = []
        const left: One[] = []
        for (const step of steps) {
          if (step === undefined) {
            const one = left.pop() ?? new One(model.length)
            line.join(one)
            model.push(one)
          } else if (model.length > 0) {
            const [one] = model.splice(step % model.length, 1)
            expect(line.leave(one!)).toBe(true)
            expect(line.leave(one!)).toBe(false)
            left.push(one!)
          }
          const forth: One[] = []
          for (let one = line.first; one !== undefined; one = one.after) forth.push(one)
          const back: One[] = []
          for (let one = line.last; one !== undefined; one = one.before) back.unshift(one)
          expect([forth, back, line.size]).toEqual([model, model, model.length])
        }
      }),
    )
  })
})
