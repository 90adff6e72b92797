import type { Attempt, Call, Priority } from '../core/attempt.ts'
import type { AnyEvent, EventType } from '../core/events.ts'
import type { Observed, Observer } from '../core/observer.ts'
import type { Refusal } from '../core/policy.ts'
import type { Outcome, Settled } from '../core/verdict.ts'
import { named, shown } from './gauges.ts'
import type { Log } from './log.ts'
import { outcomeOf, verdictOf } from './outcome.ts'
import { priorityOf } from './refusals.ts'
import { Shares } from './shares.ts'
import type { BreakerStateName } from './snapshot.ts'
import { States } from './states.ts'
import { column } from './tape.ts'
import type { Track } from './track.ts'
import { heard, worded } from './words.ts'

const entered: Readonly<Record<string, BreakerStateName>> = { 'breaker.opened': 'open', 'breaker.halfOpened': 'halfOpen', 'breaker.closed': 'closed', 'breaker.isolated': 'isolated' }

/**
 * The observer of one pipeline: tells its track what happens there, with the times of its clock turned into those of the world. The hooks
 * that are called per attempt and per call allocate nothing and look nothing up.
 */
export class Watch implements Observer {
  readonly events: readonly EventType[] = heard
  readonly #pipeline: WeakRef<Observed>

  /** @param offset ms from a time of the pipeline's clock to 1970 */
  constructor(
    pipeline: Observed,
    readonly track: Track,
    readonly offset: number,
    readonly log: Log,
  ) {
    this.#pipeline = new WeakRef(pipeline)
    const now = pipeline.clock.now() + offset
    for (const { name, policy } of track.many ? [] : named(pipeline.policies)) {
      if (policy.type === 'breaker' && !track.states.has(name)) track.states.set(name, new States(shown.state(policy), now, shown.reason(policy)))
      if (policy.type === 'throttle' && !track.shares.has(name)) {
        const shares = new Shares()
        shares.change(shown.share(policy), now)
        track.shares.set(name, shares)
      }
    }
  }

  attemptSettled(attempt: Attempt, settled: Settled): void {
    const { settledAt } = settled
    this.track.attempt(verdictOf(settled), spanMs(settledAt - attempt.startedAt), settledAt + this.offset, attempt.number)
  }

  callSettled(call: Call, outcome: Outcome<unknown>, settled: Settled): void {
    const { settledAt } = settled
    this.track.call(outcomeOf(outcome, settled), spanMs(settledAt - call.startedAt), settledAt + this.offset, call.attempts)
  }

  succeeded(attempt: Attempt, { settledAt }: Settled): void {
    this.track.succeeded(spanMs(settledAt - attempt.startedAt), settledAt + this.offset)
  }

  refused(_call: Call, refusal: Refusal, priority: Priority): void {
    const at = this.#now()
    this.track.note(column.rejections + priorityOf(priority), at)
    this.track.refusals.add(refusal.policy, priority, Math.floor(at / 1_000))
  }

  event(event: AnyEvent): void {
    const { track } = this
    const { type } = event
    const at = Number.isNaN(event.at) ? this.#now() : event.at + this.offset
    track.events.set(type, (track.events.get(type) ?? 0) + 1)
    if (type === 'retry.scheduled') this.#retry(event.verdict, at)
    else if (type === 'refusal.observed') track.observed.add(event.policy, event.priority, Math.floor(at / 1_000))
    else if (type in entered) this.#entered(event, entered[type]!, at)
    else if (type === 'throttle.changed') this.#shares(at)
    const said = worded(event)
    const { policy } = event as { policy?: unknown }
    if (said !== undefined) this.log.add({ at, pipeline: track.label, policy: typeof policy === 'string' ? policy : null, type, ...said })
  }

  #retry(verdict: string, at: number): void {
    const reason = verdict === 'overload' ? 'overload' : 'failure'
    this.track.reasons[reason]++
    this.track.note(reason === 'overload' ? column.retriedOverload : column.retriedFailure, at)
  }

  /** A breaker has changed. The event says its name; where several have one name, each is asked. */
  #entered(event: AnyEvent, state: BreakerStateName, at: number): void {
    const breakers = named(this.#policies()).filter(({ policy }) => policy.type === 'breaker' && policy.name === (event as { policy?: string }).policy)
    for (const { name, policy } of breakers) {
      const states = this.track.states.get(name)
      const to = breakers.length === 1 ? state : shown.state(policy)
      if (states === undefined || (breakers.length > 1 && states.state === to)) continue
      const reason = event.type === 'breaker.opened' ? event.reason : shown.reason(policy)
      states.enter(to, at, to === 'closed' ? null : reason)
    }
  }

  #shares(at: number): void {
    for (const { name, policy } of named(this.#policies())) this.track.shares.get(name)?.change(shown.share(policy), at)
  }

  #policies(): Observed['policies'] {
    return this.track.many ? [] : (this.#pipeline.deref()?.policies ?? [])
  }

  #now(): number {
    const pipeline = this.#pipeline.deref()
    return pipeline === undefined ? NaN : pipeline.clock.now() + this.offset
  }
}

/** A call that began before anybody observed it has no start. */
const spanMs = (ms: number): number => (ms > 0 ? ms : 0)
