import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import {
  type Attempt, type Backoff, constant, fallback, type FallbackOptions, type Outcome, pipeline, type Pipeline, type PipelineOptions, type Policy, retry, timeout,
} from 'spillway'
import { manualClock, type ManualClock } from 'spillway/testing'
import { hedging, queueing, refusing, surround } from './support/policies.ts'

const down = new Error('down')
const storage = new AsyncLocalStorage<string>()

/** One passage of the caller's code: where, whose call it was, and whose context it saw. */
interface Seen {
  readonly where: string
  readonly caller: unknown
  readonly store: string | undefined
}

/** What a story is told with. Everything that is the caller's code says where it was. */
class Witness {
  readonly seen: Seen[] = []
  readonly clock: ManualClock = manualClock()
  readonly aborts: (() => void)[] = []
  readonly ends: (() => void)[] = []

  says(where: string, attempt: Pick<Attempt, 'call'>): void {
    this.seen.push({ where, caller: attempt.call.meta, store: storage.getStore() })
  }

  /** Fails at once. */
  readonly failing = async (attempt: Attempt): Promise<never> => {
    this.says(`fn ${attempt.number}`, attempt)
    throw down
  }
  /** Never ends by itself; a test may end all that do. */
  readonly hanging = (attempt: Attempt): Promise<string> => {
    this.says(`fn ${attempt.number}`, attempt)
    return new Promise((resolve) => this.ends.push(() => resolve('late')))
  }
  /** Hangs once, then answers. */
  readonly hangingOnce = (attempt: Attempt): unknown => (attempt.number === 1 ? this.hanging(attempt) : this.answering(attempt))
  readonly answering = (attempt: Attempt): string => {
    this.says(`fn ${attempt.number}`, attempt)
    return 'answer'
  }

  retry(backoff: number, maxAttempts = 3) {
    return retry({
      maxAttempts,
      budget: false,
      when: (outcome, attempt) => (this.says('retry.when', attempt), !outcome.ok),
      // It is not told of whose call it is: a store of nobody's would be told by the lists below.
      backoff: ((n, outcome, context) => {
        this.seen.push({ where: 'backoff', caller: storage.getStore(), store: storage.getStore() ?? 'nobody' })
        return constant(backoff)(n, outcome, context)
      }) satisfies Backoff,
    })
  }
  fallback(name = 'fallback', more: (outcome: Outcome<unknown>, attempt: Attempt) => unknown = () => 'instead', when: FallbackOptions['when'] = (outcome) => !outcome.ok) {
    return fallback((outcome, attempt) => (this.says(`${name} fn`, attempt), more(outcome, attempt)), {
      name,
      when: (outcome, attempt) => (this.says(`${name}.when`, attempt), when(outcome, attempt)),
    })
  }
  async asleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.clock.after(ms, resolve))
  }
}

interface Story {
  readonly policies: (w: Witness) => readonly Policy[]
  readonly work: (w: Witness, attempt: Attempt) => unknown
  /** What happens, in a context of its own. */
  readonly meanwhile?: (w: Witness, p: Pipeline<unknown>) => unknown
  readonly before?: (w: Witness, p: Pipeline<unknown>) => unknown
  readonly call?: (w: Witness) => { timeoutMs?: number }
  readonly options?: (w: Witness) => PipelineOptions
  /** Which code of the caller must have been asked, at least. */
  readonly asked: readonly string[]
}

