import {
  again,
  BulkheadFullError,
  later,
  pipeline,
  refuse,
  type Again,
  type Attempt,
  type Guard,
  type Later,
  type Layer,
  type Next,
  type Outcome,
  type PipelineOptions,
  type Policy,
  type Refusal,
  type Settled,
} from 'spillway'
import { manualClock, type ManualClock } from 'spillway/testing'

/** What a logged guard does at each hook, beside writing it down. */
export interface Doing {
  readonly admit?: (attempt: Attempt) => unknown
  readonly settle?: (settled: Settled, attempt: Attempt) => void
  readonly release?: (attempt: Attempt) => void
  readonly timed?: boolean
  readonly timeoutMs?: number
}

/** A guard that writes down all that it is asked and told: `a admit`, `a settle success/work`, `a release`. */
export function logged(log: string[], name: string, doing: Doing = {}): Guard {
  const { timed, timeoutMs } = doing
  const guard: Guard = {
    kind: 'guard',
    name,
    ...(timed === undefined ? {} : { timed }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    admit(attempt) {
      log.push(`${name} admit`)
      const answer = doing.admit === undefined ? {} : doing.admit(attempt)
      return answer as object
    },
    settle(_permit, settled, attempt) {
      log.push(`${name} settle ${settled.verdict}/${settled.endedBy}`)
      doing.settle?.(settled, attempt)
    },
    release(_permit, attempt) {
      log.push(`${name} release`)
      doing.release?.(attempt)
    },
  }
  return guard
}

/** Refuses as a full bulkhead does. */
export function no(name = 'gate', retryAfterMs?: number): Refusal {
  return refuse({ name }, BulkheadFullError, () => 'no room', retryAfterMs)
}

/** A guard that lets everybody wait, and what the test may do to who waits. */
export interface Queue extends Guard {
  readonly waiting: Waiter[]
  /** `settle unused/…`, `release`, `cancel`, `admit`, in order. */
  readonly told: string[]
  /** How many permits are out. */
  held: number
  /** Hands a permit to who came first, and forgets it. */
  wake(): void
}

export interface Waiter {
  wake(answer?: object | Refusal): void
}

export function queue(name = 'queue', options: { readonly maxWaitMs?: number; readonly start?: (wake: (answer: object | Refusal) => void) => void; readonly cancel?: () => void; readonly expired?: () => Refusal } = {}): Queue {
  const { maxWaitMs = Infinity } = options
  const told: string[] = []
  const waiting: Waiter[] = []
  const self: Queue = {
    kind: 'guard',
    name,
    told,
    waiting,
    held: 0,
    admit(): Later {
      told.push('admit')
      const waiter: Waiter = { wake: () => {} }
      return later({
        maxWaitMs,
        start(wake) {
          waiter.wake = (answer = {}) => {
            self.held++
            wake(answer)
          }
          waiting.push(waiter)
          options.start?.((answer) => waiter.wake(answer))
        },
        cancel() {
          told.push('cancel')
          const at = waiting.indexOf(waiter)
          if (at >= 0) waiting.splice(at, 1)
          options.cancel?.()
        },
        expired: () => options.expired?.() ?? no(name),
      })
    },
    settle(_permit, { verdict, endedBy }) {
      told.push(`settle ${verdict}/${endedBy}`)
    },
    release() {
      told.push('release')
      self.held--
    },
    wake() {
      waiting.shift()!.wake()
    },
  }
  return self
}

/** A layer with `around` only. */
export function surround<A = never>(name: string, around: (next: Next<unknown>, attempt: Attempt) => Promise<Outcome<unknown>>): Layer<A> {
  return { kind: 'layer', name, around: around as Layer<A>['around'] & {} } as Layer<A>
}

/** A layer with `after` only. */
export function step(name: string, after: (outcome: Outcome<unknown>, attempt: Attempt, previous: Again | undefined) => unknown): Layer {
  return { kind: 'layer', name, after: after as never }
}

/** Tries again, at once or after `delayMs`, until it succeeded or has run so often; refusals and what the caller ended come out. */
export function repeat(times: number, delayMs = 0, name = 'repeat'): Layer {
  return step(name, (outcome, _attempt, previous) => {
    const tries = ((previous?.memo as number | undefined) ?? 0) + 1
    if (outcome.verdict === 'success' || outcome.verdict === 'unused' || outcome.endedBy === 'caller' || tries >= times) return outcome
    return again(delayMs, tries)
  })
}

/** Starts a second attempt at once; the first answer wins, the loser is cancelled. */
export function race(name = 'race', forks = 2): Layer {
  return surround(name, async (next, attempt) => {
    const attempts = [attempt, ...Array.from({ length: forks - 1 }, () => attempt.fork())]
    const outcome = await Promise.race(attempts.map((one) => next(one).then((said) => ({ said, one }))))
    for (const one of attempts) if (one !== outcome.one) one.cancel(new Error('lost'))
    return outcome.said
  })
}

/** Work that the test answers by hand. */
export interface Job {
  readonly attempt: Attempt
  succeed(value?: unknown): void
  fail(error?: unknown): void
}

/** A function for `run` whose every passage is a job. */
export function jobs(): { readonly all: Job[]; readonly work: (attempt: Attempt) => Promise<unknown> } {
  const all: Job[] = []
  return {
    all,
    work: (attempt) =>
      new Promise((resolve, reject) => {
        all.push({ attempt, succeed: resolve, fail: (error = new Error('down')) => reject(error as Error) })
      }),
  }
}

export interface Deferred<T = unknown> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

export function deferred<T = unknown>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((fulfil, fail) => {
    resolve = fulfil
    reject = fail
  })
  return { promise, resolve, reject }
}

/** What a promise has come to so far: `'pending'`, its value, or `{ rejected }`. */
export function watch<T>(promise: Promise<T>): { state: 'pending' | 'fulfilled' | 'rejected'; value: T | undefined; error: unknown; name: string } {
  const seen = { state: 'pending' as 'pending' | 'fulfilled' | 'rejected', value: undefined as T | undefined, error: undefined as unknown, name: '' }
  promise.then(
    (value) => Object.assign(seen, { state: 'fulfilled', value }),
    (error: unknown) => Object.assign(seen, { state: 'rejected', error, name: (error as Error)?.name }),
  )
  return seen
}

/** A pipeline on a manual clock, and whatever its hooks were told. */
export function on<const P extends readonly Policy[]>(policies: P, options: PipelineOptions = {}) {
  const clock = (options.clock ?? manualClock()) as ManualClock
  const internal: unknown[] = []
  const discarded: unknown[] = []
  const made = pipeline('quotes', policies, {
    onWarning: () => {},
    onInternalError: (error) => internal.push(error),
    discard: (value) => discarded.push(value),
    ...options,
    clock,
  })
  return { pipeline: made, clock, internal, discarded, }
}

/** As a guard of the house whose class says that it keeps nothing of what it is told. */
export function brief(guard: Guard): Guard {
  return Object.assign(Object.create({ keepsNothing: true }) as Guard, guard)
}
