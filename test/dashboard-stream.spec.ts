import { describe, expect, it } from 'vitest'
import { dashboard } from 'spillway/dashboard'
import { manualClock } from 'spillway/testing'
import type { Frame } from '../src/dashboard/wire.ts'
import { pipelineSnapshot, recorderOf, snapshotOf } from './support/snapshots.ts'

const address = 'http://127.0.0.1/dashboard?stream='

/** A viewer who reads what has come. */
function viewer({ body }: Response) {
  const reader = body!.getReader()
  const decoder = new TextDecoder()
  return {
    read: async (): Promise<Frame> => {
      const { value } = await reader.read()
      const text = decoder.decode(value)
      expect(text).toMatch(/^data: .*\n\n$/)
      return JSON.parse(text.slice(6)) as Frame
    },
    ended: async (): Promise<boolean> => (await reader.read()).done,
    reader,
  }
}

function setUp(options: Parameters<typeof dashboard>[1] = {}) {
  const clock = manualClock()
  const errors: unknown[] = []
  const recorder: ReturnType<typeof recorderOf> = recorderOf(() => snapshotOf([pipelineSnapshot({ name: 'a', window: { outcomes: { success: recorder.taken } } }), pipelineSnapshot({ name: 'b\n<b>' })]))
  const app = dashboard(recorder, { clock, onInternalError: (error) => errors.push(error), ...options })
  const open = (query = '', init?: RequestInit) => app(new Request(address + query, init)) as Response
  return { app, clock, recorder, open, errors }
}

