import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../src/core/clock.ts'
import { root } from './support/package.ts'

/** Runs a module in a process of its own; how long it lived after its last statement, and what it printed. */
async function child(code: string): Promise<{ printed: string, aliveMs: number }> {
  const source = `import { systemClock } from './src/core/clock.ts'
    ${code}
    const ended = performance.now()
    process.on('exit', () => console.log('alive ' + (performance.now() - ended)))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', './test/support/ts.js', '--input-type=module', '--eval', source], { cwd: root, timeout: 15_000 })
  return { printed: stdout, aliveMs: Number(/alive (.*)/.exec(stdout)?.[1]) }
}

describe('system clock', () => {
  it('is monotonic: a wall clock set back by an hour changes nothing', () => {
    const before = systemClock.now()
    vi.spyOn(Date, 'now').mockReturnValue(0)
    expect(systemClock.now()).toBeGreaterThanOrEqual(before)
    expect(systemClock.now()).toBeLessThan(before + 10_000)
  })

  it.each([0, 0.3, 1, 4.7, 20])('never comes before its %d ms have passed', async (ms) => {
    for (let round = 0; round < 10; round++) {
      const due = systemClock.now() + ms
      await new Promise<void>((resolve) => systemClock.after(ms, resolve))
      expect(systemClock.now()).toBeGreaterThanOrEqual(due)
    }
  })

  it('lets an answer that has arrived win over a deadline that has passed, after a blocked event loop', async () => {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const accepted = once(server, 'connection')
    const caller = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const [dependency] = (await accepted) as [Socket]
    const seen: string[] = []
    caller.once('data', () => seen.push('answer'))

    // In an immediate, so that the loop comes to its timers before it comes to its sockets.
    await new Promise<void>((resolve) => setImmediate(resolve))
    const expired = new Promise<void>((resolve) => {
      setTimeout(() => seen.push('bare timer'), 10)
      systemClock.after(10, () => {
        seen.push('deadline')
        resolve()
      })
    })
    dependency.write('answer')
    for (const until = performance.now() + 40; performance.now() < until;);
    await expired

    expect(seen).toEqual(['bare timer', 'answer', 'deadline'])
    caller.destroy()
    server.close()
  })

  describe('in a process that has nothing else to do', () => {
    it('keeps it alive until the timer has come', async () => {
      const { printed, aliveMs } = await child(`systemClock.after(300, () => console.log('came'))`)
      expect(printed).toContain('came')
      expect(aliveMs).toBeGreaterThanOrEqual(290)
    }, 20_000)

    it.each([
      ["unref'd", `systemClock.after(60_000, () => console.log('came')).unref()`],
      ['cancelled', `systemClock.after(60_000, () => console.log('came'))()`],
      ["ref'd and unref'd again", `const c = systemClock.after(60_000, () => {}); c.unref(); c.ref(); c.unref()`],
    ])('lets it exit at once when %s', async (_how, code) => {
      const { printed, aliveMs } = await child(code)
      expect(printed).not.toContain('came')
      expect(aliveMs).toBeLessThan(1_000)
    }, 20_000)

    it("keeps it alive when ref'd again", async () => {
      const { printed } = await child(`const c = systemClock.after(100, () => console.log('came')); c.unref(); c.ref()`)
      expect(printed).toContain('came')
    }, 20_000)
  })

  describe('under fake timers', () => {
    beforeEach(() => void vi.useFakeTimers())
    afterEach(() => void vi.useRealTimers())

    it('follows them', () => {
      const came = vi.fn()
      const start = systemClock.now()
      systemClock.after(500, came)
      vi.advanceTimersByTime(499)
      expect(came).not.toHaveBeenCalled()
      vi.advanceTimersByTime(1)
      expect(came).toHaveBeenCalledTimes(1)
      expect(systemClock.now() - start).toBe(500)
      vi.advanceTimersByTime(5_000)
      expect(came).toHaveBeenCalledTimes(1)
    })

    it('can be cancelled before its timer and after', () => {
      const came = vi.fn()
      systemClock.after(10, came)()
      expect(vi.getTimerCount()).toBe(0)
      const late = systemClock.after(10, came)
      vi.runAllTimers()
      late()
      late.ref?.()
      late.unref?.()
      expect(came).toHaveBeenCalledTimes(1)
    })

    it('holds spans longer than setTimeout can', () => {
      const came = vi.fn()
      const fortyDays = 40 * 86_400_000
      systemClock.after(fortyDays, came)
      vi.advanceTimersByTime(fortyDays - 1)
      expect(came).not.toHaveBeenCalled()
      expect(vi.getTimerCount()).toBe(1)
      vi.advanceTimersByTime(1)
      expect(came).toHaveBeenCalledTimes(1)
    })

    it('cancels in time what it armed before they came or went', () => {
      const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
      const fakeOne = systemClock.after(10, () => {})
      vi.useRealTimers()
      const realOne = systemClock.after(10, () => {})
      fakeOne()
      vi.useFakeTimers()
      realOne()
      expect(vi.getTimerCount()).toBe(0)
      expect(warn).not.toHaveBeenCalled()
    })

    it('says that its timers come from elsewhere each time', () => {
      const sources = [systemClock.source]
      vi.useRealTimers()
      sources.push(systemClock.source, systemClock.source)
      vi.useFakeTimers()
      sources.push(systemClock.source)
      expect(new Set(sources).size).toBe(3)
      expect(sources[1]).toBe(sources[2])
    })

  })

  describe('between its timer and the turn that it gives to I/O', () => {
    /** As if the platform's timers were these; its own they do not resemble, so the clock takes them for real. */
    function platform(extra: object): { run: () => void, left: () => number } {
      const tasks = new Map<number, () => void>()
      let id = 0
      const add = (fn: () => void): number => (tasks.set(++id, fn), id)
      const drop = (handle: number): boolean => tasks.delete(handle)
      const now = vi.spyOn(performance, 'now').mockReturnValue(0)
      for (const [name, value] of Object.entries({ setTimeout: add, clearTimeout: drop, setImmediate: add, clearImmediate: drop, ...extra })) vi.stubGlobal(name, value)
      return {
        run: () => {
          now.mockReturnValue(performance.now() + 100)
          const [first, fn] = [...tasks][0]!
          tasks.delete(first)
          fn()
        },
        left: () => tasks.size,
      }
    }
    afterEach(() => void vi.unstubAllGlobals())

    it.each([['in Node', {}], ['in a browser, without setImmediate', { setImmediate: undefined, clearImmediate: undefined }]])('has not come, and can be cancelled, %s', (_where, extra) => {
      const { run, left } = platform(extra)
      const came = vi.fn()
      const cancel = systemClock.after(10, came)
      cancel.unref?.()
      cancel.ref?.()
      run()
      expect(came).not.toHaveBeenCalled()
      run()
      expect(came).toHaveBeenCalledTimes(1)

      const second = systemClock.after(10, came)
      run()
      second.unref?.()
      expect(left()).toBe(1)
      second()
      expect(left()).toBe(0)
    })
  })
})
