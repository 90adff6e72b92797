import { describe, expect, it, vi } from 'vitest'
import { breaker } from '../src/breaker/index.ts'
import { type Bulkhead, bulkhead } from '../src/bulkhead/index.ts'
import { TimeoutError } from '../src/core/errors.ts'
import { type FetchOptions, type FetchPolicies, resilientFetch, type ResilientFetch } from '../src/fetch/index.ts'
import { constant, retry } from '../src/retry/index.ts'
import { type ManualClock, manualClock } from '../src/testing/index.ts'
import { timeout } from '../src/timeout/index.ts'
import { upstream } from './support/upstream.ts'

const fails = (promise: Promise<unknown>): Promise<unknown> => promise.then((value) => expect.fail(`answered ${String(value)}`), (error: unknown) => error)
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A response whose body comes when the test says so. */
class Body {
  #controller!: ReadableStreamDefaultController<Uint8Array>
  cancelled: unknown = undefined
  readonly response: Response

  constructor(headers: Record<string, string> = {}, status = 200) {
    const stream = new ReadableStream<Uint8Array>({ start: (controller) => void (this.#controller = controller), cancel: (reason) => void (this.cancelled = reason ?? 'no reason') }, { highWaterMark: 0 })
    this.response = new Response(stream, { status, headers })
  }

  send(text: string): this {
    this.#controller.enqueue(bytes(text))
    return this
  }

  end(): void {
    this.#controller.close()
  }

  fail(error: unknown): void {
    this.#controller.error(error)
  }
}

interface Stage {
  readonly clock: ManualClock
  readonly slots: Bulkhead
  readonly verdicts: string[]
  readonly one: ResilientFetch
  readonly body: Body
}

/** One slot, and a body by hand. `around` and `inside` stand about the bulkhead. */
function stage({ around = [], inside = [], headers = {}, status = 200, ...options }: FetchOptions & { around?: FetchPolicies; inside?: FetchPolicies; headers?: Record<string, string>; status?: number } = {}): Stage {
  const clock = manualClock()
  const slots = bulkhead({ slots: 1 })
  const body = new Body(headers, status)
  const one = resilientFetch('quotes', [...around, slots, ...inside], { clock, fetch: () => Promise.resolve(body.response), ...options })
  const verdicts: string[] = []
  one.pipeline.on('attempt.settled', ({ verdict, endedBy }) => verdicts.push(`${verdict}/${endedBy}`))
  return { clock, slots, verdicts, one, body }
}

const url = 'http://quotes.test/'

describe('resilient fetch › the call lasts to the end of the body', () => {
  it('holds its slot until all of it was read', async () => {
    const { one, slots, body, verdicts, clock } = stage()
    const text = (await one(url)).text()
    body.send('a')
    await clock.advance(60_000)
    expect([slots.inFlight, verdicts]).toEqual([1, []])
    body.send('b').end()
    expect(await text).toBe('ab')
    await clock.flush()
    expect([slots.inFlight, verdicts, one.pipeline.inFlight]).toEqual([0, ['success/work'], 0])
  })

  it('or to the head, as told', async () => {
    const { one, slots, body, verdicts } = stage({ hold: 'headers' })
    const text = (await one(url)).text()
    expect([slots.inFlight, verdicts]).toEqual([0, ['success/work']])
    body.send('ab').end()
    expect(await text).toBe('ab')
  })

  it('a body that fails is a failure of the server, in spite of its 200', async () => {
    const { one, slots, body, verdicts, clock } = stage({ around: [breaker({ consecutive: 1, name: 'b' })] })
    const text = fails((await one(url)).text())
    const error = new TypeError('terminated', { cause: { code: 'UND_ERR_SOCKET' } })
    body.fail(error)
    expect(await text).toBe(error)
    await clock.flush()
    expect([slots.inFlight, verdicts]).toEqual([0, ['overload/work']])
    expect(await fails(one(url))).toMatchObject({ code: 'BREAKER_OPEN' })
  })

  it('so it is with a real one, however often it is cloned', async () => {
    const server = await upstream('truncate')
    for (const read of [(response: Response) => response.text(), (response: Response) => Promise.all([response.clone().text(), response.text()]), (response: Response) => response.body!.pipeTo(new WritableStream())]) {
      const one = resilientFetch('quotes', [breaker({ consecutive: 1 })])
      await fails(read(await one(server.url)))
      expect(await fails(one(server.url))).toMatchObject({ code: 'BREAKER_OPEN' })
    }
  })

  it('a failure is known at the head, and holds nothing', async () => {
    const { one, slots, verdicts, body } = stage({ status: 503 })
    const response = await one(url)
    expect([slots.inFlight, verdicts]).toEqual([0, ['overload/work']])
    body.send('why').end()
    expect(await response.text()).toBe('why')
  })

  it('asks the classifier once of the head, and once of a body that fails', async () => {
    const classify = vi.fn(() => undefined)
    const { one, body, clock } = stage({ classify })
    const text = fails((await one(url)).text())
    expect(classify).toHaveBeenCalledTimes(1)
    body.fail(new Error('broken'))
    await text
    await clock.flush()
    expect(classify).toHaveBeenCalledTimes(2)
  })

  it('a classifier that throws is the call’s error, and the slot comes back', async () => {
    const { one, slots } = stage({ classify: () => { throw new Error('mine') } })
    expect(await fails(one(url))).toEqual(new Error('mine'))
    expect(slots.inFlight).toBe(0)
  })

  it('retries do not go into the body: what the caller has is never taken back', async () => {
    const { one, body, clock } = stage({ around: [retry({ maxAttempts: 3, backoff: constant(0) })] })
    const text = fails((await one(url)).text())
    body.fail(new Error('broken'))
    expect(await text).toEqual(new Error('broken'))
    await clock.flush()
    expect(one.pipeline.inFlight).toBe(0)
  })

  it.each([204, 205, 304])('%i is over with its head', async (status) => {
    const { one, slots } = stage({ fetch: () => Promise.resolve(new Response(null, { status })) })
    await one(url)
    expect(slots.inFlight).toBe(0)
  })

  it('so is an empty one that says so', async () => {
    const { one, slots } = stage({ headers: { 'content-length': '0' } })
    await one(url)
    expect(slots.inFlight).toBe(0)
  })

  it('so is what is only a little like a response', async () => {
    for (const double of [{ status: 200, body: new ReadableStream() }, Object.freeze(new Response('frozen')), { status: 200, headers: new Headers(), body: { pipe: () => {} } }]) {
      const { one, slots } = stage({ fetch: () => Promise.resolve(double as unknown as Response) })
      expect(await one(url)).toBe(double)
      expect(slots.inFlight).toBe(0)
    }
  })

  it('one that is cancelled is over', async () => {
    for (const cancel of [(response: Response) => response.body!.cancel('enough'), (response: Response) => response.body!.getReader().cancel('enough'), async (response: Response) => {
      const copy = response.clone()
      await Promise.all([response.body!.cancel('enough'), copy.body!.cancel('enough')])
    }]) {
      const { one, slots, body, verdicts, clock } = stage()
      const response = await one(url)
      expect(slots.inFlight).toBe(1)
      await cancel(response)
      await clock.flush()
      expect([slots.inFlight, verdicts, response.bodyUsed]).toEqual([0, ['success/work'], true])
      expect(body.cancelled).toBeDefined()
    }
  })

  it('one of which one clone was read is over, whatever becomes of the other', async () => {
    const { one, slots, body, clock } = stage()
    const response = await one(url)
    const copy = response.clone()
    const text = copy.text()
    body.send('a').end()
    expect(await text).toBe('a')
    await clock.flush()
    expect(slots.inFlight).toBe(0)
    expect(await response.text()).toBe('a')
  })

  it('one that is dropped for a retry is over', async () => {
    const bodies = [new Body({ 'x-stale': '1' }), new Body()]
    const clock = manualClock()
    const slots = bulkhead({ slots: 1 })
    const one = resilientFetch('quotes', [retry({ maxAttempts: 2, backoff: constant(0), when: (outcome) => outcome.ok && (outcome.value as Response).headers.has('x-stale') }), slots], { clock, fetch: () => Promise.resolve(bodies.shift()!.response) })
    const first = bodies[0]!
    const response = await one(url)
    expect([first.cancelled, slots.inFlight, response.headers.has('x-stale')]).toEqual(['no reason', 1, false])
  })
})

describe('resilient fetch › a body that nobody reads', () => {
  it('gives its slot back after unreadMs, and can still be read', async () => {
    const { one, slots, body, verdicts, clock } = stage()
    const response = await one(url)
    await clock.advance(99)
    expect(slots.inFlight).toBe(1)
    await clock.advance(1)
    expect([slots.inFlight, verdicts, clock.pending]).toEqual([0, ['success/work'], 0])
    body.send('late').end()
    expect(await response.text()).toBe('late')
  })

  it('unreadMs is what you say', async () => {
    const { one, slots, clock } = stage({ unreadMs: 5_000 })
    await one(url)
    await clock.advance(4_999)
    expect(slots.inFlight).toBe(1)
    await clock.advance(1)
    expect(slots.inFlight).toBe(0)
  })

  it('is abandoned where unreadMs is Infinity; one that is read never is', async () => {
    const idle = stage({ unreadMs: Infinity, abandonAfterMs: 1_000 })
    await idle.one(url)
    await idle.clock.advance(1_000)
    expect(idle.slots.inFlight).toBe(1)
    idle.one(url).catch(() => {})
    expect(idle.verdicts[0]).toBe('ignored/work')
    const busy = stage({ abandonAfterMs: 1_000 })
    const reader = (await busy.one(url)).body!.getReader()
    for (let i = 0; i < 5; i++) {
      busy.body.send('a')
      await reader.read()
      await busy.clock.advance(1_000)
      expect(await fails(busy.one(url))).toMatchObject({ code: 'BULKHEAD_FULL' })
    }
    await busy.clock.advance(2_000)
    await busy.one(url).catch(() => {})
    await busy.clock.advance(2_000)
    await busy.one(url).catch(() => {})
    expect(busy.verdicts).toContain('ignored/work')
  })

  it('hears the abort of its caller later on', async () => {
    const { one, body, clock } = stage()
    const controller = new AbortController()
    const response = await one(url, { signal: controller.signal })
    await clock.advance(1_000)
    controller.abort('enough')
    expect(body.cancelled).toBe('enough')
    expect(response.bodyUsed).toBe(false)
    expect(await fails(response.text())).toBe('enough')
    expect(response.bodyUsed).toBe(true)
  })
})

describe('resilient fetch › a body that stalls', () => {
  it('is broken off when nothing comes for as long as an attempt may take', async () => {
    const { one, slots, body, verdicts, clock } = stage({ inside: [timeout(500)] })
    const events: unknown[] = []
    one.pipeline.on('timeout.expired', ({ type: _type, at: _at, call: _call, ...event }) => events.push(event))
    const text = fails((await one(url)).text())
    body.send('half')
    await clock.advance(400)
    body.send('more')
    await clock.advance(499)
    expect([slots.inFlight, events]).toEqual([1, []])
    await clock.advance(1)
    const error = await text
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({ message: '"quotes" sent nothing more of its body for 500 ms', policy: 'body', pipeline: 'quotes', attempts: 1 })
    await clock.flush()
    expect([slots.inFlight, verdicts, body.cancelled]).toEqual([0, ['overload/work'], error])
    expect(events).toEqual([{ pipeline: 'quotes', policy: 'body', timeoutMs: 500, number: 1, verdict: 'overload' }])
  })

  it('bodyIdleMs says how long; without any timeout it may take for ever', async () => {
    const said = stage({ inside: [timeout(500)], bodyIdleMs: 50 })
    const text = fails((await said.one(url)).text())
    await said.clock.advance(50)
    expect(await text).toBeInstanceOf(TimeoutError)
    const never = stage()
    const later = (await never.one(url)).text()
    await never.clock.advance(3_600_000)
    never.body.send('at last').end()
    expect(await later).toBe('at last')
    const free = stage({ inside: [timeout(500)], bodyIdleMs: Infinity })
    const long = (await free.one(url)).text()
    await free.clock.advance(3_600_000)
    free.body.send('at last').end()
    expect(await long).toBe('at last')
  })

  it('a slow reader is not the fault of the server', async () => {
    const { one, body, clock, verdicts } = stage({ inside: [timeout(500)] })
    const reader = (await one(url)).body!.getReader()
    for (const text of ['a', 'b', 'c']) {
      body.send(text)
      expect(new TextDecoder().decode((await reader.read()).value)).toBe(text)
      await clock.advance(10_000)
    }
    body.end()
    expect((await reader.read()).done).toBe(true)
    await clock.flush()
    expect(verdicts).toEqual(['success/work'])
  })

  it('is broken off also where the slot is held to the head only', async () => {
    const { one, body, clock } = stage({ inside: [timeout(500)], hold: 'headers' })
    const text = fails((await one(url)).text())
    await clock.advance(500)
    expect(await text).toBeInstanceOf(TimeoutError)
    expect(body.cancelled).toBeInstanceOf(TimeoutError)
  })

  it('every reader of a clone hears of it', async () => {
    const { one, clock } = stage({ inside: [timeout(500)] })
    const response = await one(url)
    const texts = Promise.all([fails(response.clone().text()), fails(response.text())])
    await clock.advance(500)
    const [a, b] = await texts
    expect(a).toBeInstanceOf(TimeoutError)
    expect(b).toBe(a)
  })

  it('our own pause is not its fault', async () => {
    const still = manualClock()
    let pauseMs = 0
    const { one, verdicts, body } = stage({ inside: [timeout(100)], clock: { now: () => still.now() + pauseMs, after: still.after.bind(still) } })
    const text = fails((await one(url)).text())
    await still.advance(99)
    pauseMs = 80
    await still.advance(1)
    expect(await text).toBeInstanceOf(TimeoutError)
    await still.flush()
    expect([verdicts, body.cancelled]).toEqual([['ignored/work'], await text])
  })
})

describe('resilient fetch › the bounds of the whole body', () => {
  it.each(['body', 'headers'] as const)('a total timeout ends it (hold: %s)', async (hold) => {
    const { one, body, clock, slots } = stage({ around: [timeout(1_000), retry({ budget: false })], inside: [timeout(500)], hold })
    const reader = (await one(url)).body!.getReader()
    for (let i = 0; i < 3; i++) {
      const read = reader.read()
      await clock.advance(300)
      body.send('a')
      await read
    }
    const read = fails(reader.read())
    await clock.advance(100)
    expect(await read).toBeInstanceOf(TimeoutError)
    await clock.flush()
    expect([slots.inFlight, body.cancelled]).toEqual([0, await read])
  })

  it.each(['body', 'headers'] as const)('also one that stands in the same stage as that of the attempt (hold: %s)', async (hold) => {
    const { one, body, clock } = stage({ around: [timeout(1_000)], inside: [timeout(500)], hold })
    const reader = (await one(url)).body!.getReader()
    for (let i = 0; i < 3; i++) {
      const read = reader.read()
      await clock.advance(300)
      body.send('a')
      await read
    }
    const read = fails(reader.read())
    await clock.advance(99)
    expect(body.cancelled).toBeUndefined()
    await clock.advance(1)
    expect(await read).toBeInstanceOf(TimeoutError)
    expect(body.cancelled).toBe(await read)
  })

  it.each(['body', 'headers'] as const)('the deadline of the caller ends it, and blames nobody (hold: %s)', async (hold) => {
    const { one, clock, verdicts, slots } = stage({ hold })
    const text = fails((await one(url, { spillway: { timeoutMs: 200 } })).text())
    await clock.advance(200)
    expect(await text).toBeInstanceOf(TimeoutError)
    await clock.flush()
    expect([verdicts, slots.inFlight]).toEqual([[hold === 'body' ? 'ignored/caller' : 'success/work'], 0])
  })

  it('one that is read in part and left gives its slot back when the time is over', async () => {
    const { one, body, clock, slots } = stage({ around: [timeout(1_000), retry({ budget: false })] })
    const reader = (await one(url)).body!.getReader()
    body.send('a')
    await reader.read()
    await clock.advance(1_000)
    expect([slots.inFlight, body.cancelled]).toEqual([0, expect.any(TimeoutError) as unknown])
    expect(await fails(reader.read())).toBe(body.cancelled)
  })

  it('the abort of the caller ends it, and blames nobody', async () => {
    const { one, clock, verdicts, body, slots } = stage()
    const controller = new AbortController()
    const text = fails((await one(url, { signal: controller.signal })).text())
    controller.abort('enough')
    expect(await text).toBe('enough')
    await clock.flush()
    expect([verdicts, body.cancelled, slots.inFlight]).toEqual([['ignored/caller'], 'enough', 0])
  })

  it('the end of the grace of close() ends it', async () => {
    const { one, clock, body } = stage()
    const text = fails((await one(url)).text())
    const closing = one.pipeline.close({ graceMs: 100 })
    await clock.advance(100)
    expect(await closing).toBe(1)
    expect(await text).toBeInstanceOf(TimeoutError)
    expect(body.cancelled).toBe(await text)
  })

  it('an event stream has none but the abort of its caller, and holds no slot', async () => {
    const { one, clock, body, slots } = stage({ around: [timeout(1_000), retry({ budget: false })], inside: [timeout(500)], headers: { 'content-type': 'text/event-stream; charset=utf-8' } })
    const controller = new AbortController()
    const reader = (await one(url, { signal: controller.signal, spillway: { timeoutMs: 2_000 } })).body!.getReader()
    expect(slots.inFlight).toBe(0)
    const read = reader.read()
    await clock.advance(3_600_000)
    body.send('data: 7\n\n')
    expect(new TextDecoder().decode((await read).value)).toBe('data: 7\n\n')
    const last = fails(reader.read())
    controller.abort('enough')
    expect(await last).toBe('enough')
    expect(body.cancelled).toBe('enough')
  })

  it('one that says how long it is has an end, and is held as any other body', async () => {
    const { one, clock, slots, verdicts } = stage({ inside: [timeout(500)], headers: { 'content-type': 'text/event-stream', 'content-length': '9' } })
    const text = fails((await one(url)).text())
    expect(slots.inFlight).toBe(1)
    await clock.advance(500)
    expect(await text).toMatchObject({ code: 'TIMEOUT' })
    expect([slots.inFlight, ...verdicts]).toEqual([0, 'overload/work'])
  })
})

describe('resilient fetch › the body of a resilient fetch in another', () => {
  /** The outer one around the stage. */
  function nested(outer: FetchOptions, inner: Parameters<typeof stage>[0] = {}): Stage & { readonly outer: ResilientFetch } {
    const within = stage(inner)
    return { ...within, outer: resilientFetch('outer', [timeout(1_000)], { clock: within.clock, fetch: within.one, ...outer }) }
  }

  it('is bounded by both: by the shorter span between its parts', async () => {
    const { outer, clock, verdicts } = nested({ bodyIdleMs: 50 })
    const text = fails((await outer(url)).text())
    await clock.advance(50)
    expect(await text).toMatchObject({ code: 'TIMEOUT', pipeline: 'outer' })
    await clock.flush()
    // The server is not to blame for the impatience of somebody further out.
    expect(verdicts).toEqual(['ignored/work'])
  })

  it('that of the inner one counts too, and both blame the server', async () => {
    const { outer, clock, verdicts } = nested({}, { inside: [timeout(50)] })
    const outerVerdicts: string[] = []
    outer.pipeline.on('attempt.settled', ({ verdict }) => outerVerdicts.push(verdict))
    const text = fails((await outer(url)).text())
    await clock.advance(50)
    expect(await text).toMatchObject({ code: 'TIMEOUT', pipeline: 'quotes' })
    await clock.flush()
    expect([verdicts, outerVerdicts]).toEqual([['overload/work'], ['overload']])
  })

  it.each([{ hold: 'headers' }, { hold: 'body' }] as const)('is ended by the deadline and the signal of the outer one ($hold)', async (outerOptions) => {
    const { outer, clock, body } = nested(outerOptions)
    const text = fails((await outer(url, { spillway: { timeoutMs: 300 } })).text())
    await clock.advance(300)
    expect(await text).toBeInstanceOf(TimeoutError)
    expect(body.cancelled).toBeDefined()
    const other = nested(outerOptions)
    const controller = new AbortController()
    const reading = fails((await other.outer(url, { signal: controller.signal })).text())
    controller.abort('enough')
    expect(await reading).toBe('enough')
    expect(other.body.cancelled).toBe('enough')
  })

  it('an event stream too is ended by the signal of the outer one', async () => {
    const { outer, body } = nested({}, { headers: { 'content-type': 'text/event-stream' } })
    const controller = new AbortController()
    const reading = fails((await outer(url, { signal: controller.signal })).text())
    controller.abort('enough')
    expect(await reading).toBe('enough')
    expect(body.cancelled).toBe('enough')
  })
})
