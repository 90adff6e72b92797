import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import * as fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { systemClock, type Cancel, type Clock } from '../src/core/clock.ts'
import { Timers, timersOf, type Alarm, type Ringable } from '../src/core/timers.ts'
import { manualClock, seededRandom } from '../src/testing/index.ts'
import { root } from './support/package.ts'

/** A target that writes down when it was rung, and then does something. */
function bell(log: string[], name: string, then?: () => void): Ringable {
  return {
    ring(alarm, now) {
      log.push(`${name} due ${alarm.due} at ${now}`)
      then?.()
    },
  }
}

const silent: Ringable = { ring() {} }

/** A manual clock that counts what is done with it. */
function countingClock(): Clock & { reads: number, armed: number, mostArmed: number, everArmed: number, tick(ms: number): void } {
  const clock = manualClock()
  const counting = {
    reads: 0,
    everArmed: 0,
    mostArmed: 0,
    get armed() {
      return clock.armed
    },
    now: () => (counting.reads++, clock.now()),
    after(ms: number, fn: () => void): Cancel {
      counting.everArmed++
      const cancel = clock.after(ms, fn)
      counting.mostArmed = Math.max(counting.mostArmed, clock.armed)
      return cancel
    },
    tick: (ms: number) => clock.tick(ms),
  }
  return counting
}