const stories: Record<string, Story> = {
  'after an attempt has timed out and is tried again': {
    policies: (w) => [w.retry(0), timeout(10)],
    work: (w, attempt) => w.hangingOnce(attempt),
    asked: ['fn 1', 'classify', 'retry.when', 'backoff', 'fn 2'],
  },
  'after back-offs': {
    policies: (w) => [w.fallback(), w.retry(10)],
    work: (w, attempt) => w.failing(attempt),
    asked: ['fn 1', 'fn 2', 'fn 3', 'classify', 'retry.when', 'backoff', 'fallback.when', 'fallback fn'],
  },
  'after back-offs within timeouts': {
    policies: (w) => [w.fallback(), timeout(100), w.retry(10), timeout(50)],
    work: (w, attempt) => w.failing(attempt),
    asked: ['fn 1', 'fn 2', 'fn 3', 'retry.when', 'backoff', 'fallback fn'],
  },
  'when the total timeout ends an attempt': {
    policies: (w) => [w.fallback(), timeout(10), w.retry(5)],
    work: (w, attempt) => w.hanging(attempt),
    asked: ['fn 1', 'fallback.when', 'fallback fn'],
  },
  'when the total timeout ends a back-off': {
    policies: (w) => [w.fallback(), timeout(15), surround((next, attempt) => next(attempt)), w.retry(14)],
    work: (w, attempt) => w.failing(attempt),
    asked: ['fn 1', 'fn 2', 'fallback fn'],
  },
  'when the total timeout ends a surround': {
    policies: (w) => [w.fallback(), timeout(10), surround(async (next, attempt) => {
      const outcome = await next(attempt)
      w.says('surround', attempt)
      return outcome
    })],
    work: (w, attempt) => w.hanging(attempt),
    asked: ['fn 1', 'fallback fn', 'surround'],
  },
  'when the caller aborts in an attempt': {
    policies: (w) => [w.fallback(), w.retry(5)],
    work: (w, attempt) => w.hanging(attempt),
    meanwhile: (w) => w.aborts.forEach((abort) => abort()),
    asked: ['fn 1', 'fallback.when', 'fallback fn'],
  },
  'when the caller aborts in a back-off': {
    policies: (w) => [w.fallback(), w.retry(50)],
    work: (w, attempt) => w.failing(attempt),
    meanwhile: async (w) => {
      await w.clock.advance(10)
      for (const abort of w.aborts) abort()
    },
    asked: ['fn 1', 'retry.when', 'fallback fn'],
  },
  'when the caller aborts in a queue': {
    policies: (w) => [w.fallback(), timeout(100), queueing(0)],
    work: (w, attempt) => w.answering(attempt),
    meanwhile: (w) => w.aborts.forEach((abort) => abort()),
    asked: ['fallback.when', 'fallback fn'],
  },
  'when the caller aborts in an asynchronous fallback': {
    policies: (w) => [w.fallback('outer'), w.fallback('inner', () => new Promise(() => {}))],
    work: (w, attempt) => w.failing(attempt),
    meanwhile: (w) => w.aborts.forEach((abort) => abort()),
    asked: ['inner fn', 'outer.when', 'outer fn'],
  },
  'when the caller aborts in a surround': {
    policies: (w) => [w.fallback(), hedging()],
    work: (w, attempt) => w.hanging(attempt),
    meanwhile: (w) => w.aborts.forEach((abort) => abort()),
    asked: ['fn 1', 'fn 2', 'fallback fn'],
  },
  "when the caller's deadline has passed": {
    policies: (w) => [w.fallback(), w.retry(5)],
    work: (w, attempt) => w.hanging(attempt),
    call: () => ({ timeoutMs: 10 }),
    asked: ['fn 1', 'fallback.when', 'fallback fn'],
  },
  'after a wait in a queue, woken by another call': {
    policies: (w) => [w.fallback(), w.retry(0), queueing(1), timeout(50)],
    work: (w, attempt) => w.failing(attempt),
    before: (w, p) => void p.run(() => new Promise((resolve) => w.ends.push(() => resolve(0))), { meta: 'holder' }),
    meanwhile: (w) => w.ends[0]!(),
    options: () => ({ abandonAfterMs: Infinity }),
    asked: ['fn 1', 'fn 2', 'fn 3', 'classify', 'retry.when', 'fallback fn'],
  },
  'after a wait without any timeout': {
    policies: () => [queueing(1)],
    work: (w, attempt) => w.answering(attempt),
    before: (w, p) => void p.run(() => new Promise((resolve) => w.ends.push(() => resolve(0))), { meta: 'holder' }),
    meanwhile: (w) => w.ends[0]!(),
    asked: ['fn 1', 'classify'],
  },
  'after a wait in a queue outside of layers': {
    policies: (w) => [queueing(1), w.fallback(), w.retry(10), timeout(50)],
    work: (w, attempt) => w.failing(attempt),
    before: (w, p) => void p.run(() => new Promise((resolve) => w.ends.push(() => resolve(0))), { meta: 'holder' }),
    meanwhile: (w) => w.ends[0]!(),
    asked: ['fn 1', 'fn 2', 'fn 3', 'retry.when', 'fallback fn'],
  },
  'when the wait in a queue was too long': {
    policies: (w) => [w.fallback(), w.retry(0), queueing(0, 20)],
    work: (w, attempt) => w.answering(attempt),
    asked: ['fallback.when', 'fallback fn'],
  },
  'when a timeout ends the wait in a queue': {
    policies: (w) => [w.fallback(), timeout(10), queueing(0, 20)],
    work: (w, attempt) => w.answering(attempt),
    asked: ['fallback.when', 'fallback fn'],
  },
  'when the pipeline is closed in a back-off': {
    policies: (w) => [w.fallback(), w.retry(50)],
    work: (w, attempt) => w.failing(attempt),
    meanwhile: (_w, p) => void p.close(),
    asked: ['fn 1', 'fallback.when', 'fallback fn'],
  },
  'when the pipeline is closed in a queue': {
    policies: (w) => [w.fallback(), queueing(0)],
    work: (w, attempt) => w.answering(attempt),
    meanwhile: (_w, p) => void p.close(),
    asked: ['fallback.when', 'fallback fn'],
  },
  'around an asynchronous fallback': {
    policies: (w) => [w.fallback('outer', () => 1), timeout(100), w.fallback('inner', async (_outcome, attempt) => {
      await w.asleep(5)
      w.says('inner, later', attempt)
      throw down
    }), timeout(10)],
    work: (w, attempt) => w.hanging(attempt),
    asked: ['fn 1', 'inner fn', 'inner, later', 'outer.when', 'outer fn'],
  },
  'when the total timeout ends an asynchronous fallback': {
    policies: (w) => [w.fallback('outer'), timeout(10), w.fallback('inner', () => new Promise(() => {}))],
    work: (w, attempt) => w.failing(attempt),
    asked: ['inner fn', 'outer.when', 'outer fn'],
  },
  'in both attempts of a surround that starts the second one later': {
    policies: (w) => [w.fallback(), surround(async (next, attempt) => {
      const first = next(attempt)
      await Promise.race([first, w.asleep(5)])
      w.says('surround', attempt)
      const outcome = await next(attempt.fork())
      w.says('surround, later', attempt)
      await first
      w.says('surround, at last', attempt)
      return outcome
    }), w.retry(2, 2), timeout(10)],
    work: (w, attempt) => w.hanging(attempt),
    asked: ['fn 1', 'fn 2', 'fn 3', 'fn 4', 'retry.when', 'surround', 'surround, later', 'surround, at last', 'fallback fn'],
  },
  'in pipelines within pipelines': {
    policies: (w) => [w.fallback(), timeout(40), w.retry(2), timeout(30)],
    work: (w, attempt) => {
      w.says(`fn ${attempt.number}`, attempt)
      return pipeline('inner', [w.fallback('inner', () => {
        throw down
      }), w.retry(1, 2), timeout(5)], { clock: w.clock, onWarning: () => {} }).run((inner) => w.hanging(inner), attempt)
    },
    asked: ['fn 1', 'fn 2', 'fn 3', 'inner.when', 'inner fn', 'retry.when', 'fallback fn'],
  },
  'when what an attempt holds ends after the answer': {
    policies: (w) => [w.retry(0), timeout(10)],
    work: async (w, attempt) => {
      w.says(`fn ${attempt.number}`, attempt)
      attempt.until(new Promise((_resolve, reject) => w.ends.push(() => reject(down))))
      return 'head'
    },
    meanwhile: async (w) => {
      await w.clock.flush()
      for (const end of w.ends) end()
    },
    asked: ['fn 1', 'classify'],
  },
  'at once, when refused': {
    policies: (w) => [w.fallback(), w.retry(0), timeout(10), refusing()],
    work: (w, attempt) => w.answering(attempt),
    asked: ['fallback.when', 'fallback fn'],
  },
  'when the shared promise of a function settles elsewhere': {
    policies: (w) => [w.fallback(), w.retry(0, 2)],
    work: (w, attempt) => {
      w.says(`fn ${attempt.number}`, attempt)
      return shared(w)
    },
    meanwhile: async (w) => {
      await w.clock.flush()
      for (const end of w.ends.splice(0)) end()
      await w.clock.flush()
      for (const end of w.ends.splice(0)) end()
    },
    asked: ['fn 1', 'fn 2', 'classify', 'retry.when', 'fallback fn'],
  },
}

