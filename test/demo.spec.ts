import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { root } from './support/package.ts'

/** The two values of the table's row with this label. */
function row(output: string, label: string): string[] {
  const table = output.slice(output.search(/^ +bare fetch +spillway$/m)).split('\n')
  const line = table.find((text) => text.startsWith(` ${label}  `))
  return line?.slice(label.length + 1).trim().split(/ {2,}/) ?? []
}

describe('demo', () => {
  let output = ''
  let tookMs = Infinity
  let seen = ''

  beforeAll(async () => {
    const start = performance.now()
    // It rejects unless the exit code is 0.
    const running = promisify(execFile)(
      process.execPath,
      ['--import', './test/support/ts.js', 'examples/demo/main.ts', '--quick'],
      { cwd: root, timeout: 30_000 },
    )
    // Looks on to the end, which must come all the same.
    let looking: Promise<void> | undefined
    running.child.stdout?.on('data', (text: string) => {
      const url = /picture of .*: (http\S+)/.exec(text)?.[1]
      if (url !== undefined) looking = look(url)
    })
    const { stdout, stderr } = await running
    await looking
    tookMs = performance.now() - start
    output = stdout
    expect(stderr).toBe('')
  }, 35_000)

  async function look(url: string): Promise<void> {
    const { body } = await fetch(`${url}?stream=`)
    for await (const frame of body!.pipeThrough(new TextDecoderStream())) seen += frame
  }

  it('ends by itself, in less than 20 s with --quick', () => {
    expect(tookMs).toBeLessThan(20_000)
  })

  it('serves the dashboard beside it and says where', () => {
    expect(output).toMatch(/^ A live picture of the side with spillway: http:\/\/127\.0\.0\.1:\d+\/$/m)
    expect(seen).toMatch(/^data: .*"id":"quotes"/m)
  })

  it('writes no escape codes where nobody looks on', () => {
    expect(output).not.toContain('\x1b')
  })

  it('says each second how each side fares', () => {
    expect(output).toMatch(/^ *1 s good +bare fetch .*\n *1 s good +spillway .*$/m)
    expect(output).toMatch(/ s recovering spillway .* (closed|open|halfOpen)$/m)
  })

  it.each([
    'calls', 'success', '  while good', '  while slow', '  while failing', '  while overloaded', '  while recovering',
    'answered within 1 s, well or not', 'latency of all calls, p50', 'latency of all calls, p99',
    'latency of successes, p50', 'latency of successes, p99', 'requests that reached the service', '  per call',
    'time to recover: to 1.7 s at 95 % or more', 'breaker openings',
  ])('its table says for both sides: %s', (label) => {
    expect(row(output, label)).toEqual([expect.stringMatching(/\d|–|at once/), expect.stringMatching(/\d|at once/)])
  })

  it('makes the same calls on both sides', () => {
    const [bare, spillway] = row(output, 'calls')
    expect(Number(bare?.replace(',', ''))).toBeGreaterThan(500)
    expect(spillway).toBe(bare)
  })
})
