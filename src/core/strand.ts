import type { AttemptRecord } from './attempt-record.ts'
import type { CallRecord } from './call.ts'
import type { Trace } from './inherit.ts'
import { type Deferred, defer } from './deferred.ts'
import { Place } from './place.ts'
import type { Plan } from './plan.ts'
import { type Followed, Scope } from './scope.ts'
import type { Alarm } from './timers.ts'
import type { Outcome } from './verdict.ts'

/** In the place of the promise of a strand that its caller was given without asking the strand for it. */
export const taken: Promise<unknown> = Promise.resolve()

/** What few strands need. */
export class Rare implements Followed {
  followers: Followed['followers'] = undefined
  owed: Owed | undefined = undefined
  /** The error of the last attempt that failed: the `cause` of a timeout. */
  lastError: unknown = undefined
  // What the caller says of the end of the call, what that answers while it still holds something, its id.
  signal: AbortSignal | undefined = undefined
  alarm: Alarm | undefined = undefined
  outcome: Outcome<unknown> | undefined = undefined
  id: string | undefined = undefined
  trace: Trace | undefined = undefined
}

/** What a strand owes to who asked for its last repeat, should that run nothing: it is told. */
export interface Owed {
  readonly unused: () => void
  /** How many attempts there were before it. */
  readonly since: number
}

/**
 * One thread of control through the fold: inwards through stages to the function, and outwards through steps with its
 * outcome. A call is one strand; each `next` of a surround is one more, a `Branch`. `inwards.ts` and `outwards.ts` move it; here
 * is where it stands, and its promise side: the only place that makes promises, and what they cost.
 *
 * - Nothing can end the call early: the user's promise is the one `then` on the function's own promise.
 * - Something can (a timeout, the caller's signal): whoever comes first resolves a promise made for it.
 * - Code of the call stands outside what can end early: it has to run in the caller's async context even when a timer or
 *   another call ends the wait. The strand is then *parked* in a promise made there, and whoever comes first wakes it.
 */
export abstract class Strand extends Scope {
  abstract readonly call: CallRecord
  /** Its first node: 0 for the call itself, and only for that. */
  abstract readonly from: number
  abstract readonly plan: Plan
  /** Where it is: the node, and the attempt at hand there. */
  at!: number
  current: AttemptRecord | undefined
  /** Where it waits. */
  place: Place | undefined

  payload: unknown
  /** The promise given to whoever asked, had from the work's own or from a parking place. */
  tail: Promise<unknown> | undefined
  /** The same, resolved by hand. */
  deferred: Deferred | undefined

  rare: Rare | undefined

  get strand(): this {
    return this
  }

  get more(): Rare {
    return (this.rare ??= new Rare())
  }

  /** Answers with an outcome, and tells the scope around it, or the caller's. */
  abstract answerWith(outcome: Outcome<unknown>): void

  /** Answers, once. */
  answer(rejects: boolean, payload: unknown): void {
    this.answered = true
    if (rejects) this.rejected = true
    const { deferred } = this
    if (deferred === undefined) this.payload = payload
    else if (rejects) deferred.reject(payload)
    else deferred.resolve(payload)
  }

  /** The promise of the answer, asked for once, when the strand has gone as far as it could at once. */
  promise(): Promise<unknown> {
    if (this.tail !== undefined) return this.tail
    if (!this.answered) return (this.deferred = defer()).promise
    return this.rejected ? Promise.reject(this.payload as Error) : Promise.resolve(this.payload)
  }

  /** Whether the next `then` of the strand is the first: that one is its promise, and no other has anybody to answer. */
  get unfollowed(): boolean {
    return this.tail === undefined && this.deferred === undefined
  }

  /** What a `then` of the strand's own answers: if it is the first, the answer, or the promise of it. */
  exit(first: boolean): unknown {
    if (!first) return undefined
    if (!this.answered) return (this.deferred = defer()).promise
    if (this.rejected) throw this.payload
    return this.payload
  }

  follow(tail: Promise<unknown>, first: boolean): void {
    if (first) this.tail = tail
  }

  /** Whether something can answer before the work at hand does. */
  early(attempt: AttemptRecord): boolean {
    return attempt.deadline !== Infinity || this.from > 0 || this.call.signal !== undefined
  }

  /** Whether code of the call outside might then have to run after somebody else's timer. */
  outside(attempt: AttemptRecord): boolean {
    const { stepsBefore } = this.plan
    return stepsBefore[this.at]! > stepsBefore[this.from]! && attempt.ended === undefined && !this.answered
  }

  /** Waits in a promise of the caller's own context until {@link wakeWith}. */
  park(): Place {
    const place = (this.place = new Place(this))
    const first = this.unfollowed
    this.follow(
      place.promise.then(() => {
        place.resume()
        return this.exit(first)
      }),
      first,
    )
    return place
  }

  /** Parks in a queue or a back-off, which a closing pipeline ends. */
  parkUntil(onClose: () => void): Place {
    const place = this.park()
    place.onClose = onClose
    this.plan.parked.add(place)
    return place
  }

  /** Does something at once, or, where the strand is parked, in the caller's context. Of two, the later one counts. */
  wakeWith(what: () => void, carried?: Outcome<unknown>): void {
    if (this.place === undefined) what()
    else this.place.wakeWith(what, carried)
  }
}