/** Made, and rejected, in nobody's context. */
function shared(w: Witness): Promise<never> {
  return storage.exit(() => new Promise((_resolve, reject) => w.ends.push(() => reject(down))))
}

async function tell(story: Story, use: 'run' | 'tryRun' | 'bind'): Promise<Witness> {
  const w = new Witness()
  const p = pipeline('context', story.policies(w), {
    clock: w.clock,
    onWarning: () => {},
    classify: (outcome, attempt) => {
      if (attempt.call.meta !== 'holder') w.says('classify', attempt)
      return outcome.ok ? 'success' : 'failure'
    },
    ...story.options?.(w),
  }) as Pipeline<unknown>
  storage.run('holder', () => story.before?.(w, p))
  const work = (attempt: Attempt): unknown => story.work(w, attempt)
  const calls = ['ann', 'bob'].map((caller) =>
    storage.run(caller, async () => {
      const controller = new AbortController()
      w.aborts.push(() => controller.abort(down))
      const signalled = story.meanwhile?.toString().includes('abort') === true
      const call = { meta: caller, ...(signalled ? { signal: controller.signal } : {}), ...story.call?.(w) }
      try {
        await (use === 'bind' ? p.bind(work, () => (w.says('call options', { call } as never), call))() : p[use](work, call))
      } catch {
        // How it ends is told elsewhere.
      }
      w.seen.push({ where: 'the caller', caller, store: storage.getStore() })
    }),
  )
  // Timers, aborts and wakes come from somebody else, who has a context of his own.
  await storage.run('somebody else', async () => {
    await story.meanwhile?.(w, p)
    await w.clock.runAll()
    await Promise.all(calls)
    // Late results too.
    for (const end of w.ends) end()
    await w.clock.runAll()
  })
  return w
}

