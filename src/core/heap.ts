/** What a {@link Heap} holds: ordered by `due`, ties by `order`, and it knows its own place. */
export interface Ranked {
  /** ms on a clock. */
  due: number
  /** Counts up as things are set; wraps around at 2³². */
  order: number
  /** Where it is in the heap; −1 outside. Written by the heap alone. */
  place: number
}

/** Whether `a` comes before `b`. */
export function before(a: Ranked, b: Ranked): boolean {
  return a.due < b.due || (a.due === b.due && ((a.order - b.order) | 0) < 0)
}

/** A binary heap whose members know their place, so that any of them leaves in O(log n). */
export class Heap<T extends Ranked> {
  readonly #items: T[] = []

  get first(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    this.#put(item, this.#items.length)
    this.#rise(item)
  }

  remove(item: T): void {
    const { place } = item
    const last = this.#items.pop()!
    item.place = -1
    if (last === item) return
    this.#put(last, place)
    this.moved(last)
  }

  /** To be called when the rank of a member has changed. */
  moved(item: T): void {
    this.#rise(item)
    this.#sink(item)
  }

  #put(item: T, place: number): void {
    this.#items[place] = item
    item.place = place
  }

  #rise(item: T): void {
    let { place } = item
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = this.#items[above]!
      if (!before(item, parent)) break
      this.#put(parent, place)
      place = above
    }
    this.#put(item, place)
  }

  #sink(item: T): void {
    const size = this.#items.length
    let { place } = item
    for (let below = 2 * place + 1; below < size; below = 2 * place + 1) {
      if (below + 1 < size && before(this.#items[below + 1]!, this.#items[below]!)) below++
      const child = this.#items[below]!
      if (!before(child, item)) break
      this.#put(child, place)
      place = below
    }
    this.#put(item, place)
  }
}
