import { Alarm, SpanList, type Ringable } from './alarm.ts'
import { LONGEST_MS, type Cancel, type Clock, sourceOf } from './clock.ts'
import { before, Heap } from './heap.ts'

export { Alarm, type Ringable } from './alarm.ts'

/** Empty lists kept for their next alarm. Beyond them they are dropped at once: many different spans do not leak. */
const SPARE_LISTS = 16
/** A real timer overdue by more is taken for lost: a test cleared all timers, a runtime ended the request that it belonged to. */
const LOST_MS = 1_000

/**
 * All that is waited for on one clock, with at most one real timer. A span that many share costs O(1) to set and to clear,
 * any other O(log n). Clearing leaves the real timer armed, but it keeps the process alive only while an alarm is set.
 */
export class Timers {
  readonly #heap = new Heap<Alarm | SpanList>()
  readonly #spans = new Map<number, SpanList>()
  readonly #watchSpans = new Map<number, SpanList>()
  // What is due in this turn is taken out first: an alarm set meanwhile waits for the next turn and starves nobody.
  readonly #due = new SpanList(NaN, false)
  readonly #overdue = new SpanList(NaN, true)
  /** The list that was asked for last: most often the next alarm has the same span. */
  #latest: SpanList | undefined = undefined
  #order = 0
  #spare = 0
  #waiting = 0
  #watched = 0
  #ringing = false
  /** When the real timer comes; Infinity when none is armed. */
  #armedFor = Infinity
  #cancel: Cancel | undefined = undefined
  #source: unknown = undefined

  /** Reads no clock and arms nothing. */
  constructor(readonly clock: Clock) {}

  /** How many alarms are watched. */
  get watched(): number {
    return this.#watched
  }

  /**
   * Rings `target` once, not before `due`, which is finite. `fixed`: many alarms share this `spanMs` (a policy's own
   * span), so their due times come nearly in order.
   */
  set(target: Ringable, due: number, spanMs: number = NaN, fixed = false): Alarm {
    const alarm = new Alarm(target, due, spanMs, (this.#order = (this.#order + 1) | 0))
    if (fixed) this.#enlist(alarm)
    else this.#heap.push(alarm)
    if (this.#waiting++ === 0) this.#cancel?.ref?.()
    if (due < this.#armedFor || this.#source !== sourceOf(this.clock) || this.#lost(due - spanMs)) this.#arm()
    return alarm
  }

  /** `set` tells the time without reading the clock, where it tells the span. */
  #lost(now: number): boolean {
    return now > this.#armedFor + LOST_MS && this.clock.now() > this.#armedFor + LOST_MS
  }

  /** Forgets an alarm, set or watched. One that has rung or was cleared is left as it is. */
  clear(alarm: Alarm): void {
    const { list } = alarm
    if (list !== undefined) {
      this.#take(alarm, list)
      if (list.watched) {
        this.#watched--
        return
      }
    } else if (alarm.place >= 0) this.#heap.remove(alarm)
    else return
    if (--this.#waiting === 0) this.#cancel?.unref?.()
  }

  /** An alarm that arms no timer: it rings when somebody calls {@link reap} after it is due. */
  watch(target: Ringable, due: number, spanMs: number): Alarm {
    const alarm = new Alarm(target, due, spanMs, (this.#order = (this.#order + 1) | 0))
    let list = this.#watchSpans.get(spanMs)
    if (list === undefined) this.#watchSpans.set(spanMs, (list = new SpanList(spanMs, true)))
    list.add(alarm)
    this.#watched++
    return alarm
  }

  /** Rings every watched alarm that is due. Reads the clock only if one is watched. */
  reap(): void {
    if (this.#watched === 0) return
    const now = this.clock.now()
    for (let alarm = this.#firstWatched(); alarm !== undefined && alarm.due <= now; alarm = this.#firstWatched()) {
      this.#take(alarm, alarm.list!)
      this.#overdue.add(alarm)
    }
    this.#ring(this.#overdue, now)
  }

  #firstWatched(): Alarm | undefined {
    let first: Alarm | undefined
    for (const { head } of this.#watchSpans.values()) {
      if (head !== undefined && (first === undefined || before(head, first))) first = head
    }
    return first
  }

  #enlist(alarm: Alarm): void {
    let list = this.#latest
    if (list?.spanMs !== alarm.spanMs) this.#latest = list = this.#listOf(alarm.spanMs)
    if (list.head === undefined) this.#spare--
    list.add(alarm)
    if (list.place < 0) {
      list.rank(alarm)
      this.#heap.push(list)
    } else if (before(alarm, list)) {
      list.rank(alarm)
      this.#heap.moved(list)
    }
  }

  /** The list of a span; a new one counts as a spare. */
  #listOf(spanMs: number): SpanList {
    let list = this.#spans.get(spanMs)
    if (list === undefined) {
      this.#spans.set(spanMs, (list = new SpanList(spanMs, false)))
      this.#spare++
    }
    return list
  }

  #take(alarm: Alarm, list: SpanList): void {
    list.remove(alarm)
    if (list.head !== undefined || list === this.#due || list === this.#overdue) return
    if (list.watched) this.#watchSpans.delete(list.spanMs)
    else if (this.#spare < SPARE_LISTS) this.#spare++
    else this.#drop(list)
  }

  #drop(list: SpanList): void {
    this.#spans.delete(list.spanMs)
    this.#heap.remove(list)
    if (this.#latest === list) this.#latest = undefined
  }

  /** The alarm that is due first. Sets the ranks of the lists right as it meets them, and drops empty ones. */
  #first(): Alarm | undefined {
    for (;;) {
      const first = this.#heap.first
      if (first === undefined || first instanceof Alarm) return first
      const { head } = first
      if (head === undefined) {
        this.#spare--
        this.#drop(first)
      } else if (head.order === first.order && head.due === first.due) return head
      else {
        first.rank(head)
        this.#heap.moved(first)
      }
    }
  }

  #arm(): void {
    if (this.#ringing) return
    this.#cancel?.()
    this.#cancel = undefined
    this.#armedFor = Infinity
    const first = this.#first()
    if (first === undefined) return
    const now = this.clock.now()
    this.#armedFor = Math.min(Math.max(first.due, now), now + LONGEST_MS)
    this.#source = sourceOf(this.clock)
    this.#cancel = this.clock.after(Math.min(Math.max(first.due - now, 0), LONGEST_MS), this.#fire)
  }

  readonly #fire = (): void => {
    const now = this.clock.now()
    this.#ringing = true
    for (let alarm = this.#first(); alarm !== undefined && alarm.due <= now; alarm = this.#first()) {
      if (alarm.list === undefined) this.#heap.remove(alarm)
      else this.#take(alarm, alarm.list)
      this.#due.add(alarm)
    }
    this.#ring(this.#due, now)
    this.#ringing = false
    this.#arm()
  }

  #ring(list: SpanList, now: number): void {
    for (let alarm = list.head; alarm !== undefined; alarm = list.head) {
      this.clear(alarm)
      try {
        alarm.target.ring(alarm, now)
      } catch {
        // A target guards what it runs; should one fail all the same, the others ring and the timer is armed again.
      }
    }
  }
}

const timers = new WeakMap<Clock, Timers>()

/** The timekeeper of a clock: one per clock. */
export function timersOf(clock: Clock): Timers {
  let kept = timers.get(clock)
  if (kept === undefined) timers.set(clock, (kept = new Timers(clock)))
  return kept
}