describe("the caller's code runs in the caller's own context", () => {
  it.each(Object.entries(stories))('%s', async (_when, story) => {
    for (const use of ['run', 'tryRun', 'bind'] as const) {
      const { seen } = await tell(story, use)
      expect(seen.filter(({ caller, store }) => caller !== store)).toEqual([])
      for (const caller of ['ann', 'bob']) {
        const where = new Set(seen.filter((one) => one.caller === caller).map((one) => one.where))
        expect([...where]).toEqual(expect.arrayContaining([...story.asked, 'the caller']))
      }
      expect(seen.map(({ store }) => store)).not.toContain('somebody else')
    }
  })

  it('on the real clock, where two callers share one timer', async () => {
    const w = new Witness()
    const p = pipeline('real', [w.fallback(), w.retry(3, 2), timeout(5)], { onWarning: () => {} })
    await Promise.all(['ann', 'bob'].map((caller) => storage.run(caller, () => p.run((attempt) => w.hanging(attempt), { meta: caller }))))
    expect(w.seen.filter(({ caller, store }) => caller !== store)).toEqual([])
    expect(w.seen.map(({ where, caller }) => `${String(caller)}: ${where}`)).toEqual(expect.arrayContaining(['ann: fn 2', 'bob: fn 2', 'ann: fallback fn', 'bob: fallback fn']))
  })

  it('and what a caller sets within its function is gone when the function has ended', async () => {
    const clock = manualClock()
    const seen: unknown[] = []
    const p = pipeline('inner stores', [fallback(() => seen.push(storage.getStore())), retry({ backoff: constant(5), budget: false, maxAttempts: 2 }), timeout(10)], { clock })
    const answer = storage.run('ann', () => p.run(() => storage.run('within', () => {
      seen.push(storage.getStore())
      return new Promise(() => {})
    })))
    await clock.runAll()
    await answer
    expect(seen).toEqual(['within', 'within', 'ann'])
  })
})
