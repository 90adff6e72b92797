import { describe, expect, it } from 'vitest'
import { child } from '../support/child.ts'

const imports = `import { pipeline, timeout, retry, breaker, bulkhead, fallback, constant, later, refuse, BulkheadFullError } from 'spillway'
  const forever = () => new Promise(() => {})
  const failing = async () => { throw new Error('down') }
  const standard = (ms) => [fallback(() => 'instead'), timeout(ms), retry(), breaker({ probes: { leaseMs: ms } }), bulkhead({ slots: 5 }), timeout(ms / 2)]`

describe('a process', { concurrent: true, timeout: 30_000 }, () => {
  it.each([
    ['only imported the library', ''],
    ['only made pipelines', `pipeline('quotes', standard(60_000)); pipeline('prices', [retry(), breaker({ consecutive: 1, probes: { leaseMs: 60_000 } }), timeout(60_000)]).describe()`],
    ['has made its last call, within timeouts of a minute', `console.log(await pipeline('quotes', standard(60_000)).run(async () => 'answer'))`],
    ['has made its last call, with a deadline of a minute', `console.log(await pipeline('quotes', []).run(async () => 'answer', { timeoutMs: 60_000 }))`],
    ['has made its last call, which failed', `console.log(await pipeline('quotes', [timeout(60_000)]).run(failing).catch(() => 'answer'))`],
    ['has opened a breaker for a minute', `const b = breaker({ breakMs: 60_000 }); b.open(); console.log(await pipeline('quotes', [fallback(() => 'answer'), b]).run(failing))`],
    ['has aborted its last call, whose work goes on', `const c = new AbortController(); const p = pipeline('quotes', [timeout(60_000)]).run(forever, { signal: c.signal }).catch(() => 'answer'); c.abort(); console.log(await p)`],
    ['has timed its last call out, whose work goes on', `console.log(await pipeline('quotes', [bulkhead({ slots: 5 }), timeout(20)]).run(forever).catch(() => 'answer'))`],
    ['has aborted a back-off of a minute', `const c = new AbortController(); const p = pipeline('quotes', [retry({ backoff: constant(60_000) })]).run(failing, { signal: c.signal }).catch(() => 'answer'); setTimeout(() => c.abort(), 20); console.log(await p)`],
    ['has closed its pipeline in a back-off of a minute', `const q = pipeline('quotes', [retry({ backoff: constant(60_000) })]); const p = q.run(failing).catch(() => 'answer'); setTimeout(() => q.close(), 20); console.log(await p)`],
    ['has closed its pipeline with a grace of a minute', `const q = pipeline('quotes', [timeout(60_000)]); let end; const p = q.run(() => new Promise((resolve) => (end = resolve))); const closed = q.close({ graceMs: 60_000 }); end('answer'); console.log(await p); await closed`],
    ['has let one wait a minute in a queue, and given him the slot', `
      let wake; let first = true
      const queue = { kind: 'guard', name: 'queue', admit: () => later({ maxWaitMs: 60_000, start: (w) => setTimeout(() => w({}), 20), cancel() {}, expired: () => refuse(queue, BulkheadFullError, () => 'full') }) }
      console.log(await pipeline('quotes', [queue, timeout(60_000)]).run(async () => 'answer'))`],
  ])('exits at once when it %s', async (_when, code) => {
    const { printed, complained, exitCode, aliveMs } = await child(`${imports}\n${code}`)
    expect({ printed, complained, exitCode }).toEqual({ printed: code.includes('console.log') ? ['answer'] : [], complained: '', exitCode: 0 })
    expect(aliveMs).toBeLessThan(5_000)
  })

  it.each([
    ['a timeout ends a function that never settles', 300, `pipeline('quotes', [timeout(300)]).run(forever).catch((error) => console.log(error.name))`, ['TimeoutError']],
    ['the total timeout ends it, after ones that were cleared', 300, `const p = pipeline('quotes', [timeout(300), retry({ backoff: constant(10) }), timeout(200)]); await p.run(async () => 1); p.run(forever).catch((error) => console.log(error.name))`, ['TimeoutError']],
    ['the deadline of the caller ends it', 300, `pipeline('quotes', []).run(forever, { timeoutMs: 300 }).catch((error) => console.log(error.name))`, ['TimeoutError']],
    ['a fallback has answered a timeout', 300, `pipeline('quotes', [fallback(() => 'instead'), timeout(300)]).run(forever).then(console.log)`, ['instead']],
    ['a back-off is over and the retry has answered', 300, `pipeline('quotes', [retry({ backoff: constant(300) })]).run(({ number }) => number === 1 ? failing() : 'second').then(console.log)`, ['second']],
    ['two back-offs are over', 400, `pipeline('quotes', [timeout(60_000), retry({ backoff: constant(200) }), timeout(30_000)]).run(({ number }) => number < 3 ? failing() : 'third').then(console.log)`, ['third']],
    ['a queue is no longer waited in', 300, `
      const queue = { kind: 'guard', name: 'queue', admit: () => later({ maxWaitMs: 300, start() {}, cancel() {}, expired: () => refuse(queue, BulkheadFullError, () => 'full') }) }
      pipeline('quotes', [queue]).run(forever).catch((error) => console.log(error.name))`, ['BulkheadFullError']],
    ['the grace of a closing pipeline is over', 300, `const p = pipeline('quotes', []); p.run(forever).catch(() => {}); p.close({ graceMs: 300 }).then((left) => console.log(left + ' left'))`, ['1 left']],
  ])('lives until %s', async (_what, ms, code, lines) => {
    const { printed, complained, exitCode, ranMs } = await child(`${imports}\n${code}`)
    expect({ printed, complained, exitCode }).toEqual({ printed: lines, complained: '', exitCode: 0 })
    expect(ranMs).toBeGreaterThanOrEqual(ms)
  })

  it('is not kept alive by a call that nothing can end', async () => {
    const { printed, aliveMs } = await child(`${imports}\npipeline('quotes', [bulkhead({ slots: 1 })]).run(forever).then(console.log)`)
    expect(printed).toEqual([])
    expect(aliveMs).toBeLessThan(5_000)
  })
})
