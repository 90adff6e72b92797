import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { breaker, constant, fallback, pipeline, retry, timeout, TimeoutError, type Verdict } from 'spillway'
import { upstream } from './support/upstream.ts'

/** Blocks the event loop, as a long computation or garbage collection does. */
function block(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}

/** A connection both ends of which are here. */
async function wire(): Promise<{ caller: Socket; dependency: Socket }> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const caller = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [dependency] = (await accepted) as [Socket]
  onTestFinished(() => {
    caller.destroy()
    dependency.destroy()
    server.close()
  })
  return { caller, dependency }
}

const answerOf = (caller: Socket) => (): Promise<string> => new Promise((resolve) => caller.once('data', (data) => resolve(data.toString())))
/** The loop comes to its timers first, and to its sockets only then. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** The verdicts that the guards of a pipeline get. */
function told(): { readonly verdicts: Verdict[]; readonly guard: { kind: 'guard'; name: string; admit(): object; settle(permit: object, settled: { verdict: Verdict }): void } } {
  const verdicts: Verdict[] = []
  return { verdicts, guard: { kind: 'guard', name: 'told', admit: () => ({}), settle: (_permit, { verdict }) => void verdicts.push(verdict) } }
}

describe('an event loop that was blocked', { retry: 2 }, () => {
  it.each([
    ['the timeout of an attempt', [timeout(20)], {}],
    ['the total timeout, with steps outside', [fallback(() => 'instead'), timeout(20), retry(), timeout(15)], {}],
    ['the deadline of the caller', [], { timeoutMs: 20 }],
  ])('lets the answer win that has already arrived, over %s', async (_whose, policies, call) => {
    const { caller, dependency } = await wire()
    const { verdicts, guard } = told()
    const p = pipeline('blocked', [...policies, guard])
    await turn()
    const answer = p.run(answerOf(caller), call)
    dependency.write('answer')
    block(100)
    expect(await answer).toBe('answer')
    expect(verdicts).toEqual(['success'])
  })

  it('lets a whole HTTP answer win that has already arrived', async () => {
    const server = await upstream({ body: 'answer' })
    const p = pipeline('blocked', [timeout(500)])
    const text = ({ signal }: { signal: AbortSignal }): Promise<string> => fetch(server.url, { signal }).then((response) => response.text())
    expect(await p.run(text)).toBe('answer')
    const answer = p.run(text)
    // The server answers in this process: it has done so when its request is there.
    while (server.requests.length < 2) await turn()
    block(600)
    expect(await answer).toBe('answer')
  })

  it('does not wait for an answer that has not arrived', async () => {
    const { verdicts, guard } = told()
    await turn()
    const answer = pipeline('blocked', [guard, timeout(20)]).run(() => new Promise(() => {}))
    block(100)
    await expect(answer).rejects.toThrow(TimeoutError)
    // Late by 80 ms, which is more than max(50 ms, 10 %): our own pause, and nothing the dependency did.
    expect(verdicts).toEqual(['ignored'])
  })

  it('is overload as ever where the timer came nearly in time', async () => {
    const { verdicts, guard } = told()
    await turn()
    const answer = pipeline('blocked', [guard, timeout(20)]).run(() => new Promise(() => {}))
    block(35)
    await expect(answer).rejects.toThrow(TimeoutError)
    expect(verdicts).toEqual(['overload'])
  })

  it('may be late by a tenth of a long timeout', async () => {
    const { verdicts, guard } = told()
    const p = pipeline('blocked', [guard, timeout(1_000)])
    await turn()
    const answers = Promise.allSettled([p.run(() => new Promise(() => {})), p.run(() => new Promise(() => {}), { timeoutMs: 60_000 })])
    block(1_075)
    await answers
    expect(verdicts).toEqual(['overload', 'overload'])
  })

  it('opens no breaker, however many calls it ends', async () => {
    const own = breaker({ minimumThroughput: 5, failureRatio: 0.1, probes: { leaseMs: 60_000 } })
    const p = pipeline('blocked', [own, timeout(20)])
    await turn()
    const hung = Promise.allSettled(Array.from({ length: 50 }, () => p.run(() => new Promise(() => {}))))
    block(150)
    for (const answer of await hung) expect(answer).toMatchObject({ status: 'rejected', reason: expect.any(TimeoutError) as unknown })
    expect(own.state).toBe('closed')

    // While timeouts of the dependency's own making do.
    await Promise.allSettled(Array.from({ length: 50 }, () => p.run(() => new Promise(() => {}))))
    expect(own.state).toBe('open')
  })

  it('does not end what was started after it', async () => {
    const p = pipeline('blocked', [timeout(60)])
    const old = p.run(() => new Promise(() => {})).catch((error: unknown) => error)
    block(100)
    // Its timer is overdue; a new call has all its time.
    const fresh = p.run(() => new Promise((resolve) => setTimeout(resolve, 20, 'fresh')))
    expect(await old).toBeInstanceOf(TimeoutError)
    expect(await fresh).toBe('fresh')
  })

  it('starts no further attempt when it has slept past the deadline in a back-off', async () => {
    let attempts = 0
    const p = pipeline('blocked', [timeout(60), retry({ backoff: constant(20), budget: false })])
    const answer = p.run(async () => {
      attempts++
      throw new Error('down')
    })
    await new Promise((resolve) => setTimeout(resolve, 1))
    block(120)
    await expect(answer).rejects.toThrow(TimeoutError)
    expect(attempts).toBe(1)
  })
})