describe('timers', () => {
  it('ring in the order of their due times, ties in the order they were set, whatever holds them', () => {
    const clock = manualClock()
    const timers = new Timers(clock)
    const log: string[] = []
    timers.set(bell(log, 'a'), 300)
    timers.set(bell(log, 'b'), 100, 100, true)
    timers.set(bell(log, 'c'), 200, 200, true)
    timers.set(bell(log, 'd'), 100)
    timers.set(bell(log, 'e'), 100, 100, true)
    timers.set(bell(log, 'f'), 300, 300, true)
    clock.tick(1_000)
    expect(log).toEqual(['b due 100 at 100', 'd due 100 at 100', 'e due 100 at 100', 'c due 200 at 200', 'a due 300 at 300', 'f due 300 at 300'])
  })

  it('read no clock and arm nothing before the first alarm', () => {
    const clock = countingClock()
    const timers = new Timers(clock)
    timers.reap()
    expect([clock.reads, clock.everArmed, timers.watched]).toEqual([0, 0, 0])
  })

  it('are one per clock', () => {
    const clock = manualClock()
    expect(timersOf(clock)).toBe(timersOf(clock))
    expect(timersOf(clock)).not.toBe(timersOf(manualClock()))
    expect(timersOf(clock).clock).toBe(clock)
  })

  it('arm one real timer, for the earliest', () => {
    const clock = countingClock()
    const timers = new Timers(clock)
    const first = timers.set(silent, 500, 500, true)
    for (let due = 501; due < 600; due++) timers.set(silent, due, 500, true)
    expect(clock.everArmed).toBe(1)
    timers.set(silent, 50)
    expect(clock.everArmed).toBe(2)
    timers.clear(first)
    clock.tick(1_000)
    expect(clock.mostArmed).toBe(1)
    expect(clock.armed).toBe(0)
  })

  it('read no clock for calls that follow one another, and re-arm once per span', () => {
    const clock = countingClock()
    const timers = new Timers(clock)
    let now = 0
    for (let call = 0; call < 1_000; call++) {
      timers.clear(timers.set(silent, now + 100, 100, true))
      clock.tick(1)
      now++
    }
    expect(clock.everArmed).toBeLessThanOrEqual(11)
    expect(clock.reads).toBeLessThanOrEqual(21)
  })

  it.each([true, false])('hold 100 000 alarms (fixed: %s), cleared in random order, with one real timer', (fixed) => {
    const clock = countingClock()
    const timers = new Timers(clock)
    const random = seededRandom(1)
    const order = Array.from({ length: 100_000 }, (_, i) => i)
    // A due time of its own each: in order for the list, in none for the heap, but never before the first.
    const alarms = order.map((i) => timers.set(silent, fixed ? 1_000 + i : 1_000 + (i === 0 ? 0 : random() * 1e6), 1_000, fixed))
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1))
      ;[order[i], order[j]] = [order[j]!, order[i]!]
    }
    for (const i of order) timers.clear(alarms[i]!)
    expect(clock.everArmed).toBe(1)
    expect(clock.mostArmed).toBe(1)
    clock.tick(1_000)
    expect([clock.armed, clock.everArmed]).toEqual([0, 1])
  })

  it('keep a list in order where a due time is out of order', () => {
    const clock = manualClock()
    const timers = new Timers(clock)
    const log: string[] = []
    for (const due of [100, 103, 101, 99, 102, 99]) timers.set(bell(log, 'x'), due, 100, true)
    clock.tick(1_000)
    expect(log.map((line) => line.replace(/.* at /, ''))).toEqual(['99', '99', '100', '101', '102', '103'])
  })

  it('keep the process alive only while an alarm is set', () => {
    const clock = manualClock()
    const timers = new Timers(clock)
    const watch = timers.watch(silent, 5, 5)
    expect([clock.armed, clock.pending]).toEqual([0, 0])
    const one = timers.set(silent, 100, 100, true)
    const two = timers.set(silent, 300)
    timers.clear(one)
    expect([clock.armed, clock.pending]).toEqual([1, 1])
    timers.clear(two)
    timers.clear(two)
    timers.clear(watch)
    expect([clock.armed, clock.pending]).toEqual([1, 0])
    timers.set(silent, 100, 100, true)
    expect([clock.armed, clock.pending]).toEqual([1, 1])
    clock.tick(100)
    expect([clock.armed, clock.pending]).toEqual([0, 0])
  })

  it('do without ref and unref', () => {
    const clock = manualClock()
    const bare: Clock = {
      now: () => clock.now(),
      after: (ms, fn) => {
        const cancel = clock.after(ms, fn)
        return () => cancel()
      },
    }
    const timers = new Timers(bare)
    const log: string[] = []
    timers.clear(timers.set(silent, 100))
    timers.set(bell(log, 'x'), 200)
    clock.tick(200)
    expect(log).toEqual(['x due 200 at 200'])
  })

  it('never ring early, where the real timer does', () => {
    const clock = manualClock()
    const hasty: Clock = { now: () => clock.now(), after: (ms, fn) => clock.after(ms > 2 ? ms - 0.7 : ms, fn) }
    const log: string[] = []
    new Timers(hasty).set(bell(log, 'x'), 100)
    clock.tick(99.9)
    expect(log).toEqual([])
    clock.tick(0.1)
    expect(log).toEqual(['x due 100 at 100'])
  })

  it('hold spans longer than a platform can', () => {
    const clock = manualClock()
    const asked: number[] = []
    const platform: Clock = {
      now: () => clock.now(),
      after: (ms, fn) => {
        asked.push(ms)
        return clock.after(ms, fn)
      },
    }
    const log: string[] = []
    new Timers(platform).set(bell(log, 'x'), 5e9)
    clock.tick(5e9)
    expect(log).toEqual(['x due 5000000000 at 5000000000'])
    expect(asked).toEqual([2 ** 31 - 1, 2 ** 31 - 1, 5e9 - 2 * (2 ** 31 - 1)])
  })

  it('ring what is overdue at the next opportunity', () => {
    const clock = manualClock(1_000)
    const log: string[] = []
    new Timers(clock).set(bell(log, 'x'), 400)
    clock.tick(0)
    expect(log).toEqual(['x due 400 at 1000'])
  })

  it('let an alarm set while others ring wait for the next turn, though it is due', () => {
    const clock = manualClock()
    const timers = new Timers(clock)
    const log: string[] = []
    const again = bell(log, 'again', () => void (log.length < 5 && timers.set(again, 50)))
    timers.set(again, 100)
    timers.set(bell(log, 'other'), 100)
    clock.tick(100)
    expect(log).toEqual(['again due 100 at 100', 'other due 100 at 100', 'again due 50 at 100', 'again due 50 at 100', 'again due 50 at 100'])
  })

  it('do not ring an alarm that another one, due at the same time, has cleared', () => {
    const clock = manualClock()
    const timers = new Timers(clock)
    const log: string[] = []
    const alarms: Alarm[] = []
    alarms.push(timers.set(bell(log, 'a', () => alarms.forEach((alarm) => timers.clear(alarm))), 100, 100, true))
    for (const fixed of [true, false]) alarms.push(timers.set(bell(log, 'never'), 100, 100, fixed), timers.set(bell(log, 'never'), 200, 100, fixed))
    clock.tick(1_000)
    expect(log).toEqual(['a due 100 at 100'])
    expect(clock.pending).toBe(0)
  })

  it('ring the others when one throws', () => {
    const clock = manualClock()
    const timers = new Timers(clock)
    const log: string[] = []
    const broken: Ringable = { ring: () => { throw new Error('a bug') } }
    timers.set(broken, 100)
    timers.set(bell(log, 'same time'), 100)
    timers.set(bell(log, 'later'), 200)
    timers.watch(broken, 50, 50)
    timers.watch(bell(log, 'watched'), 50, 50)
    clock.tick(1_000)
    timers.reap()
    expect(log).toEqual(['same time due 100 at 100', 'later due 200 at 200', 'watched due 50 at 1000'])
    expect([clock.armed, timers.watched]).toEqual([0, 0])
  })

  it('do not pile up lists of spans that were used once', () => {
    const clock = manualClock()
    const kept = vi.spyOn(Map.prototype, 'delete')
    const timers = new Timers(clock)
    for (let span = 1; span <= 1_000; span++) timers.clear(timers.set(silent, 1e6 + span, span, true))
    expect(kept.mock.calls.length).toBe(1_000 - 16)
    clock.tick(2e6)
    expect(kept.mock.calls.length).toBe(1_000)
    expect(clock.armed).toBe(0)
  })

  it('arm anew where a real timer has been lost, once an alarm shows that it is long overdue', () => {
    const clock = manualClock()
    const timers = new Timers({ now: () => clock.now(), after: (ms, fn) => (clock.armed === 0 && clock.now() === 0 ? clock.after(ms, () => {}) : clock.after(ms, fn)) })
    const log: string[] = []
    timers.set(bell(log, 'lost'), 100, 100, true)
    clock.tick(1_000)
    timers.set(bell(log, 'next'), 1_100, 100, true)
    clock.tick(500)
    expect(log).toEqual([])
    timers.set(bell(log, 'third'), 1_600, 100, true)
    clock.tick(0)
    expect(log).toEqual(['lost due 100 at 1500', 'next due 1100 at 1500'])
    clock.tick(100)
    expect(log).toHaveLength(3)
  })

  describe('watched alarms', () => {
    it('arm nothing, and ring when somebody reaps after they are due', () => {
      const clock = countingClock()
      const timers = new Timers(clock)
      const log: string[] = []
      timers.watch(bell(log, 'a'), 300, 300)
      timers.watch(bell(log, 'b'), 100, 100)
      const cleared = timers.watch(bell(log, 'c'), 200, 200)
      timers.watch(bell(log, 'd'), 100, 300)
      timers.clear(cleared)
      timers.clear(cleared)
      expect(timers.watched).toBe(3)
      timers.reap()
      clock.tick(250)
      expect(log).toEqual([])
      timers.reap()
      expect(log).toEqual(['b due 100 at 250', 'd due 100 at 250'])
      clock.tick(50)
      timers.reap()
      expect([timers.watched, clock.everArmed, clock.reads]).toEqual([0, 0, 3])
      timers.reap()
      expect(clock.reads).toBe(3)
    })

    it('can be set, cleared and reaped while one rings', () => {
      const clock = manualClock()
      const timers = new Timers(clock)
      const log: string[] = []
      timers.watch(bell(log, 'a', () => {
        timers.clear(b)
        timers.watch(bell(log, 'new'), 5, 5)
        if (log.length === 1) timers.reap()
      }), 10, 10)
      const b = timers.watch(bell(log, 'b'), 10, 10)
      timers.watch(bell(log, 'c'), 11, 11)
      clock.tick(20)
      timers.reap()
      expect(log).toEqual(['a due 10 at 20', 'new due 5 at 20', 'c due 11 at 20'])
      expect(timers.watched).toBe(0)
    })
  })

  /** The same with an array sorted again and again. */
  class NaiveTimers {
    now = 0
    readonly set: { id: number, due: number, order: number }[] = []
    readonly watched: { id: number, due: number, order: number }[] = []
    #order = 0

    add(list: { id: number, due: number, order: number }[], id: number, due: number): void {
      list.push({ id, due, order: this.#order++ })
    }

    clear(id: number): void {
      for (const list of [this.set, this.watched]) {
        const at = list.findIndex((alarm) => alarm.id === id)
        if (at >= 0) list.splice(at, 1)
      }
    }

    ringAll(list: { id: number, due: number, order: number }[], ring: (id: number) => void): void {
      const due = list.filter((alarm) => alarm.due <= this.now).toSorted((a, b) => a.due - b.due || a.order - b.order)
      for (const alarm of due) {
        if (!list.includes(alarm)) continue
        this.clear(alarm.id)
        ring(alarm.id)
      }
    }

    tick(ms: number, ring: (id: number) => void): void {
      const target = this.now + ms
      for (;;) {
        const next = Math.min(...this.set.map(({ due }) => due))
        if (next > target) break
        this.now = Math.max(this.now, next)
        this.ringAll(this.set, ring)
      }
      this.now = target
    }
  }

  type Move =
    | { what: 'set', afterMs: number, spanMs: number, fixed: boolean, inside: Move[] }
    | { what: 'watch', afterMs: number, spanMs: number, inside: Move[] }
    | { what: 'clear', which: number }
    | { what: 'reap' }
    | { what: 'tick', ms: number }

  const span = fc.integer({ min: 1, max: 6 }).map((n) => n * 10)
  const afterMs = fc.integer({ min: -20, max: 80 })
  const clear = fc.record({ what: fc.constant('clear' as const), which: fc.nat() })
  const setting = (inside: fc.Arbitrary<Move[]>): fc.Arbitrary<Move> => fc.oneof(
    fc.record({ what: fc.constant('set' as const), afterMs, spanMs: span, fixed: fc.boolean(), inside }),
    // As a stage sets them: the policy's own span, from now.
    fc.record({ what: fc.constant('set' as const), afterMs: span, fixed: fc.constant(true), inside }).map((move) => ({ ...move, spanMs: move.afterMs })),
    fc.record({ what: fc.constant('watch' as const), afterMs, spanMs: span, inside }),
  )
  const few = fc.array(fc.oneof(setting(fc.constant([])), clear), { maxLength: 3 })
  const move: fc.Arbitrary<Move> = fc.oneof(
    { weight: 5, arbitrary: setting(few) },
    { weight: 3, arbitrary: clear },
    { weight: 1, arbitrary: fc.constant({ what: 'reap' as const }) },
    { weight: 2, arbitrary: fc.record({ what: fc.constant('tick' as const), ms: fc.integer({ min: 0, max: 60 }) }) },
  )

  it('do what a sorted list does, whatever is set, cleared and let pass, also while they ring', () => {
    fc.assert(fc.property(fc.array(move, { maxLength: 60, size: 'max' }), (moves) => {
      const clock = manualClock()
      const timers = new Timers(clock)
      const naive = new NaiveTimers()
      const written: string[] = []
      const expected: string[] = []

      // Both number their alarms as they are made, so the same number is the same alarm as long as both do the same.
      const alarms: Alarm[] = []
      const make = (one: Move): void => {
        if (one.what === 'clear') {
          if (alarms.length > 0) timers.clear(alarms[one.which % alarms.length]!)
        } else if (one.what === 'set' || one.what === 'watch') {
          const id = alarms.length
          const target = bell(written, String(id), () => one.inside.forEach(make))
          const due = clock.now() + one.afterMs
          alarms.push(one.what === 'set' ? timers.set(target, due, one.spanMs, one.fixed) : timers.watch(target, due, one.spanMs))
        }
      }
      const made: { due: number, inside: Move[] }[] = []
      const imagine = (one: Move): void => {
        if (one.what === 'clear') {
          if (made.length > 0) naive.clear(one.which % made.length)
        } else if (one.what === 'set' || one.what === 'watch') {
          const due = naive.now + one.afterMs
          naive.add(one.what === 'set' ? naive.set : naive.watched, made.length, due)
          made.push({ due, inside: one.inside })
        }
      }
      const ring = (id: number): void => {
        expected.push(`${id} due ${made[id]!.due} at ${naive.now}`)
        made[id]!.inside.forEach(imagine)
      }

      for (const one of [...moves, { what: 'tick' as const, ms: 1_000 }]) {
        if (one.what === 'tick') {
          clock.tick(one.ms)
          naive.tick(one.ms, ring)
        } else if (one.what === 'reap') {
          timers.reap()
          naive.ringAll(naive.watched, ring)
        } else {
          make(one)
          imagine(one)
        }
        expect(written).toEqual(expected)
        expect(timers.watched).toBe(naive.watched.length)
        expect(clock.armed).toBeLessThanOrEqual(1)
        expect(clock.pending).toBe(naive.set.length > 0 ? 1 : 0)
      }
      expect(clock.armed).toBe(0)
    }), { numRuns: 300 })
  })

  describe('on the default clock', () => {
    afterEach(() => void vi.useRealTimers())

    it('outlive fake timers that come and go', () => {
      const timers = new Timers(systemClock)
      const ringIn = (ms: number): string[] => {
        const log: string[] = []
        timers.set(bell(log, 'x'), systemClock.now() + ms, ms, true)
        return log
      }
      timers.clear(timers.set(silent, systemClock.now() + 60_000, 60_000, true))
      for (let test = 0; test < 3; test++) {
        vi.useFakeTimers()
        const log = ringIn(500)
        expect(vi.getTimerCount()).toBe(1)
        vi.advanceTimersByTime(499)
        expect(log).toHaveLength(0)
        vi.advanceTimersByTime(1)
        expect(log).toHaveLength(1)
        // Left armed, and lost.
        timers.clear(timers.set(silent, systemClock.now() + 500, 500, true))
        vi.useRealTimers()
      }
    })

    it.each([
      ['lets the process exit at once when all is cleared', 'timers.clear(timers.set(bell, systemClock.now() + 60_000, 60_000, true))', '', 0],
      ['keeps it alive for an alarm', 'timers.clear(timers.set(bell, systemClock.now() + 200, 200, true)); timers.set(bell, systemClock.now() + 250, 200, true)', 'rang', 200],
      ['does not keep it alive for a watched one', 'timers.watch(bell, systemClock.now() + 60_000, 60_000)', '', 0],
    ])('%s', async (_title, code, printed, atLeastMs) => {
      const source = `import { systemClock } from './src/core/clock.ts'
        import { timersOf } from './src/core/timers.ts'
        const timers = timersOf(systemClock)
        const bell = { ring: () => console.log('rang') }
        ${code}
        const ended = performance.now()
        process.on('exit', () => console.log('alive ' + (performance.now() - ended)))`
      const { stdout } = await promisify(execFile)(process.execPath, ['--import', './test/support/ts.js', '--input-type=module', '--eval', source], { cwd: root, timeout: 15_000 })
      const [rang, aliveMs] = stdout.split('alive ')
      expect(rang!.trim()).toBe(printed)
      expect(Number(aliveMs)).toBeGreaterThanOrEqual(atLeastMs)
      expect(Number(aliveMs)).toBeLessThan(atLeastMs + 1_000)
    }, 20_000)
  })
})
