/** How a thing is when it is asked: `'idle'` may go; `'running'` comes back by {@link Idle.rest}; `'busy'` is to be asked again. */
export type State = 'idle' | 'running' | 'busy'

/** A thing that comes to rest now and then; also a link of the list in which it rests. */
export class Resting {
  /** When it came to rest last. */
  restsSince: number = NaN
  list: RestingList | undefined = undefined
  before: Resting | undefined = undefined
  after: Resting | undefined = undefined
}

/** A list that a link enters at the end and leaves from anywhere, in O(1). */
export class RestingList {
  first: Resting | undefined = undefined
  size = 0
  #last: Resting | undefined = undefined

  add(link: Resting): void {
    link.list = this
    link.before = this.#last
    link.after = undefined
    if (this.#last === undefined) this.first = link
    else this.#last.after = link
    this.#last = link
    this.size++
  }

  remove(link: Resting): void {
    const { before, after } = link
    if (before === undefined) this.first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    link.list = link.before = link.after = undefined
    this.size--
  }
}

/** How many of those that were busy are asked again each time. */
export const LOOKS = 8

/**
 * Who has rested longest, without a timer and in amortised O(1). Who comes to rest goes to the end of a list, so that its head has
 * rested longest. A head that is asked and may not go leaves the list: what runs comes back by itself when it rests, what is busy
 * for another reason (a breaker is open) joins a second list, of which a few are asked again each time, in turn. Each rest thus
 * pays for one question, and each search for {@link LOOKS} more.
 *
 * Up to {@link LOOKS} busy ones, nobody is overlooked. Of more, one that is no longer busy is found after at most a
 * {@link LOOKS}th as many searches.
 */
export class Idle<Thing extends Resting> {
  readonly #rested = new RestingList()
  readonly #busy = new RestingList()

  /** It rests from `now` on. */
  rest(thing: Thing, now: number): void {
    this.leave(thing)
    thing.restsSince = now
    this.#rested.add(thing)
  }

  leave(thing: Thing): void {
    thing.list?.remove(thing)
  }

  /** The one that rests since `until` or earlier and may go; it stays until it leaves. `undefined`: nobody may. */
  find(until: number, stateOf: (thing: Thing) => State): Thing | undefined {
    const rested = this.#rested
    // Those that this search finds busy have been asked.
    let looks = Math.min(LOOKS, this.#busy.size)
    for (let first = rested.first; first !== undefined && first.restsSince <= until; first = rested.first) {
      if (this.#passedOver(first as Thing, stateOf)) continue
      return first as Thing
    }
    for (; looks > 0; looks--) {
      const first = this.#busy.first as Thing
      if (!this.#passedOver(first, stateOf)) return first
    }
    return undefined
  }

  #passedOver(thing: Thing, stateOf: (thing: Thing) => State): boolean {
    const state = stateOf(thing)
    if (state === 'idle') return false
    this.leave(thing)
    if (state === 'busy') this.#busy.add(thing)
    return true
  }
}
