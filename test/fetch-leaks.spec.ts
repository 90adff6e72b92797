import { getEventListeners } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { bulkhead } from '../src/bulkhead/index.ts'
import { resilientFetch } from '../src/fetch/index.ts'
import { timeout } from '../src/timeout/index.ts'
import { collect } from './support/heap.ts'
import { upstream } from './support/upstream.ts'

/** A response that is kept, with its stream, is several kB: some hundreds of them show. */
const N = 600
const AT_ONCE = 20
const big = 'x'.repeat(2_000)

/** Collecting costs most of the time of these tests: only where it is still needed. */
const collecting = (check: () => unknown): Promise<unknown> => vi.waitFor(async () => {
  try {
    await check()
  } catch (error) {
    globalThis.gc!()
    throw error
  }
}, { timeout: 10_000, interval: 20 })

describe('resilient fetch › 600 calls with a signal that lives long', { timeout: 60_000 }, () => {
  it.each<[string, (response: Response, abort: () => void) => Promise<unknown>, { own?: boolean }?]>([
    ['whose bodies are read', (response) => response.text()],
    ['whose bodies are read as streams', async (response) => {
      for await (const chunk of response.body!) void chunk
    }],
    ['whose bodies are cloned', (response) => Promise.all([response.clone().text(), response.text()])],
    ['whose bodies are not read', () => Promise.resolve()],
    ['whose bodies are cancelled', (response) => response.body!.cancel()],
    ['whose bodies are aborted', async (response, abort) => {
      abort()
      await response.text().catch(() => {})
    }, { own: true }],
    ['whose bodies are read in part and left', (response) => response.body!.getReader().read(), { own: true }],
  ])('%s leave no listener, no slot, no socket and no memory', async (_which, read, { own = false } = {}) => {
    const server = await upstream((_request, response) => response.end(big))
    const slots = bulkhead({ slots: 100_000 })
    const one = resilientFetch('quotes', [timeout(30_000), slots, timeout(10_000)], { abandonAfterMs: 50 })
    const long = new AbortController()
    const run = async (times: number): Promise<void> => {
      let left = times
      await Promise.all(Array.from({ length: AT_ONCE }, async () => {
        while (left-- > 0) {
          const controller = own ? new AbortController() : long
          await read(await one(server.url, { signal: controller.signal }), () => controller.abort())
        }
      }))
      server.requests.length = 0
    }
    const settled = async (): Promise<void> => {
      // Who was abandoned is noticed by the next call.
      await (await one(server.url)).text()
      expect([slots.inFlight, one.pipeline.inFlight]).toEqual([0, 0])
      expect(getEventListeners(long.signal, 'abort').length).toBe(0)
    }
    // Until the code is compiled, which takes 100 kB and more on its way: of 600 calls after 300 a bare fetch leaves 500 bytes each.
    await run(1_000)
    await collecting(settled)
    await collect()
    const before = process.memoryUsage().heapUsed
    await run(N)
    await collecting(settled)
    // What is finalised lets further things go, some turns later.
    await collecting(() => expect((process.memoryUsage().heapUsed - before) / N).toBeLessThan(700))
    await vi.waitFor(() => expect(server.open).toBeLessThanOrEqual(AT_ONCE + 2), { timeout: 10_000 })
  })
})
