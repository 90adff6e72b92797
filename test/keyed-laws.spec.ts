import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { breaker, type Breaker, constant, keyed, pipeline, type Pipeline, retry } from 'spillway'
import { manualClock } from 'spillway/testing'
import { Idle, LOOKS, Resting, type State } from '../src/keyed/idle.ts'

type Step =
  | { do: 'run', key: string, how: 'answer' | 'fail' | 'hang' | 'retry' }
  | { do: 'end', which: number }
  | { do: 'pass', ms: number }
  | { do: 'close breaker' | 'isolate', which: number }
  | { do: 'delete', key: string }

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', '__proto__', '')
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('run' as const), key, how: fc.constantFrom('answer' as const, 'answer' as const, 'fail' as const, 'hang' as const, 'retry' as const) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('end' as const), which: fc.nat(10) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(0, 1, 5, 10, 20, 100) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('close breaker' as const, 'isolate' as const), which: fc.nat(10) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
)

/** What a test that looks from outside knows of a pipeline. */
interface Known {
  readonly key: string
  readonly pipeline: Pipeline
  readonly breaker: Breaker
  restsSince: number
}

describe('law: keyed', () => {
  it('is bounded, evicts only who is idle, and overflows only when nobody is; all is heard', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(4), fc.constantFrom(0, 10, 50), fc.array(step, { maxLength: 80 }), async (max, idleMs, steps) => {
        const clock = manualClock()
        const made: Known[] = []
        const one = keyed((key) => {
          const guard = breaker({ consecutive: 2, breakMs: 15, maxBreakMs: 15 })
          const made1 = pipeline(`p${made.length}`, [retry({ backoff: constant(20), budget: false, when: ({ ok, verdict }) => !ok && verdict === 'overload' }), guard], { clock })
          made.push({ key, pipeline: made1, breaker: guard, restsSince: clock.now() })
          return made1
        }, { max, idleMs })
        const heard = new Map<string, number>()
        const settled = new Map<string, number>()
        const count = (counts: Map<string, number>, id: string): void => void counts.set(id, (counts.get(id) ?? 0) + 1)
        one.on('call.settled', ({ key, pipeline }) => count(heard, `${pipeline} for ${JSON.stringify(key)}`))
        const ends: (() => void)[] = []

        const kept = (): Known[] => [...one].map(([key, pipeline]) => made.find((known) => known.pipeline === pipeline && known.key === key)!)
        const busy = (known: Known): boolean => known.pipeline.inFlight > 0 || known.breaker.state !== 'closed'
        const mayGo = (known: Known): boolean => !busy(known) && clock.now() - known.restsSince >= idleMs
        const stillKept = (known: Known): boolean => one.get(known.key) === known.pipeline

        for (const todo of steps) {
          const before = kept()
          const idle = before.filter(mayGo)
          const makesRoom = todo.do === 'run' && before.length >= max && one.get(todo.key) === undefined
          if (todo.do === 'run') {
            const { key, how } = todo
            let served: Known | undefined
            let tries = 0
            const call = one.tryRun(key, ({ call }) => {
              expect(call.key).toBe(key)
              served = made.find(({ pipeline }) => pipeline.name === call.pipeline)
              if (how === 'fail') throw new Error('down')
              if (how === 'retry' && ++tries === 1) throw Object.assign(new Error('busy'), { status: 503 })
              return how === 'hang' ? new Promise<void>((resolve) => ends.push(resolve)) : undefined
            })
            // Whoever it was that refused it, it is the one of the key, or the overflow.
            const home = made.find(({ pipeline }) => pipeline === (one.get(key) ?? one.get('*')))!
            void call.then(() => {
              count(settled, `${home.pipeline.name} for ${JSON.stringify(home.key)}`)
              home.restsSince = clock.now()
            })
            if (served !== undefined) expect(served).toBe(home)
            expect(home.key).toBe(one.get(key) === undefined ? '*' : key)
            if (makesRoom) expect(home.key).toBe(idle.length > 0 ? key : '*')
          } else if (todo.do === 'end') ends.splice(todo.which % (ends.length || 1), 1)[0]?.()
          else if (todo.do === 'pass') await clock.advance(todo.ms)
          else if (todo.do === 'delete') one.delete(todo.key)
          else if (made.length > 0) {
            const { breaker } = made[todo.which % made.length]!
            if (todo.do === 'isolate') breaker.isolate()
            else breaker.reset()
          }
          // One place is made at a time, by one that may go.
          const gone = before.filter((known) => !stillKept(known))
          if (todo.do === 'delete') expect(gone.every((known) => known.key === todo.key)).toBe(true)
          else {
            expect(gone).toHaveLength(makesRoom && idle.length > 0 ? 1 : 0)
            for (const known of gone) expect(idle).toContain(known)
          }
          expect(one.size).toBeLessThanOrEqual(max)
          await clock.flush()
        }
        for (const end of ends) end()
        await clock.advance(1_000)
        expect(heard).toEqual(settled)
        expect(made.filter(({ key }) => key === '*').length).toBeLessThanOrEqual(1)
        expect(made.every(({ pipeline }) => pipeline.inFlight === 0)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })
})

class Thing extends Resting {
  state: State = 'idle'
}

describe('law: idle', () => {
  type Move = { do: 'rest', which: number } | { do: 'leave', which: number } | { do: 'become', which: number, state: State } | { do: 'pass', ms: number } | { do: 'find', restMs: number, takes: boolean }
  const which = fc.nat(LOOKS - 1)
  const move: fc.Arbitrary<Move> = fc.oneof(
    fc.record({ do: fc.constant('rest' as const), which }),
    fc.record({ do: fc.constant('leave' as const), which }),
    fc.record({ do: fc.constant('become' as const), which, state: fc.constantFrom<State>('idle', 'running', 'busy') }),
    fc.record({ do: fc.constant('pass' as const), ms: fc.nat(20) }),
    fc.record({ do: fc.constant('find' as const), restMs: fc.nat(30), takes: fc.boolean() }),
  )

  it('finds one that may go whenever there is one, and who has rested longest while none was ever busy', () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 100 }), (moves) => {
        const idle = new Idle<Thing>()
        const things = Array.from({ length: LOOKS }, () => new Thing())
        const resting: Thing[] = []
        let now = 0
        let wasBusy = false
        const leave = (thing: Thing): void => {
          if (resting.includes(thing)) resting.splice(resting.indexOf(thing), 1)
        }
        for (const todo of moves) {
          if (todo.do === 'pass') now += todo.ms
          else if (todo.do === 'rest') {
            const thing = things[todo.which]!
            // What runs does not rest.
            thing.state = 'idle'
            leave(thing)
            resting.push(thing)
            idle.rest(thing, now)
          } else if (todo.do === 'leave') {
            leave(things[todo.which]!)
            idle.leave(things[todo.which]!)
          } else if (todo.do === 'become') {
            const thing = things[todo.which]!
            wasBusy ||= todo.state === 'busy'
            // What runs comes back by a rest, and not otherwise.
            if (todo.state === 'running') leave(thing)
            if (todo.state === 'running' || resting.includes(thing)) thing.state = todo.state
            if (todo.state === 'running') idle.leave(thing)
          } else {
            const until = now - todo.restMs
            const found = idle.find(until, (thing) => thing.state)
            const may = resting.filter((thing) => thing.restsSince <= until && thing.state === 'idle')
            if (wasBusy && todo.restMs < 30) {
              // Once asked and busy, one is asked again whatever `until` says: it was old enough before.
              if (may.length > 0) expect(found).toBeDefined()
              if (found !== undefined) expect([found.state, resting.includes(found)]).toEqual(['idle', true])
            } else if (!wasBusy) expect(found).toBe(may[0])
            if (found !== undefined && todo.takes) {
              leave(found)
              idle.leave(found)
            }
          }
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('overlooks one among many busy ones for at most as many searches as an eighth of them', () => {
    const idle = new Idle<Thing>()
    const things = Array.from({ length: 1_000 }, () => new Thing())
    let asked = 0
    const stateOf = (thing: Thing): State => (asked++, thing.state)
    for (const thing of things) {
      thing.state = 'busy'
      idle.rest(thing, 0)
    }
    expect(idle.find(0, stateOf)).toBeUndefined()
    expect(asked).toBe(1_000)
    for (const [i, thing] of things.entries()) {
      if (i % 100 !== 0) continue
      thing.state = 'idle'
      let searches = 1
      while (idle.find(0, stateOf) !== thing) searches++
      expect(searches).toBeLessThanOrEqual(1_000 / LOOKS + 1)
      thing.state = 'busy'
    }
    // The first search pays for all that had come to rest; each further one asks a few.
    asked = 0
    for (let i = 0; i < 1_000; i++) idle.find(0, stateOf)
    expect(asked).toBe(1_000 * LOOKS)
  })

  it('asks each once per rest when many run', () => {
    const idle = new Idle<Thing>()
    const things = Array.from({ length: 1_000 }, () => Object.assign(new Thing(), { state: 'running' as State }))
    let asked = 0
    for (const thing of things) idle.rest(thing, 0)
    for (let i = 0; i < 1_000; i++) idle.find(0, (thing) => (asked++, thing.state))
    expect(asked).toBe(1_000)
  })
})
