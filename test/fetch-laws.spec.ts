import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { bulkhead } from '../src/bulkhead/index.ts'
import { resilientFetch } from '../src/fetch/index.ts'
import { manualClock } from '../src/testing/index.ts'
import { timeout } from '../src/timeout/index.ts'

type Step =
  | { readonly do: 'send' | 'end' | 'fail' | 'abort' | 'text' | 'json' | 'stream' | 'read' | 'clone' | 'cancel' | 'discard' | 'close' }
  | { readonly do: 'wait'; readonly ms: number }

const step = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('send', 'end', 'fail', 'abort', 'text', 'json', 'stream', 'read', 'clone', 'cancel', 'discard', 'close').map((one) => ({ do: one }) as Step) },
  { weight: 4, arbitrary: fc.constantFrom(1, 50, 100, 499, 500, 1_000).map((ms): Step => ({ do: 'wait', ms })) },
)

const quiet = (promise: Promise<unknown> | undefined): void => void promise?.catch(() => {})

/** What the story does to the response, its clones, the server and the caller; nobody is careful. */
async function play(steps: readonly Step[], { hold, nested, sse, status, unreadMs }: { hold: 'body' | 'headers'; nested: boolean; sse: boolean; status: number; unreadMs: number }): Promise<void> {
  const clock = manualClock()
  const slots = bulkhead({ slots: 1 })
  let server!: ReadableStreamDefaultController<Uint8Array>
  let gone = false
  const stream = new ReadableStream<Uint8Array>({ start: (controller) => void (server = controller), cancel: () => void (gone = true) }, { highWaterMark: 0 })
  const send = (): Promise<Response> => Promise.resolve(new Response(stream, { status, headers: sse ? { 'content-type': 'text/event-stream' } : {} }))
  const inner = resilientFetch('quotes', [timeout(5_000), slots, timeout(500)], { clock, fetch: send, hold, unreadMs, abandonAfterMs: 20_000 })
  const one = nested ? resilientFetch('outer', [timeout(4_000), timeout(400)], { clock, fetch: inner }) : inner
  const settled = vi.fn()
  for (const { pipeline } of new Set([inner, one])) pipeline.on('attempt.settled', ({ pipeline: name }) => settled(name))
  const caller = new AbortController()
  const all = [await one('http://quotes.test/', { signal: caller.signal })]
  const readers: ReadableStreamDefaultReader<Uint8Array>[] = []
  for (const [i, said] of steps.entries()) {
    const response = all[i % all.length]!
    try {
      switch (said.do) {
        case 'send': if (!gone) server.enqueue(new Uint8Array([i])); break
        case 'end': if (!gone) server.close(); gone = true; break
        case 'fail': if (!gone) server.error(new TypeError('terminated')); gone = true; break
        case 'abort': caller.abort(new Error('enough')); break
        case 'text': case 'json': quiet(response[said.do]()); break
        case 'stream': readers.push(response.body!.getReader() as ReadableStreamDefaultReader<Uint8Array>); break
        case 'read': quiet(readers[i % readers.length]?.read()); break
        case 'clone': all.push(response.clone()); break
        case 'cancel': quiet(response.body?.cancel('enough')); break
        case 'discard': quiet(readers[i % readers.length]?.cancel()); break
        case 'close': quiet(inner.pipeline.close({ graceMs: 300 })); break
        case 'wait': await clock.advance(said.ms); break
      }
    } catch {
      // What a used or locked body refuses, as it should.
    }
    await clock.flush()
    expect(slots.inFlight).toBeLessThanOrEqual(1)
  }
  // An end to it: by what is bounded, and by the server where nothing is.
  await clock.advance(6_000)
  if (!gone) server.close()
  await clock.advance(30_000)
  await inner('http://quotes.test/').catch(() => {})
  await clock.advance(30_000)
  const names = settled.mock.calls.map(([name]) => name as string)
  expect(names.filter((name) => name === 'quotes').length).toBeLessThanOrEqual(2)
  expect(names.filter((name) => name === 'outer').length).toBe(nested ? 1 : 0)
  expect([slots.inFlight, inner.pipeline.inFlight, one.pipeline.inFlight, clock.pending]).toEqual([0, 0, 0, 0])
}

describe('resilient fetch › law', () => {
  it('whatever is done to a body, each attempt is settled once, its slot comes back, and nothing is waited for', { timeout: 120_000 }, async () => {
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    try {
      await fc.assert(fc.asyncProperty(
        fc.array(step, { maxLength: 14 }),
        fc.record({ hold: fc.constantFrom('body' as const, 'headers' as const), nested: fc.boolean(), sse: fc.boolean(), status: fc.constantFrom(200, 200, 500), unreadMs: fc.constantFrom(0, 100, Infinity) }),
        play,
      ), { numRuns: 400 })
      await new Promise((resolve) => setImmediate(resolve))
      expect(unhandled).not.toHaveBeenCalled()
    } finally {
      process.off('unhandledRejection', unhandled)
    }
  })
})
