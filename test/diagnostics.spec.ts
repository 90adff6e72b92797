import { AsyncLocalStorage } from 'node:async_hooks'
import { channel, subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { breaker, constant, pipeline, retry } from 'spillway'
import { diagnostics } from 'spillway/diagnostics'
import { describe, expect, it, onTestFinished, vi } from 'vitest'

const down = (): Promise<never> => Promise.reject(new Error('down'))
const make = () => pipeline('quotes', [retry({ maxAttempts: 2, backoff: constant(0) }), breaker({ consecutive: 2 })], { observers: [diagnostics()] })

function heard(name: string): unknown[] {
  const messages: unknown[] = []
  const listener = (message: unknown): void => void messages.push(message)
  subscribe(name, listener)
  onTestFinished(() => void unsubscribe(name, listener))
  return messages
}

describe('diagnostics', () => {
  it('traces each call, from its start to its end', async () => {
    const calls = tracingChannel<unknown, object>('spillway.call')
    const log: [string, object][] = []
    const tell = (name: string) => (message: object): void => void log.push([name, { ...message }])
    const subscribers = { start: tell('start'), end: tell('end'), asyncStart: tell('asyncStart'), asyncEnd: tell('asyncEnd'), error: tell('error') }
    calls.subscribe(subscribers)
    onTestFinished(() => calls.unsubscribe(subscribers))
    const quotes = make()
    expect(await quotes.run(() => 42, { operation: 'get', key: 'k' })).toBe(42)
    const message = { pipeline: 'quotes', operation: 'get', key: 'k', id: expect.any(String) }
    await vi.waitFor(() => expect(log).toEqual([['start', message], ['end', message], ['asyncStart', { ...message, result: 42 }], ['asyncEnd', { ...message, result: 42 }]]))
    log.length = 0
    const error = new Error('down')
    await expect(quotes.run(() => Promise.reject(error), { idempotent: false })).rejects.toBe(error)
    await vi.waitFor(() => expect(log.map(([name]) => name)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd']))
  })

  it('runs the function in the store that is bound to its start', async () => {
    const { start } = tracingChannel<unknown, { pipeline: string }>('spillway.call')
    const store = new AsyncLocalStorage<string>()
    start.bindStore(store, ({ pipeline: name }) => `in ${name}`)
    onTestFinished(() => void start.unbindStore(store))
    expect(await make().run(() => store.getStore())).toBe('in quotes')
    expect(store.getStore()).toBe(undefined)
  })

  it('tells retries, refusals and states', async () => {
    const [retries, rejections, states] = [heard('spillway:retry'), heard('spillway:reject'), heard('spillway:breaker:state')]
    const quotes = make()
    await quotes.tryRun(down)
    await quotes.tryRun(() => 1, { priority: 'low' })
    expect(retries).toMatchObject([{ pipeline: 'quotes', number: 1, delayMs: 0, verdict: 'failure' }])
    expect(states).toMatchObject([{ pipeline: 'quotes', policy: 'breaker', state: 'open', from: 'closed', reason: '2 failures in a row' }])
    expect(rejections).toMatchObject([{ pipeline: 'quotes', policy: 'breaker', priority: 'low', retryAfterMs: expect.any(Number), reason: expect.stringContaining('breaker open') }])
  })

  it('makes nothing while nobody listens', async () => {
    const publish = vi.spyOn(Object.getPrototypeOf(channel('spillway:retry')) as { publish(message: unknown): void }, 'publish')
    const quotes = make()
    await quotes.tryRun(down)
    await quotes.tryRun(() => 1)
    expect(publish).not.toHaveBeenCalled()
  })

  it('a subscriber that throws changes no call', async () => {
    const uncaught = vi.fn()
    const before = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException').on('uncaughtException', uncaught)
    const broken = (): never => {
      throw new Error('broken')
    }
    subscribe('spillway:reject', broken)
    const quotes = pipeline('quotes', [breaker()], { observers: [diagnostics()] })
    void quotes.close()
    const result = await quotes.tryRun(() => 1)
    await new Promise((done) => setTimeout(done, 5))
    unsubscribe('spillway:reject', broken)
    process.removeAllListeners('uncaughtException')
    before.forEach((listener) => process.on('uncaughtException', listener))
    expect(result).toMatchObject({ ok: false, error: { code: 'PIPELINE_CLOSED' } })
    // Node tells such errors as uncaught, in a later turn: that is its rule for channels.
    expect(uncaught).toHaveBeenCalledTimes(1)
  })
})