describe('fake timers', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('drive the default clock: timeouts', async () => {
    const { verdicts, guard } = told()
    const p = pipeline('fake', [guard, timeout(500)])
    const seen: unknown[] = []
    const answer = p.run(() => new Promise(() => {})).catch((error: unknown) => seen.push(error))
    await vi.advanceTimersByTimeAsync(499)
    expect(seen).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    await answer
    expect(seen).toEqual([expect.any(TimeoutError)])
    expect(verdicts).toEqual(['overload'])
  })

  it('drive the default clock: back-offs, deadlines and breaks', async () => {
    const own = breaker({ consecutive: 3, breakMs: () => 5_000 })
    const p = pipeline('fake', [fallback(() => 'instead', { when: (outcome) => !outcome.ok }), retry({ backoff: constant(1_000), budget: false }), own])
    let attempts = 0
    const failing = async (): Promise<never> => {
      attempts++
      throw new Error('down')
    }
    const answer = p.run(failing)
    await vi.advanceTimersByTimeAsync(999)
    expect(attempts).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(attempts).toBe(2)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await answer).toBe('instead')
    expect(own.state).toBe('open')
    expect(await p.run(() => 'answer')).toBe('instead')
    await vi.advanceTimersByTimeAsync(5_000)
    expect(await p.run(() => 'answer')).toBe('answer')
    expect(own.state).toBe('closed')

    const ended = pipeline('fake', []).tryRun(() => new Promise(() => {}), { timeoutMs: 3_600_000 })
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(await ended).toMatchObject({ ok: false })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('may come and go beneath a pipeline that stays', async () => {
    const p = pipeline('fake', [timeout(30)])
    const ended = async (): Promise<unknown> => {
      const answer = p.run(() => new Promise(() => {})).catch((error: unknown) => error)
      if (vi.isFakeTimers()) await vi.advanceTimersByTimeAsync(30)
      return answer
    }
    expect(await ended()).toBeInstanceOf(TimeoutError)
    // One is left armed, and goes with the fake timers.
    await p.run(() => 1)
    vi.useRealTimers()
    expect(await ended()).toBeInstanceOf(TimeoutError)
    await p.run(() => 1)
    vi.useFakeTimers()
    expect(await ended()).toBeInstanceOf(TimeoutError)
    vi.clearAllTimers()
    expect(await ended()).toBeInstanceOf(TimeoutError)
  })

  it('that stand still hold nothing up but time', async () => {
    const p = pipeline('fake', [timeout(30), retry({ backoff: constant(0), budget: false })])
    let attempts = 0
    await expect(p.run(async () => {
      attempts++
      throw new Error('down')
    })).rejects.toThrow('down')
    expect(attempts).toBe(3)
  })
})
