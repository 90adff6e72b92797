import { type AnyListener, Events, type EventType, type Payload, type Undo } from '../core/events.ts'
import { attach, type Observer, observerHooks, rare, tell } from '../core/observer.ts'
import type { KeyedAnyEvent, KeyedObserver } from './options.ts'
import type { Kept } from './kept.ts'

/**
 * One place for the listeners of all keys. Each pipeline is listened to for exactly the types that somebody wants here, from the
 * time it is kept until it is gone: then nothing of it points here, nor from here to it.
 */
export class Listening {
  readonly events: Events = new Events()
  /** How many listeners each type has. */
  readonly #listeners = new Map<string, number>()
  readonly #recorders: readonly Observer[]

  /** @param all what is listened to */
  constructor(
    observers: readonly KeyedObserver[],
    readonly all: () => Iterable<Kept>,
  ) {
    this.#recorders = observers.filter((observer) => observerHooks.some((hook) => hook !== 'event' && observer[hook] !== undefined)) as Observer[]
    for (const observer of observers) {
      // One that is attached hears each pipeline's events there.
      if (observer.event === undefined || observer.attached !== undefined) continue
      for (const type of observer.events ?? rare) this.on(type, (event) => observer.event!(event as KeyedAnyEvent))
    }
  }

  on(type: string, listener: AnyListener): Undo {
    const undo = this.events.on(type as '*', listener)
    const before = this.#listeners.get(type) ?? 0
    this.#listeners.set(type, before + 1)
    if (before === 0) this.#tune()
    let heard = true
    return () => {
      if (!heard) return
      heard = false
      undo()
      const left = this.#listeners.get(type)! - 1
      if (left > 0) this.#listeners.set(type, left)
      else {
        this.#listeners.delete(type)
        this.#tune()
      }
    }
  }

  /** Another set of types is wanted of all. */
  #tune(): void {
    for (const kept of this.all()) {
      this.silence(kept)
      this.hear(kept)
    }
  }

  hear(kept: Kept): void {
    const { plan, key } = kept
    const undos: Undo[] = []
    if (this.#listeners.size > 0) {
      const pass = (event: { readonly type: EventType }): void => this.events.emit(event.type, { ...event, key } as unknown as Payload<EventType>)
      for (const type of this.#listeners.has('*') ? ['*'] : this.#listeners.keys()) undos.push(plan.events.on(type as '*', pass))
    }
    if (this.#recorders.length > 0) {
      const own = plan.observers
      // A recorder of the pipeline itself too is told once.
      const further = this.#recorders.map((recorder) => attach(recorder, plan, plan.report)).filter((one) => !own.includes(one))
      plan.observedBy([...own, ...further])
      undos.push(() => plan.observedBy(own))
      for (const one of further) if (this.#told(one)) undos.push(tell(one, plan.events))
    }
    if (undos.length > 0) kept.silence = () => undos.forEach((undo) => undo())
  }

  /** Whether its events are told at each pipeline: not where one place does it for all keys. */
  #told(one: Observer): boolean {
    return one.attached !== undefined || !this.#recorders.includes(one)
  }

  silence(kept: Kept): void {
    kept.silence?.()
    kept.silence = undefined
  }
}
