import { describe, expect, it } from 'vitest'
import { breaker, bulkhead, pipeline, type Policy } from 'spillway'
import { dashboard, type DashboardOptions } from 'spillway/dashboard'
import { manualClock } from 'spillway/testing'
import type { Observed } from '../src/core/observer.ts'
import type { Command } from '../src/dashboard/wire.ts'
import { pipelineSnapshot, recorderOf, snapshotOf } from './support/snapshots.ts'

const address = 'http://dash.test/?control='
const page = { origin: 'http://dash.test', host: 'dash.test', 'sec-fetch-site': 'same-origin', 'content-type': 'application/json', 'x-spillway-control': '1' }

/** A throttle as far as control looks at it. */
function share() {
  const said: number[] = []
  const policy = {
    kind: 'guard', name: 'throttle', type: 'throttle', said, admit: () => said,
    update({ allow }: { readonly allow: number }) {
      if (allow === 0.99) throw new RangeError('throttle.allow must be something else')
      said.push(allow)
    },
  }
  return policy as unknown as Policy & { readonly said: readonly number[] }
}

function setUp(options: DashboardOptions = { allowControl: true, authorize: () => true }) {
  const clock = manualClock()
  const one = breaker()
  const second = breaker()
  const throttle = share()
  const policies = [one, throttle, bulkhead({ slots: 1 }), second]
  pipeline('payments', policies, { clock, onWarning: () => {} })
  const live = [{ name: 'payments', policies } as unknown as Observed]
  const recorder = { ...recorderOf(snapshotOf([pipelineSnapshot({ name: 'payments' })])), live: (name: string) => (name === 'payments' ? live : []) }
  const app = dashboard(recorder, options)
  const send = async (command: Partial<Command> | string, headers: Record<string, string | undefined> = {}) => {
    const said = Object.entries({ ...page, ...headers }).filter((entry): entry is [string, string] => entry[1] !== undefined)
    const response = await app(new Request(address, { method: 'POST', headers: said, body: typeof command === 'string' ? command : JSON.stringify(command) }))
    return { status: response.status, ...((await response.json()) as { readonly message: string }) }
  }
  return { one, second, throttle, send, app }
}

const isolate: Command = { pipeline: 'payments', policy: 'breaker', action: 'isolate' }
const close: Command = { pipeline: 'payments', policy: 'breaker', action: 'close' }

