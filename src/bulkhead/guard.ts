import type { Attempt } from '../core/attempt.ts'
import { BulkheadFullError } from '../core/errors.ts'
import type { Effective } from '../core/options.ts'
import { type Later, later, type Mode, observed, type Policy, refuse, type Refusal, unguarded } from '../core/policy.ts'
import { Queue, Waiter } from '../math/queue.ts'
import type { Bulkhead } from './bulkhead.ts'
import { type BulkheadOptions, bulkheadOptions } from './options.ts'
import { warnings } from './warnings.ts'

/** Counts the slots, and hands each over to who waits for it. */
export class BulkheadGuard implements Bulkhead {
  readonly kind = 'guard'
  readonly type = 'bulkhead'
  readonly name: string
  options: Effective<BulkheadOptions>
  inFlight = 0
  readonly #queue = new Queue<Waiter>()
  /** The permit of every attempt: slots are alike, only their number counts. */
  readonly #slot: object = {}
  /** Without a pipeline there is no stage to wait in. */
  #bound = false
  /** As long as the options are the same. */
  #refusal: Refusal | undefined = undefined

  constructor(options: BulkheadOptions) {
    this.options = bulkheadOptions(options)
    this.name = this.options.name
  }

  bind(): void {
    this.#bound = true
  }

  // ── the hooks ──

  admit(attempt: Attempt): object | Refusal | Later {
    return this.#ask(attempt) ?? this.#wait(attempt)
  }

  release(permit: object): void {
    if (permit !== this.#slot) return
    this.inFlight--
    this.#handOver()
  }

  pressure(): number {
    const { slots, mode } = this.options
    if (mode !== 'enforce') return 0
    return slots === 0 ? 1 : Math.min(1, this.inFlight / slots)
  }

  warn(list: readonly Policy[], index: number): string[] {
    return warnings(this.options, list.slice(0, index))
  }

  // ── slots and who waits for them ──

  /** Yes or no; `undefined`: it may wait. */
  #ask(attempt: Attempt): object | Refusal | undefined {
    const { slots, queue, mode } = this.options
    if (mode === 'off') return unguarded
    // While somebody waits no slot is free: nobody is overtaken.
    if (this.inFlight < slots) return this.#take()
    if (mode === 'observe') return observed(attempt, this.#full())
    return this.#bound && this.queued < queue ? undefined : this.#full()
  }

  #wait(attempt: Attempt): Later {
    const waiter = new Waiter()
    return later({
      get maxWaitMs() {
        return waiter.maxWaitMs
      },
      start: (wake) => {
        // Listeners have run since `admit`, and whatever they did.
        const answer = this.#ask(attempt)
        if (answer !== undefined) return wake(answer)
        const { order, maxWaitMs } = this.options
        waiter.wake = wake
        waiter.maxWaitMs = this.#queue.join(waiter, order, maxWaitMs, attempt.now())
      },
      cancel: () => void this.#queue.leave(waiter),
      expired: () => refuse(this, BulkheadFullError, () => `no slot came free within ${waiter.maxWaitMs} ms`),
    })
  }

  /** It counts as taken from here on, also where its new owner has yet to wake up. */
  #take(): object {
    this.inFlight++
    return this.#slot
  }

  /** Every slot that is free goes to who waits; in a dry run, and switched off, nobody has to. */
  #handOver(): void {
    const { slots, order, mode } = this.options
    while (this.queued > 0) {
      if (mode !== 'enforce') this.#queue.next(order)!.wake(unguarded)
      else if (this.inFlight < slots) this.#queue.next(order)!.wake(this.#take())
      else return
    }
  }

  #full(): Refusal {
    const { queued, options } = this
    const { slots, queue, mode } = options
    // Without a queue all are told the same.
    if (queue === 0) return (this.#refusal ??= refuse(this, BulkheadFullError, () => `all ${slots} slots are taken`))
    const more = !this.#bound ? '' : mode === 'observe' ? ': it would have to wait' : ` and ${queued} wait already`
    return refuse(this, BulkheadFullError, () => `all ${slots} slots are taken${more}`)
  }

  // ── what it is, and what its owner does ──

  get queued(): number {
    return this.#queue.size
  }

  get mode(): Mode {
    return this.options.mode
  }

  update(options: Partial<Omit<BulkheadOptions, 'name'>>): void {
    this.options = bulkheadOptions(options, this.options)
    this.#refusal = undefined
    this.#handOver()
  }
}
