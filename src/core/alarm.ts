import type { Ranked } from './heap.ts'

/** Whom an alarm tells that its time has come. */
export interface Ringable {
  /** `now` is when the timer came: `now - alarm.due` is how late. May set and clear alarms. Must not throw. */
  ring(alarm: Alarm, now: number): void
}

/** One span somebody waits for. Made by {@link Timers}; also a link of the list that it waits in. */
export class Alarm implements Ranked {
  place = -1
  list: SpanList | undefined = undefined
  previous: Alarm | undefined = undefined
  next: Alarm | undefined = undefined

  /** ms on the clock. */
  due: number
  /** The span it was set for, in ms; NaN for none. */
  spanMs: number

  constructor(
    public target: Ringable,
    due: number,
    spanMs: number,
    public order: number,
  ) {
    // `undefined` first: see AttemptRecord.
    this.due = this.spanMs = undefined as unknown as number
    this.due = due
    this.spanMs = spanMs
  }
}

/**
 * Alarms of one span, in the order of their due times. Its own rank is at most that of its head: a head that leaves costs
 * nothing, and the rank is set right when the timer comes by.
 */
export class SpanList implements Ranked {
  due: number = Infinity
  order = 0
  place = -1
  head: Alarm | undefined = undefined
  tail: Alarm | undefined = undefined

  constructor(
    readonly spanMs: number,
    readonly watched: boolean,
  ) {}

  /** At the tail, or a little before it where a due time is out of order. */
  add(alarm: Alarm): void {
    let previous = this.tail
    while (previous !== undefined && previous.due > alarm.due) previous = previous.previous
    const next = previous === undefined ? this.head : previous.next
    alarm.list = this
    alarm.previous = previous
    alarm.next = next
    if (previous === undefined) this.head = alarm
    else previous.next = alarm
    if (next === undefined) this.tail = alarm
    else next.previous = alarm
  }

  remove(alarm: Alarm): void {
    const { previous, next } = alarm
    if (previous === undefined) this.head = next
    else previous.next = next
    if (next === undefined) this.tail = previous
    else next.previous = previous
    alarm.list = alarm.previous = alarm.next = undefined
  }

  rank(alarm: Alarm): void {
    this.due = alarm.due
    this.order = alarm.order
  }
}