describe('dashboard control', () => {
  it('isolates a breaker, and closes it again', async () => {
    const { one, second, send } = setUp()
    expect(await send(isolate)).toEqual({ status: 200, message: 'Isolated: all calls are refused until it is closed.' })
    expect([one.state, second.state]).toEqual(['isolated', 'closed'])
    await send(isolate) // twice is once
    expect((await send(close)).message).toBe('Closed.')
    expect(one.state).toBe('closed')
  })

  it('closes one that has opened, and one that is the second of its name', async () => {
    const { second, one, send } = setUp()
    second.open()
    expect(await send({ ...close, policy: 'breaker#2' })).toMatchObject({ status: 200 })
    expect([one.state, second.state]).toEqual(['closed', 'closed'])
  })

  it('cannot undo the isolation of somebody else, and says so', async () => {
    const { one, send } = setUp()
    one.isolate()
    expect((await send(close)).message).toBe('Closed, but still isolated by somebody else.')
    expect(one.state).toBe('isolated')
  })

  it('sets the share of a throttle, and says why it cannot', async () => {
    const { throttle, send } = setUp()
    expect(await send({ pipeline: 'payments', policy: 'throttle', action: 'allow', allow: 0.3 })).toEqual({ status: 200, message: 'Lets 30 % pass.' })
    expect(throttle.said).toEqual([0.3])
    expect(await send({ pipeline: 'payments', policy: 'throttle', action: 'allow', allow: 0.99 })).toEqual({ status: 409, message: 'throttle.allow must be something else' })
  })

  it.each<[string, Partial<Command> | string, number]>([
    ['no JSON', '{', 400],
    ['null', 'null', 400],
    ['no command', {}, 400],
    ['an action that there is not', { ...isolate, action: 'reset' as never }, 400],
    ['a share over 1', { ...isolate, action: 'allow', allow: 1.1 }, 400],
    ['a share that is none', { ...isolate, action: 'allow', allow: '1' as never }, 400],
    ['too much', { ...isolate, policy: 'x'.repeat(5_000) }, 400],
    ['a pipeline that there is not', { ...isolate, pipeline: 'orders' }, 404],
    ['a policy that there is not', { ...isolate, policy: 'breaker#3' }, 404],
    ['the isolation of a bulkhead', { ...isolate, policy: 'bulkhead' }, 409],
    ['the share of a breaker', { ...isolate, action: 'allow', allow: 0.5 }, 409],
  ])('refuses %s', async (_what, command, status) => {
    const { one, throttle, send } = setUp()
    expect((await send(command)).status).toBe(status)
    expect([one.state, throttle.said]).toEqual(['closed', []])
  })

  it('is read-only unless allowed', async () => {
    const { one, send } = setUp({})
    expect(await send(isolate)).toEqual({ status: 403, message: 'This dashboard is read-only.' })
    const { one: other, send: alsoSend } = setUp({ authorize: () => true })
    expect((await alsoSend(isolate)).status).toBe(403)
    expect([one.state, other.state]).toEqual(['closed', 'closed'])
  })

  it.each<[string, Record<string, string | undefined>]>([
    ['cross-site', { 'sec-fetch-site': 'cross-site' }],
    ['same-site, another host', { 'sec-fetch-site': 'same-site' }],
    ['typed in', { 'sec-fetch-site': 'none' }],
    ['of an old browser, from elsewhere', { 'sec-fetch-site': undefined, origin: 'http://evil.test' }],
    ['of an old browser, from a sandboxed frame', { 'sec-fetch-site': undefined, origin: 'null' }],
    ['that does not say where from', { 'sec-fetch-site': undefined, origin: undefined }],
    ['of a form', { 'content-type': 'text/plain' }],
    ['without the header that a form cannot send', { 'x-spillway-control': undefined }],
  ])('refuses a request %s, before anybody is asked', async (_what, headers) => {
    let asked = 0
    const { one, send } = setUp({ allowControl: true, authorize: () => ++asked > 0 })
    expect(await send(isolate, headers)).toEqual({ status: 403, message: 'Only the page itself may do this.' })
    expect([asked, one.state]).toEqual([0, 'closed'])
  })

  it('takes one of an old browser whose Origin is the host that was asked', async () => {
    const { send } = setUp()
    expect((await send(isolate, { 'sec-fetch-site': undefined })).status).toBe(200)
    expect((await send(isolate, { 'sec-fetch-site': undefined, host: undefined })).status).toBe(200)
  })

  it.each<[string, NonNullable<DashboardOptions['authorize']>]>([
    ['says no', () => false],
    ['says something else than true', () => 'yes' as never],
    ['throws', () => { throw new Error('broken') }],
    ['rejects', () => Promise.reject(new Error('broken'))],
    ['later says no', async () => false],
  ])('refuses where authorize %s', async (_what, authorize) => {
    const { one, send } = setUp({ allowControl: true, authorize, onInternalError: () => {} })
    expect(await send(isolate)).toEqual({ status: 403, message: 'You may look, but not touch.' })
    expect(one.state).toBe('closed')
  })

  it('asks authorize with the request, whose body it may read', async () => {
    const { send } = setUp({
      allowControl: true,
      authorize: async (request) => request.headers.get('cookie') === 'user=ann' && ((await request.json()) as Command).pipeline === 'payments',
    })
    expect((await send(isolate, { cookie: 'user=bob' })).status).toBe(403)
    expect((await send(isolate, { cookie: 'user=ann' })).status).toBe(200)
  })

  it('tells the page whether it may try, and answers no preflight', async () => {
    const { app } = setUp()
    const frame = async (one: typeof app) => new TextDecoder().decode((await (await one(new Request('http://dash.test/?stream='))).body!.getReader().read()).value)
    expect(await frame(app)).toContain('"control":true')
    expect(await frame(setUp({}).app)).toContain('"control":false')
    const preflight = await app(new Request(address, { method: 'OPTIONS', headers: { origin: 'http://evil.test', 'access-control-request-method': 'POST' } }))
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([405, null])
    app.close()
  })
})
