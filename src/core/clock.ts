import { wrongType } from './options.ts'

/**
 * A pipeline's time. Monotonic: a wall clock that is set by an hour changes nothing.
 */
export interface Clock {
  /** ms since any fixed point. */
  now(): number
  /** Calls `fn` once, not before `ms` have passed, and never within `after` itself. The returned function cancels it. */
  after(ms: number, fn: () => void): Cancel
  /**
   * What its timers come from. Once it is another value, those armed before are taken for lost and armed anew: so fake
   * timers can come and go beneath a pipeline that stays. Without it they are never lost.
   */
  readonly source?: unknown
}

/** Cancels a timer, at any time; `ref` and `unref` say whether it keeps the process alive, where the platform can. */
export interface Cancel {
  (): void
  ref?(): void
  unref?(): void
}

/** The longest span that `setTimeout` can hold: 2³¹ − 1 ms, some 25 days. */
export const LONGEST_MS = 2_147_483_647

/** A timer of the platform: an object in Node, a number in browsers. */
interface Handle {
  ref?(): unknown
  unref?(): unknown
}

let timedBy: unknown
let timer: { now(): number }

/**
 * `performance.now` and `setTimeout`, looked up at each call so that fake timers work. After a timer it lets I/O have one
 * turn: when the event loop was blocked, an answer that has already arrived wins over the deadline that has passed too.
 */
export const systemClock: Clock = {
  now() {
    // Node's `performance` is a getter, 6 to 10 ns of 48; `setTimeout` is not, and who fakes the one fakes the other.
    if (setTimeout !== timedBy) {
      timedBy = setTimeout
      timer = performance
    }
    return timer.now()
  },
  get source() {
    return setTimeout
  },
  after(ms, fn) {
    const due = performance.now() + ms
    let held = true
    let handle: Handle
    let clear: (handle: never) => void

    const wait = (leftMs: number): void => {
      // Its own counterpart: fake timers may come or go before it is cleared.
      clear = clearTimeout
      keep(setTimeout(come, Math.min(Math.ceil(leftMs), LONGEST_MS)))
    }
    const come = (): void => {
      // Platform timers come up to 1 ms early, and at once where the span is too long for them.
      const leftMs = due - performance.now()
      if (leftMs > 0) wait(leftMs)
      // @sinonjs/fake-timers (vitest, jest, sinon): there is no I/O to wait for, and its immediates come 1 ms later.
      else if ('clock' in setTimeout) fn()
      else if (typeof setImmediate === 'function') {
        clear = clearImmediate
        keep(setImmediate(fn))
      } else {
        // Browsers: a second task does the same.
        clear = clearTimeout
        keep(setTimeout(fn, 0))
      }
    }
    const keep = (made: unknown): void => {
      handle = made as Handle
      if (!held) handle.unref?.()
    }

    wait(ms)
    const cancel: Cancel = () => clear(handle as never)
    cancel.ref = () => {
      held = true
      handle.ref?.()
    }
    cancel.unref = () => {
      held = false
      handle.unref?.()
    }
    return cancel
  },
}

/** The default clock's is looked up without its getter, 15 ns of a timeout's. */
export function sourceOf(clock: Clock): unknown {
  return clock === systemClock ? setTimeout : clock.source
}

export function checkClock(option: string, clock: unknown): void {
  const { now, after } = (clock ?? {}) as { now?: unknown; after?: unknown }
  if (typeof now !== 'function' || typeof after !== 'function') wrongType(option, 'an object with now() and after(ms, fn)', clock)
}
