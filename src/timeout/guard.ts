import type { Attempt } from '../core/attempt.ts'
import type { Guard, Policy } from '../core/policy.ts'
import { nameDuration } from '../core/duration.ts'
import { known, nameOf, positive } from '../core/options.ts'

export interface TimeoutOptions {
  /** Default `'timeout'`. */
  readonly name?: string | undefined
}

/** A {@link timeout}. */
export interface Timeout extends Guard {
  readonly timeoutMs: number
  /** Changes the span for attempts yet to be admitted. */
  update(options: { readonly ms?: number | undefined }): void
}

/** The permit of every attempt: a timeout keeps no books. */
const permit: object = Object.freeze({})

class TimeoutGuard implements Timeout {
  readonly kind = 'guard'
  readonly type = 'timeout'
  readonly name: string
  readonly timed = true
  timeoutMs: number

  constructor(ms: number, options: TimeoutOptions | undefined) {
    this.timeoutMs = positive('timeout.ms', ms)
    const { name = 'timeout' } = known('timeout', options, ['name'])
    this.name = nameOf('timeout.name', name)
  }

  get options(): object {
    return { ms: this.timeoutMs, name: this.name }
  }

  admit(attempt: Attempt): object {
    const due = attempt.now() + this.timeoutMs
    if (due < attempt.deadline) attempt.deadline = due
    return permit
  }

  update(options: { readonly ms?: number | undefined }): void {
    const { ms } = known('timeout', options, ['ms'])
    if (ms !== undefined) this.timeoutMs = positive('timeout.ms', ms)
  }

  warn(list: readonly Policy[], index: number): string[] {
    const outer = list.slice(0, index).filter((policy): policy is Timeout => policy.type === 'timeout')
    const least = outer.reduce((ms, { timeoutMs }) => Math.min(ms, timeoutMs), Infinity)
    if (outer.length === 0 || least > this.timeoutMs) return []
    return [`the timeout "${this.name}" of ${nameDuration(this.timeoutMs)} never ends anything: it stands inside one of ${nameDuration(least)}`]
  }
}

/**
 * Answers with a `TimeoutError` when the work takes longer than `ms`, and aborts `attempt.signal` with that error as its
 * reason. Inside `retry` it bounds each attempt, outside it the whole call. The wait of a queue further in counts, one
 * further out does not. Work that does not heed the signal keeps its slots until it ends, or is abandoned; its late
 * result is dropped.
 *
 * It is a number that lowers the attempt's deadline: all timeouts of a clock share one real timer, O(1) each. Adds one
 * promise to the call, because the call can then be answered early.
 *
 * @param ms the span: over 0; Infinity for no limit
 * @throws RangeError, TypeError at build
 */
export function timeout(ms: number, options?: TimeoutOptions): Timeout {
  return new TimeoutGuard(ms, options)
}
