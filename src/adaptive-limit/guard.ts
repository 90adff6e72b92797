import { type Attempt, priorities } from '../core/attempt.ts'
import type { Clock } from '../core/clock.ts'
import { BulkheadFullError } from '../core/errors.ts'
import { type AnyListener, Events, type EventType, type Listener, type Undo } from '../core/events.ts'
import { type Host, type Later, later, type Mode, observed, type Policy, refuse, type Refusal, unguarded } from '../core/policy.ts'
import type { Settled } from '../core/verdict.ts'
import { warnings } from '../bulkhead/warnings.ts'
import { Waiter } from '../math/queue.ts'
import type { AdaptiveLimit } from './adaptive-limit.ts'
import type { Algorithm } from './algorithm.ts'
import { Aimd } from './aimd.ts'
import { Lanes, pressureOf } from './lanes.ts'
import { News, rounded } from './news.ts'
import { type AdaptiveLimitOptions, type AdaptiveLimitSettings, checkStart, settings, type Stated, stated } from './options.ts'
import { Vegas } from './vegas.ts'

/** What was learned from a drop is old news after so long. */
const NEWS_MS = 60_000

/** Counts what is in flight, keeps it below the limit, and shows the algorithm how results went. */
export class AdaptiveLimitGuard implements AdaptiveLimit {
  readonly kind = 'guard'
  readonly type = 'adaptiveLimit'
  readonly timed = true
  readonly name: string
  readonly events: Events = new Events()
  options: AdaptiveLimitSettings
  inFlight = 0
  #said: Stated
  #algorithm: Algorithm
  /** When the limit came down last. */
  #loweredAt = -Infinity
  readonly #news: News
  readonly #lanes = new Lanes()
  /** The permit of every attempt: places are alike, only their number counts. */
  readonly #place: object = {}
  #host: Host | undefined

