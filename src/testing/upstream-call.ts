import type { Clock } from '../core/clock.ts'
import type { RawOutcome } from '../core/verdict.ts'

/** One call that a scripted upstream got. */
export interface UpstreamCall<T> {
  /** When it came, ms on the upstream's clock. */
  readonly at: number
  /** When it was answered, ms; NaN while it is in flight. */
  readonly endedAt: number
  /** The attempt's number, 1-based; `undefined` where it was called without an attempt. */
  readonly number: number | undefined
  /** What it was called with; an attempt in the first place is left out. */
  readonly args: readonly unknown[]
  /** The signal of the first argument that has one. Reading it makes an attempt build it. */
  readonly signal: AbortSignal | undefined
  /** Whether that signal is aborted. Reads it. */
  readonly aborted: boolean
  /** Answers the call by hand while it is in flight; later it does nothing. */
  succeed(value?: T): void
  /** Fails the call by hand while it is in flight; later it does nothing. Without an error: `Error('scripted failure')`. */
  fail(error?: unknown): void
}

interface Signalled {
  readonly signal?: AbortSignal
  readonly number?: unknown
}

export class RecordedCall<T> implements UpstreamCall<T> {
  readonly at: number
  endedAt: number = NaN
  readonly number: number | undefined
  readonly args: readonly unknown[]
  readonly promise: Promise<T>
  readonly #clock: Clock
  readonly #signalled: Signalled | undefined
  readonly #atEnd: (() => void)[] = []
  #resolve!: (value: T) => void
  #reject!: (error: unknown) => void

  constructor(clock: Clock, received: readonly unknown[]) {
    this.at = clock.now()
    this.#clock = clock
    this.#signalled = received.find(hasSignal)
    this.number = typeof this.#signalled?.number === 'number' ? this.#signalled.number : undefined
    this.args = hasSignal(received[0]) ? received.slice(1) : received
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  get signal(): AbortSignal | undefined {
    return this.#signalled?.signal
  }

  get aborted(): boolean {
    return this.signal?.aborted ?? false
  }

  succeed(value?: T): void {
    this.end({ ok: true, value: value as T })
  }

  fail(error: unknown = new Error('scripted failure')): void {
    this.end({ ok: false, error })
  }

  end(outcome: RawOutcome<T>): void {
    if (!Number.isNaN(this.endedAt)) return
    this.endedAt = this.#clock.now()
    for (const fn of this.#atEnd) fn()
    if (outcome.ok) this.#resolve(outcome.value)
    else this.#reject(outcome.error)
  }

  atEnd(fn: () => void): void {
    this.#atEnd.push(fn)
  }

  /** Fails with the signal's reason when it is aborted, as a fetch does. */
  heed(): void {
    const { signal } = this
    if (signal === undefined) return
    const abort = (): void => this.end({ ok: false, error: signal.reason })
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort)
    this.atEnd(() => signal.removeEventListener('abort', abort))
  }
}

/** Asks without reading the signal: an attempt builds its own when it is read. */
function hasSignal(value: unknown): value is Signalled {
  return typeof value === 'object' && value !== null && 'signal' in value
}
