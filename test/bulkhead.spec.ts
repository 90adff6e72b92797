import { describe, expect, it } from 'vitest'
import { attempt, bulkhead, BulkheadFullError, type BulkheadOptions, RejectedError, settled, timeout, type AnyEvent } from 'spillway'
import { jobs, logged, no, on, repeat, watch } from './support/guards.ts'

function room(options: BulkheadOptions) {
  const slots = bulkhead(options)
  return { slots, ...jobs(), ...on([slots]) }
}

describe('bulkhead', () => {
  it('lets as many through as it has slots, and refuses the next at once', async () => {
    const { slots, pipeline, all, work } = room({ slots: 2 })
    const answers = [pipeline.run(work), pipeline.run(work)]
    const error = await pipeline.run(work).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(BulkheadFullError)
    expect(error).toBeInstanceOf(RejectedError)
    expect(error).toMatchObject({ message: 'Cannot call "quotes": all 2 slots are taken', code: 'BULKHEAD_FULL', policy: 'bulkhead', pipeline: 'quotes', attempts: 0, retryAfterMs: undefined })
    expect([slots.inFlight, all.length]).toEqual([2, 2])
    for (const job of all) job.succeed()
    await Promise.all(answers)
    expect(slots.inFlight).toBe(0)
  })

  it('gives a slot back after success, failure and a synchronous throw', async () => {
    const { slots, pipeline } = room({ slots: 1 })
    await pipeline.run(() => 'fine')
    await pipeline.tryRun(() => Promise.reject(new Error('down')))
    await pipeline.tryRun(() => {
      throw new Error('down')
    })
    expect(await pipeline.run(() => slots.inFlight)).toBe(1)
    expect(slots.inFlight).toBe(0)
  })

  it('gives a slot back when a guard further in refuses', async () => {
    const slots = bulkhead({ slots: 1 })
    const { pipeline } = on([slots, logged([], 'gate', { admit: () => no() })])
    await pipeline.tryRun(() => 'never')
    expect(slots.inFlight).toBe(0)
  })

  it('a slot is free during the back-off of the one that had it', async () => {
    const slots = bulkhead({ slots: 1 })
    const { pipeline, clock } = on([repeat(2, 50), slots])
    watch(pipeline.run(() => Promise.reject(new Error('down'))))
    await clock.flush()
    expect(slots.inFlight).toBe(0)
    expect(await pipeline.run(() => 'between')).toBe('between')
  })

  it('an abort answers the caller; the slot waits for the work', async () => {
    const { slots, pipeline, clock, all, work } = room({ slots: 1 })
    const controller = new AbortController()
    const answer = watch(pipeline.run(work, { signal: controller.signal }))
    controller.abort('gone')
    await clock.flush()
    expect([answer.error, slots.inFlight]).toEqual(['gone', 1])
    all[0]!.fail()
    await clock.flush()
    expect(slots.inFlight).toBe(0)
  })

  it('0 slots refuse everybody, Infinity nobody', async () => {
    const none = room({ slots: 0 })
    await expect(none.pipeline.run(() => 'never')).rejects.toThrow(/all 0 slots are taken/)
    const all = room({ slots: Infinity })
    const answers = Array.from({ length: 1_000 }, () => all.pipeline.run(all.work))
    expect(all.slots.inFlight).toBe(1_000)
    for (const job of all.all) job.succeed()
    await Promise.all(answers)
    expect([all.slots.inFlight, all.slots.pressure!(), none.slots.pressure!()]).toEqual([0, 0, 1])
  })

  it('its pressure is the share of slots that are taken, at most 1', async () => {
    const { slots, pipeline, work } = room({ slots: 4 })
    expect(slots.pressure!()).toBe(0)
    watch(pipeline.run(work))
    expect(slots.pressure!()).toBe(0.25)
    watch(pipeline.run(work))
    slots.update({ slots: 1 })
    expect(slots.pressure!()).toBe(1)
    for (const mode of ['observe', 'off'] as const) {
      slots.update({ mode })
      expect(slots.pressure!()).toBe(0)
    }
  })

  it('fewer slots than are taken drop nobody, and take effect as calls end', async () => {
    const { slots, pipeline, clock, all, work } = room({ slots: 3 })
    const answers = [1, 2, 3].map(() => watch(pipeline.run(work)))
    slots.update({ slots: 1 })
    expect(slots.inFlight).toBe(3)
    all[0]!.succeed(0)
    all[1]!.succeed(1)
    await clock.flush()
    await expect(pipeline.run(work)).rejects.toThrow('all 1 slots are taken')
    all[2]!.succeed(2)
    await clock.flush()
    expect(answers.map(({ value }) => value)).toEqual([0, 1, 2])
    expect(await pipeline.run(() => 'again')).toBe('again')
    expect(slots.inFlight).toBe(0)
  })

  it('more slots are there at once', async () => {
    const { slots, pipeline, work } = room({ slots: 1 })
    watch(pipeline.run(work))
    slots.update({ slots: 2 })
    expect(await pipeline.run(() => 'fine')).toBe('fine')
    expect(slots.options).toEqual({ slots: 2, queue: 0, maxWaitMs: 1_000, order: 'fifo', mode: 'enforce', name: 'bulkhead' })
  })

  it('`observe` refuses nobody and tells what it would have refused', async () => {
    const { slots, pipeline, clock, all, work } = room({ slots: 1, mode: 'observe' })
    const events: AnyEvent[] = []
    pipeline.on('refusal.observed', (event) => events.push(event))
    watch(pipeline.run(work))
    watch(pipeline.run(work, { priority: 'low' }))
    expect(all.length).toBe(2)
    expect(events).toMatchObject([{ type: 'refusal.observed', pipeline: 'quotes', policy: 'bulkhead', error: 'BulkheadFullError', reason: 'all 1 slots are taken', priority: 'low', at: 0 }])
    expect(slots.inFlight).toBe(1)
    for (const job of all) job.succeed()
    await clock.flush()
    expect(slots.inFlight).toBe(0)
  })

  it('`off` takes no part, and what was taken before still comes back', async () => {
    const { slots, pipeline, clock, all, work } = room({ slots: 1 })
    watch(pipeline.run(work))
    slots.update({ mode: 'off' })
    watch(pipeline.run(work))
    expect([all.length, slots.inFlight]).toEqual([2, 1])
    slots.update({ mode: 'enforce' })
    await expect(pipeline.run(work)).rejects.toThrow(BulkheadFullError)
    for (const job of all) job.succeed()
    await clock.flush()
    expect(slots.inFlight).toBe(0)
  })

  it('is one bulkhead in two pipelines', async () => {
    const slots = bulkhead({ slots: 1 })
    const { work } = jobs()
    const a = on([slots])
    const b = on([repeat(2), slots], { clock: a.clock })
    watch(a.pipeline.run(work))
    await expect(b.pipeline.run(work)).rejects.toThrow(BulkheadFullError)
  })

  it('works without a pipeline, in two steps', () => {
    const slots = bulkhead({ slots: 1 })
    const a = attempt()
    const permit = slots.admit(a)
    expect(slots.inFlight).toBe(1)
    slots.settle?.(permit, settled('success', a), a)
    slots.release!(permit, a)
    expect(slots.inFlight).toBe(0)
  })

  it('counts a timed-out attempt beside its retry', async () => {
    const slots = bulkhead({ slots: 1 })
    const { all, work } = jobs()
    const { pipeline, clock } = on([repeat(2), slots, timeout(10)])
    const answer = watch(pipeline.run(work))
    await clock.advance(10)
    // The slot is still the first attempt's: the second one finds none.
    expect(answer.error).toBeInstanceOf(BulkheadFullError)
    expect(all.length).toBe(1)
  })

  it('names itself as told', async () => {
    const { pipeline } = on([bulkhead({ slots: 0, name: 'quotes-pool' })])
    await expect(pipeline.run(() => 1)).rejects.toMatchObject({ policy: 'quotes-pool' })
  })

  it('never writes to the options it was given', () => {
    const options = Object.freeze({ slots: 3 })
    const slots = bulkhead(options)
    slots.update({ slots: 4 })
    expect(options).toEqual({ slots: 3 })
  })

  const wrong: [unknown, RegExp, 'RangeError' | 'TypeError'][] = [
    [undefined, /bulkhead\.slots must be a whole number from 0 on, got undefined/, 'TypeError'],
    [{}, /bulkhead\.slots must be a whole number from 0 on, got undefined/, 'TypeError'],
    [5, /bulkhead options must be an object, got 5/, 'TypeError'],
    [null, /bulkhead options must be an object, got null/, 'TypeError'],
    [[], /bulkhead options must be an object, got an array/, 'TypeError'],
    [{ slots: -1 }, /bulkhead\.slots must be a whole number from 0 on, got -1/, 'RangeError'],
    [{ slots: 1.5 }, /bulkhead\.slots must be a whole number from 0 on, got 1\.5/, 'RangeError'],
    [{ slots: NaN }, /bulkhead\.slots must be a whole number from 0 on, got NaN/, 'RangeError'],
    [{ slots: -Infinity }, /bulkhead\.slots .* got -Infinity/, 'RangeError'],
    [{ slots: '5' }, /bulkhead\.slots must be a whole number from 0 on, got "5"/, 'TypeError'],
    [{ slots: 5n }, /bulkhead\.slots must be a whole number from 0 on, got 5/, 'TypeError'],
    [{ slot: 5 }, /bulkhead has no option "slot"; did you mean "slots"\?/, 'TypeError'],
    [{ slots: 5, mode: 'observed' }, /bulkhead\.mode must be one of 'enforce', 'observe', 'off'; did you mean "observe"\?, got "observed"/, 'RangeError'],
    [{ slots: 5, mode: true }, /bulkhead\.mode must be one of .*, got true/, 'TypeError'],
    [{ slots: 5, queue: -1 }, /bulkhead\.queue must be a whole number from 0 on, got -1/, 'RangeError'],
    [{ slots: 5, queue: 0.5 }, /bulkhead\.queue must be a whole number from 0 on, got 0\.5/, 'RangeError'],
    [{ slots: 5, queue: NaN }, /bulkhead\.queue .* got NaN/, 'RangeError'],
    [{ slots: 5, queue: true }, /bulkhead\.queue must be a whole number from 0 on, got true/, 'TypeError'],
    [{ slots: 5, queue: null }, /bulkhead\.queue .* got null/, 'TypeError'],
    [{ slots: 5, queue: 5, maxWaitMs: -1 }, /bulkhead\.maxWaitMs must be a number from 0 on, got -1/, 'RangeError'],
    [{ slots: 5, queue: 5, maxWaitMs: NaN }, /bulkhead\.maxWaitMs must be a number from 0 on, got NaN/, 'RangeError'],
    [{ slots: 5, queue: 5, maxWaitMs: '1s' }, /bulkhead\.maxWaitMs must be a number from 0 on, got "1s"/, 'TypeError'],
    [{ slots: 5, queue: 5, maxWait: 9 }, /bulkhead has no option "maxWait"; did you mean "maxWaitMs"\?/, 'TypeError'],
    [{ slots: 5, queueSize: 9 }, /bulkhead has no option "queueSize"/, 'TypeError'],
    [{ slots: 5, order: 'FIFO' }, /bulkhead\.order must be one of 'fifo', 'lifo', 'adaptive'; did you mean "fifo"\?, got "FIFO"/, 'RangeError'],
    [{ slots: 5, order: 1 }, /bulkhead\.order must be one of .*, got 1/, 'TypeError'],
    [{ slots: 5, name: '' }, /bulkhead\.name must be a string that is not empty, got ""/, 'TypeError'],
    [{ slots: 5, name: Symbol('x') }, /bulkhead\.name must be .*, got Symbol\(x\)/, 'TypeError'],
  ]
  it.each(wrong)('bulkhead(%o) is refused at build', (options, message, name) => {
    expect(() => bulkhead(options as never)).toThrow(message)
    expect(() => bulkhead(options as never)).toThrow(expect.objectContaining({ name }))
  })

  it('update is checked as a whole, and a wrong one changes nothing', () => {
    const slots = bulkhead({ slots: 3 })
    for (const change of [{ slots: -1 }, { slots: 4, mode: 'of' }, { slot: 4 }, { slots: 4, queue: -1 }, { maxWaitMs: NaN }, { order: 'random' }, null, 4]) expect(() => slots.update(change as never)).toThrow(/bulkhead/)
    slots.update({ slots: undefined } as never)
    expect(slots.options).toEqual(bulkhead({ slots: 3 }).options)
    expect(Object.isFrozen(slots.options)).toBe(true)
  })

  it('update does not rename', () => {
    const slots = bulkhead({ slots: 3 })
    expect(() => slots.update({ name: 'other' } as never)).toThrow(/bulkhead has no option "name"/)
    expect([slots.name, slots.options.name]).toEqual(['bulkhead', 'bulkhead'])
  })
})
