import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { root } from './support/package.ts'
import { type Upstream, upstream } from './support/upstream.ts'

interface Service {
  /** Status and body, or `'cut off'`. */
  get(path: string): Promise<string>
  /** Sends SIGTERM, and says with what it exited, after how many ms. */
  terminate(): Promise<{ code: number | null; afterMs: number }>
}

/** A service in a process of its own, before a real upstream. */
async function service(behind: Upstream, graceMs: number): Promise<Service> {
  const child: ChildProcess = fork('test/support/drain-service.ts', [behind.url, String(graceMs)], { cwd: root, execArgv: ['--import', './test/support/ts.js'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [port] = (await once(child, 'message')) as [number]
  child.disconnect()
  return {
    async get(path) {
      try {
        const response = await fetch(`http://127.0.0.1:${port}${path}`)
        return `${response.status} ${await response.text()}`
      } catch {
        return 'cut off'
      }
    },
    async terminate() {
      const began = performance.now()
      child.kill('SIGTERM')
      const [code] = (await once(child, 'exit')) as [number | null]
      return { code, afterMs: performance.now() - began }
    },
  }
}

const slow = { body: '42', afterMs: 400 }
const closed = '503 {"title":"Service Unavailable","code":"PIPELINE_CLOSED"}'

describe('at SIGTERM a service', () => {
  it('with nobody inside exits at once, connections that are kept alive or not', async () => {
    const { get, terminate } = await service(await upstream({ body: '42' }), 10_000)
    expect(await get('/quote')).toBe('200 42')
    const { code, afterMs } = await terminate()
    expect(code).toBe(0)
    expect(afterMs).toBeLessThan(8_000)
  })

  it('answers calls in flight, takes no new ones, and exits when they are answered', async () => {
    const quotes = await upstream(slow)
    const { get, terminate } = await service(quotes, 10_000)
    const answer = get('/quote')
    await vi.waitFor(() => expect(quotes.requests).toHaveLength(1))
    const end = terminate()
    await new Promise((done) => setTimeout(done, 100))
    expect(await get('/late')).toBe('cut off')
    expect(await answer).toBe('200 42')
    const { code, afterMs } = await end
    expect(code).toBe(0)
    expect(afterMs).toBeLessThan(8_000)
    expect(quotes.requests).toHaveLength(1)
  })

  it('ends a back-off with the last answer', async () => {
    const quotes = await upstream({ status: 503, body: 'busy' })
    const { get, terminate } = await service(quotes, 10_000)
    const answer = get('/quote')
    await vi.waitFor(() => expect(quotes.requests).toHaveLength(1))
    await new Promise((done) => setTimeout(done, 50))
    const { code, afterMs } = await terminate()
    expect(await answer).toMatch(/^503 /)
    expect(code).toBe(0)
    expect(afterMs).toBeLessThan(8_000)
    expect(quotes.requests).toHaveLength(1)
  })

  it('refuses who waits in a queue, at once', async () => {
    const quotes = await upstream(slow)
    const { get, terminate } = await service(quotes, 10_000)
    const order: string[] = []
    const note = (name: string) => (answer: string) => void order.push(`${name}: ${answer}`)
    const first = get('/first').then(note('first'))
    await vi.waitFor(() => expect(quotes.requests).toHaveLength(1))
    const second = get('/second').then(note('second'))
    await new Promise((done) => setTimeout(done, 50))
    const { code } = await terminate()
    await Promise.all([first, second])
    expect(order).toEqual([`second: ${closed}`, 'first: 200 42'])
    expect(code).toBe(0)
    expect(quotes.requests).toHaveLength(1)
  })

  it('aborts what hangs when the grace is over, and exits with 1', async () => {
    const quotes = await upstream('hang')
    const { get, terminate } = await service(quotes, 300)
    const answer = get('/quote')
    await vi.waitFor(() => expect(quotes.requests).toHaveLength(1))
    const { code, afterMs } = await terminate()
    expect(await answer).toMatch(/^50[34] \{/)
    await vi.waitFor(() => expect(quotes.open).toBe(0))
    expect(code).toBe(1)
    expect(afterMs).toBeGreaterThanOrEqual(290)
    expect(afterMs).toBeLessThan(8_000)
  })

  it('leaves behind what does not listen to its signal', async () => {
    const { get, terminate } = await service(await upstream(200), 300)
    const answer = get('/deaf')
    await new Promise((done) => setTimeout(done, 100))
    const { code, afterMs } = await terminate()
    expect(await answer).toBe('cut off')
    expect(code).toBe(1)
    expect(afterMs).toBeGreaterThanOrEqual(290)
    expect(afterMs).toBeLessThan(8_000)
  })
})
