import { Answer } from './answer.ts'
import { Result } from './outcome.ts'
import type { Plan } from './plan.ts'
import type { Alarm, Ringable } from './timers.ts'
import type { Outcome } from './verdict.ts'

/** How a strand waits, and what ends the wait: whoever has an outcome, a timer, or a closing pipeline. */
export class Parking extends Answer implements Ringable {
  /** Ends the back-off. */
  #alarm: Alarm | undefined = undefined
  /** The outcome that a woken strand brings with it. */
  #carried: Outcome<unknown> | undefined = undefined
  /** What a closing pipeline does to it. */
  #onClose: (() => void) | undefined = undefined

  constructor(readonly plan: Plan) {
    super()
  }

  /** Parks in a queue or a back-off, which a closing pipeline ends. */
  parkUntil(onClose: () => void): void {
    this.#onClose = onClose
    this.plan.parked.add(this)
    this.park()
  }

  /** Parks until whoever ends the call, or the attempt around, comes by. */
  parkAgain(): void {
    this.park()
  }

  /** Does something when the clock says `due`, unless something else wakes the parked strand before. */
  protected sleep(due: number, spanMs: number, then: () => void): void {
    this.whenWoken(then)
    this.#alarm = this.plan.timers.set(this, due, spanMs)
  }

  /** The back-off is over. */
  ring(): void {
    this.#alarm = undefined
    this.#leave()
  }

  /** Does something at once, or, where the strand is parked, in the caller's context. Of two, the later one counts. */
  wakeWith(what: () => void, carried?: Outcome<unknown>): void {
    if (this.#alarm !== undefined) {
      this.plan.timers.clear(this.#alarm)
      this.#alarm = undefined
    }
    if (!this.waiting) return what()
    this.drop(this.#carried)
    this.#carried = carried
    this.whenWoken(() => {
      this.#carried = undefined
      what()
    })
    this.#leave()
  }

  #leave(): void {
    if (this.#onClose !== undefined) {
      this.#onClose = undefined
      this.plan.parked.delete(this)
    }
    this.wakeUp()
  }

  /** The pipeline closes: queues and back-offs end. */
  close(): void {
    this.#onClose?.()
  }

  /** The caller will not see this outcome: its value is discarded, once. */
  protected drop(outcome: Outcome<unknown> | undefined): void {
    if (outcome?.ok !== true) return
    if (outcome instanceof Result) {
      if (outcome.dropped) return
      outcome.dropped = true
    }
    this.plan.discard(outcome.value)
  }
}