  constructor(options: AdaptiveLimitOptions | undefined) {
    this.#said = stated(options)
    this.options = settings(this.#said)
    checkStart(this.options)
    this.name = this.options.name
    this.#algorithm = algorithmOf(this.options, this.options.start)
    this.#news = new News(this.events, this.name, this.options.start)
  }

  bind(host: Host): void {
    this.#host = host
  }

  get keepsNothing(): true {
    return true
  }

  // ── the hooks ──

  admit(attempt: Attempt): object | Refusal | Later {
    return this.#ask(attempt) ?? this.#wait(attempt)
  }

  settle(permit: object, settled: Settled, attempt: Attempt): void {
    const { verdict } = settled
    const dropped = verdict === 'overload'
    // A failure that is no overload says nothing of load, and how fast it came nothing of what the work takes.
    if (permit !== this.#place || this.options.mode === 'off' || !(dropped || verdict === 'success')) return
    const at = settled.settledAt
    const before = this.limit
    this.#algorithm.sample(attempt.startedAt, at - attempt.startedAt, this.inFlight, dropped)
    if (this.limit < before) this.#loweredAt = at
    this.#news.limit(this.limit, this.inFlight, this.options, at)
    this.#news.result(!dropped, this.limit, this.#host?.timeoutMs ?? Infinity, at)
    if (this.limit > before) this.#handOver()
  }

  release(permit: object): void {
    if (permit !== this.#place) return
    this.inFlight--
    this.#handOver()
  }

  pressure(): number {
    const { mode, room } = this.options
    if (mode !== 'enforce') return 0
    const used = Math.min(1, this.inFlight / this.limit)
    const longest = used < 1 ? this.#lanes.longest() : undefined
    return longest === undefined ? used : Math.max(used, pressureOf(longest, room, this.#clock.now()))
  }

  /** Whether it has come down lately below what one made anew would begin with. */
  busy(): boolean {
    return this.#host !== undefined && this.limit < this.options.start && this.#clock.now() - this.#loweredAt < NEWS_MS
  }

  warn(list: readonly Policy[], index: number): string[] {
    return warnings({ ...this.options, slots: this.options.min }, list.slice(0, index))
  }

  // ── room and who waits for it ──

  /** Yes or no; `undefined`: it may wait. */
  #ask(attempt: Attempt): object | Refusal | undefined {
    const { queue, mode, room } = this.options
    if (mode === 'off') return unguarded
    // While somebody of its priority or above waits there is no room for it: nobody is overtaken.
    if (this.inFlight < this.limit * room[importance(attempt)]) {
      // Without a pipeline nobody else stamps when it began.
      attempt.now()
      return this.#take()
    }
    this.#news.full()
    if (mode === 'observe') return observed(attempt, this.#full(attempt))
    return this.#host !== undefined && this.#mayWait(attempt, queue) ? undefined : this.#full(attempt)
  }

  /** There is a place in the queue, or somebody less important has one. */
  #mayWait(attempt: Attempt, queue: number): boolean {
    return this.queued < queue || (queue > 0 && this.#lanes.anyBelow(priorities.indexOf(importance(attempt))))
  }

  #wait(attempt: Attempt): Later {
    const lane = priorities.indexOf(importance(attempt))
    const waiter = new Waiter()
    return later({
      get maxWaitMs() {
        return waiter.maxWaitMs
      },
      start: (wake) => {
        // Listeners have run since `admit`, and whatever they did.
        const answer = this.#ask(attempt)
        if (answer !== undefined) return wake(answer)
        waiter.wake = wake
        const { queue, order, maxWaitMs } = this.options
        if (this.queued >= queue) this.#lanes.dropLeast()?.wake(this.#displaced())
        this.#lanes.join(waiter, lane, order, maxWaitMs, attempt.now())
      },
      cancel: () => this.#lanes.leave(waiter, lane),
      expired: () => refuse(this, BulkheadFullError, () => `no room within ${waiter.maxWaitMs} ms`),
    })
  }

  /** It counts from here on, also where its new owner has yet to wake up. */
  #take(): object {
    this.inFlight++
    return this.#place
  }

  /** All the room there is goes to who waits, the most important first; in a dry run, and switched off, nobody has to. */
  #handOver(): void {
    const { order, mode } = this.options
    while (this.queued > 0) {
      const waiter = this.#lanes.next(order, mode === 'enforce' ? this.#open() : priorities.length)
      if (waiter === undefined) return
      waiter.wake(mode === 'enforce' ? this.#take() : unguarded)
    }
  }

  /** How many priorities, from the top, have room. */
  #open(): number {
    const { room } = this.options
    let lanes = 0
    while (lanes < priorities.length && this.inFlight < this.limit * room[priorities[lanes]!]) lanes++
    return lanes
  }

  #full(attempt: Attempt): Refusal {
    const { inFlight, queued, limit, options } = this
    const { queue, mode } = options
    const more = queue === 0 || this.#host === undefined ? '' : mode === 'observe' ? ': it would have to wait' : ` and ${queued} wait already`
    return refuse(this, BulkheadFullError, () => `${inFlight} are in flight, no room for priority ${importance(attempt)} within the limit of ${rounded(limit)}${more}`)
  }

  #displaced(): Refusal {
    return refuse(this, BulkheadFullError, () => 'its place in the queue went to a more important call')
  }

  // ── what it is, and what its owner does ──

  get limit(): number {
    return this.#algorithm.limit
  }

  get queued(): number {
    return this.#lanes.size
  }

  get mode(): Mode {
    return this.options.mode
  }

  get #clock(): Clock {
    return this.#host!.clock
  }

  on<T extends EventType>(type: T | '*', listener: Listener<T> | AnyListener): Undo {
    return this.events.on(type as T, listener as Listener<T>)
  }

  update(options: Partial<Omit<AdaptiveLimitOptions, 'start' | 'name'>>): void {
    const said = stated(options, this.#said)
    const next = settings(said)
    const { algorithm } = this.options
    this.#said = said
    this.options = next
    if (next.algorithm !== algorithm) this.#algorithm = algorithmOf(next, this.limit)
    this.#algorithm.bound(next.min, next.max)
    this.#news.limit(this.limit, this.inFlight, next, this.#host?.clock.now() ?? NaN)
    this.#handOver()
  }
}

/** A breaker's trial is as important as it gets. */
function importance({ priority, probe }: Attempt): Attempt['priority'] {
  return probe ? 'critical' : priority
}

function algorithmOf({ algorithm, min, max }: AdaptiveLimitSettings, limit: number): Algorithm {
  return algorithm === 'vegas' ? new Vegas(limit, min, max) : new Aimd(limit, min, max)
}
