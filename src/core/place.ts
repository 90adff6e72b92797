import { type Deferred, defer } from './deferred.ts'
import { Result } from './outcome.ts'
import type { Strand } from './strand.ts'
import type { Alarm, Ringable } from './timers.ts'
import type { Outcome } from './verdict.ts'

/** What a place is woken with by all but the work that it waits for. */
export const WOKEN: unique symbol = Symbol('woken')

/**
 * Where a strand is parked: a promise of the caller's own async context, in which it goes on when somebody wakes it: who
 * has an outcome, a timer, or a closing pipeline.
 */
export class Place implements Ringable {
  readonly promise: Promise<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  /** What the strand shall do when it wakes; until it has woken it can be replaced. */
  pending: (() => void) | undefined = undefined
  /** The outcome that it brings with it then. */
  carried: Outcome<unknown> | undefined = undefined
  /** Ends the back-off. */
  alarm: Alarm | undefined = undefined
  /** What a closing pipeline does to it. */
  onClose: (() => void) | undefined = undefined

  constructor(
    readonly strand: Strand,
    { promise, resolve, reject }: Deferred = defer(),
  ) {
    this.promise = promise
    this.resolve = resolve
    this.reject = reject
  }

  /** Does something in the caller's context. Of two, the later one counts. */
  wakeWith(what: () => void, carried: Outcome<unknown> | undefined): void {
    if (this.alarm !== undefined) {
      this.strand.plan.timers.clear(this.alarm)
      this.alarm = undefined
    }
    drop(this.strand, this.carried)
    this.carried = carried
    this.pending = what
    this.leave()
  }

  /** The back-off is over. */
  ring(): void {
    this.alarm = undefined
    this.leave()
  }

  leave(): void {
    if (this.onClose !== undefined) {
      this.onClose = undefined
      this.strand.plan.parked.delete(this)
    }
    this.resolve(WOKEN)
  }

  /** The strand goes on, in its own context: the place is free. */
  resume(): void {
    const { strand, pending } = this
    if (strand.place === this) strand.place = undefined
    this.carried = this.pending = undefined
    pending?.()
  }

  /** The pipeline closes: queues and back-offs end. */
  close(): void {
    this.onClose?.()
  }
}

/** The caller will not see this outcome: its value is discarded, once. */
export function drop({ plan }: Pick<Strand, 'plan'>, outcome: Outcome<unknown> | undefined): void {
  if (outcome?.ok !== true) return
  if (outcome instanceof Result) {
    if (outcome.dropped) return
    outcome.dropped = true
  }
  plan.discard(outcome.value)
}