describe('dashboard stream', () => {
  it('sends the picture at once and then every second', async () => {
    const { clock, open } = setUp()
    const response = open()
    expect(Object.fromEntries(response.headers)).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
    const { read } = viewer(response)
    expect((await read()).pipelines.find(({ id }) => id === 'a')?.outcomes.success).toBe(1)
    clock.tick(1_000)
    expect((await read()).pipelines.find(({ id }) => id === 'a')?.outcomes.success).toBe(2)
  })

  it('takes one snapshot a tick, whether one looks on or a hundred', async () => {
    const { app, clock, recorder, open } = setUp()
    const viewers = Array.from({ length: 100 }, () => viewer(open()))
    expect(app.viewers).toBe(100)
    expect(recorder.taken).toBe(1)
    for (let tick = 2; tick < 12; tick++) {
      await Promise.all(viewers.map(({ read }) => read()))
      clock.tick(1_000)
      expect(recorder.taken).toBe(tick)
    }
  })

  it('sends what was searched for, made once for all who search for the same', async () => {
    const { recorder, open } = setUp()
    const one = viewer(open('&q=b'))
    const other = viewer(open('&q=b'))
    const all = viewer(open())
    expect(recorder.taken).toBe(2)
    expect((await one.read()).pipelines.map(({ id }) => id)).toEqual((await other.read()).pipelines.map(({ id }) => id))
    expect((await all.read()).pipelines).toHaveLength(2)
  })

  it('has no timer and takes no snapshot while nobody looks on', async () => {
    const { app, clock, recorder, open } = setUp()
    expect(clock.armed).toBe(0)
    const { reader } = viewer(open())
    expect([clock.armed, clock.pending]).toEqual([1, 0])
    await reader.cancel()
    expect([clock.armed, app.viewers]).toEqual([0, 0])
    clock.tick(10_000)
    expect(recorder.taken).toBe(1)
  })

  it('forgets a client whose request ends, and leaves no listener on its signal', async () => {
    const { app, clock, open } = setUp()
    const client = new AbortController()
    const { ended, read } = viewer(open('', { signal: client.signal }))
    await read()
    client.abort()
    expect(await ended()).toBe(true)
    expect([clock.armed, app.viewers]).toEqual([0, 0])
  })

  it('opens nothing for a request that has ended already', () => {
    const { app, open, clock } = setUp()
    open('', { signal: AbortSignal.abort() })
    expect([clock.armed, app.viewers]).toEqual([0, 0])
  })

  it('lets a slow client miss frames: two wait for it, and then it sees the present', async () => {
    const { clock, open } = setUp()
    const { read } = viewer(open())
    for (let i = 0; i < 20; i++) clock.tick(1_000)
    const seen = async () => (await read()).pipelines.find(({ id }) => id === 'a')?.outcomes.success
    expect([await seen(), await seen()]).toEqual([1, 2])
    clock.tick(1_000)
    expect(await seen()).toBeGreaterThan(2)
  })

  it('drops a client that has taken nothing for 30 s, with the frames that wait for it', async () => {
    const { app, clock, open, recorder } = setUp()
    const { reader } = viewer(open())
    clock.tick(1_000)
    for (let i = 0; i < 29; i++) clock.tick(1_000)
    expect(app.viewers).toBe(1)
    const taken = recorder.taken
    for (let i = 0; i < 3; i++) clock.tick(1_000)
    expect([app.viewers, clock.armed]).toEqual([0, 0])
    expect(taken).toBe(2)
    await expect(reader.read()).rejects.toThrow('taken nothing for 30 s')
  })

  it('refuses who comes when all places are taken, until one is free', async () => {
    const { open } = setUp({ maxClients: 1 })
    const first = viewer(open())
    const refused = open()
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
    await first.reader.cancel()
    expect(open().status).toBe(200)
  })

  it('gives no place to another site', () => {
    const { app, open } = setUp()
    for (const site of ['cross-site', 'same-site']) expect(open('', { headers: { 'sec-fetch-site': site } }).status).toBe(403)
    expect(app.viewers).toBe(0)
    expect(open('', { headers: { 'sec-fetch-site': 'same-origin' } }).status).toBe(200)
  })

  it('ends all streams when it is closed, and then lets new ones come', async () => {
    const { app, clock, open } = setUp()
    const all = [viewer(open()), viewer(open())]
    await Promise.all(all.map(({ read }) => read()))
    app.close()
    expect(await Promise.all(all.map(({ ended }) => ended()))).toEqual([true, true])
    expect([clock.armed, app.viewers]).toEqual([0, 0])
    expect(open().status).toBe(200)
  })

  it('goes on when a recorder throws, and tells of it', async () => {
    const clock = manualClock()
    const errors: unknown[] = []
    let broken = true
    const recorder = recorderOf(() => {
      if (broken) throw new Error('broken')
      return snapshotOf([])
    })
    const app = dashboard(recorder, { clock, onInternalError: (error) => errors.push(error) })
    const { read } = viewer((await app(new Request(address))))
    clock.tick(1_000)
    expect(errors).toEqual([new Error('broken'), new Error('broken')])
    broken = false
    clock.tick(1_000)
    expect((await read()).pipelines).toEqual([])
  })

  it('takes no more than a twentieth of the time: frames that are long in the making come less often', async () => {
    const clock = manualClock()
    let spentMs = 0
    let lookMs = 100
    const recorder = recorderOf(() => {
      spentMs += lookMs
      return snapshotOf([])
    })
    const busy = { now: () => clock.now() + spentMs, after: (ms: number, fn: () => void) => clock.after(ms, fn) }
    const app = dashboard(recorder, { clock: busy })
    const { read } = viewer(await app(new Request(address)))
    await read()
    clock.tick(1_000) // that of the first frame was armed before it was made
    await read()
    expect(clock.nextAt - clock.now()).toBe(4_000) // two looks of 100 ms each
    lookMs = 1_000
    clock.tick(4_000)
    expect(clock.nextAt - clock.now()).toBe(5_000) // not less often than that
    app.close()
  })

  it('holds no more for a hundred stalled clients than for one', () => {
    const big = 'x'.repeat(90)
    const recorder = recorderOf(snapshotOf(Array.from({ length: 1_000 }, (_, i) => pipelineSnapshot({ name: big + i }))))
    const clock = manualClock()
    const app = dashboard(recorder, { clock })
    const open = () => (app(new Request(address)) as Response).body!
    const held = [open()]
    const measure = () => {
      for (let i = 0; i < 5; i++) clock.tick(1_000)
      globalThis.gc!()
      return process.memoryUsage().arrayBuffers
    }
    const one = measure()
    for (let i = 0; i < 99; i++) held.push(open())
    const hundred = measure()
    expect(held).toHaveLength(100)
    // Frames are shared: each tick's once, two at most per client.
    expect(hundred - one).toBeLessThan(2_000_000)
    app.close()
  })
})
