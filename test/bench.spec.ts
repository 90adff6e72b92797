import { readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import * as library from 'spillway'
import * as metrics from 'spillway/metrics'
import { afterAll, describe, expect, it } from 'vitest'
import type { Row, Subject, Work } from '../bench/case.ts'
import { bare, floor } from '../bench/peers/floor.ts'
import { hand } from '../bench/peers/hand.ts'
import { loadPeers } from '../bench/peers/load.ts'
import { spillway } from '../bench/peers/spillway.ts'
import { watched } from '../bench/peers/watched.ts'
import { rows } from '../bench/rows.ts'
import { estimate, median } from '../bench/statistics.ts'
import { optionsOf } from '../bench/cli.ts'
import { comparison } from '../bench/comparison.ts'
import { goals } from '../bench/goals.ts'
import { tableOfGoals } from '../bench/keep.ts'
import { profileOf } from '../bench/profile.ts'
import type { Measured, Results } from '../bench/results.ts'
import { ANSWER, workOf } from '../bench/work.ts'
import { root } from './support/package.ts'

// What is timed must do what its label says: nothing here looks at a clock.
const { subjects, missing } = await loadPeers(resolve(root, 'bench'))
const unhandled: unknown[] = []
const listener = (error: unknown): void => void unhandled.push(error)
process.on('unhandledRejection', listener)
afterAll(() => {
  process.off('unhandledRejection', listener)
  expect(unhandled).toEqual([])
})

interface Seen {
  readonly runs: number
  readonly end: { readonly value: unknown } | { readonly error: unknown }
}

async function once(row: Row, subject: Subject): Promise<Seen> {
  let runs = 0
  const script = (): Work => {
    const work = workOf(row)()
    return (context) => {
      runs++
      return work(context)
    }
  }
  const call = subject.rows[row.name]!(script(), script)
  const end = await (async () => ({ value: await call() }))().catch((error: unknown) => ({ error }))
  return { runs, end }
}

/** Whether the policy that the row is about has refused; other libraries do not say which one has. */
const isOf = ({ name }: Row, error: Error): boolean =>
  !isDown(error) && (!(error instanceof library.RejectedError) || name.replaceAll(' ', '').toLowerCase().includes(String(error.policy).toLowerCase()))

const isDown = (error: unknown): boolean => error instanceof Error && (error.message === 'down' || isDown(error.cause))

describe.each([bare, floor, hand, spillway(library, 'spillway', 'src'), watched(library, metrics, 'src'), ...subjects])('bench: $name', (subject) => {
  it('says only rows that exist', () => {
    expect(Object.keys(subject.rows).filter((name) => !rows.some((row) => row.name === name))).toEqual([])
  })

  it.each(rows.filter(({ name }) => name in subject.rows))('$name', async (row) => {
    const { runs, end } = await once(row, subject)
    const { ends = 'answer', name } = row
    if (ends === 'made') {
      expect(end).toEqual({ value: expect.any(Object) as unknown })
      expect(runs).toBe(0)
      return
    }
    expect(runs).toBe(row.runs ?? 1)
    if (subject === bare || subject === floor || subject === hand) return
    if (ends === 'failure') expect('error' in end && isDown(end.error)).toBe(true)
    else if (ends === 'refusal') expect('error' in end && end.error instanceof Error && isOf(row, end.error)).toBe(true)
    else if (ends === 'told') expect(end).toMatchObject({ value: runs === 1 && row.work !== 'fails' ? { ok: true, value: ANSWER } : { ok: false, error: expect.any(Error) as unknown } })
    else expect(end).toEqual({ value: name === 'fallback answers' || row.runs === 0 ? 'instead' : ANSWER })
  })
})

describe('bench', () => {
  it.skipIf(missing.length === 0)(`skips what is not installed: ${missing.join('; ')}`, (context) => context.skip())

  it('has spillway in every row', () => {
    const { rows: ours } = spillway(library, 'spillway', 'src')
    expect(rows.map(({ name }) => name).filter((name) => !(name in ours))).toEqual([])
  })

  it('has a row for each policy alone', () => {
    const policies = readdirSync(resolve(root, 'src'), { recursive: true, encoding: 'utf8' }).flatMap((file) => /^([a-z-]+)\/(?:guard|layer)\.ts$/.exec(file)?.[1] ?? [])
    const alone = rows.filter(({ group }) => group === 'one policy, the call succeeds')
    expect(policies.length).toBeGreaterThan(8)
    expect(policies.filter((policy) => !alone.some(({ name }) => name.startsWith(policy.replace('-', ' '))))).toEqual([])
  })

  it('says a median and where it may lie', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 2, 3])).toBe(2.5)
    const { median: middle, low, high } = estimate(Array.from({ length: 101 }, (_, n) => n))
    expect(middle).toBe(50)
    expect([low, high]).toEqual([40, 60])
  })
})

describe('bench: the command line', () => {
  const count = (args: string[]): number => optionsOf(args).rows.length

  it('measures everything unless it is told what', () => {
    expect(optionsOf([])).toEqual({ help: false, quick: false, profile: false, against: undefined, nodes: [undefined], rows: rows.map(({ name }) => name), parts: ['growth', 'facts', 'http'], full: true })
    expect(optionsOf(['--quick'])).toMatchObject({ full: false, parts: ['growth', 'facts', 'http'] })
    expect(count(['--quick'])).toBe(rows.filter(({ long }) => long !== true).length)
    expect(optionsOf(['--against', 'v1'])).toMatchObject({ against: 'v1', parts: [], full: false })
    expect(count(['--against', 'v1'])).toBe(rows.length)
  })

  it('finds rows by words of their names and groups, long ones too, and parts by name', () => {
    expect(optionsOf(['Open Breaker', 'http'])).toMatchObject({ rows: ['open breaker', 'open breaker, told', 'five with an open breaker'], parts: ['http'], full: false })
    expect(count(['--quick', '1 000 keys'])).toBe(2)
    expect(count(['refused'])).toBe(rows.filter(({ group }) => group === 'the call is refused').length)
    expect(count(['growth'])).toBe(0)
  })

  it('takes several Nodes, and keeps a full run on each', () => {
    expect(optionsOf(['--node', '20,v22, 24'])).toMatchObject({ nodes: ['20', '22', '24'], full: true })
  })

  it.each([
    [['opne'], 'No row or part is called "opne". There are:\n\none policy, the call succeeds:\n  nothing\n'],
    [['--nod', '24'], "Unknown option '--nod'\n\nnpm run bench"],
    [['--node'], "Option '--node <value>' argument missing\n\nnpm run bench"],
    [['--node', '24.1'], '--node takes major versions, such as 24 or 22,24, and not "24.1"'],
    [['--profile'], '--profile wants words'],
    [['--profile', 'five', 'http'], '--profile wants words'],
    [['--against', 'HEAD', 'growth'], '--against compares rows only'],
    [['--against', 'HEAD', '--profile', 'five'], '--against compares rows only'],
  ])('says what is wrong with %j', (args, said) => {
    expect(() => optionsOf(args)).toThrow(said)
  })

  it('says in one table which goals are met on which Node', () => {
    const met = { goal: 'less', measured: '1', met: true }
    const missed = { goal: 'more', measured: '2', met: false }
    expect(tableOfGoals([{ node: 'v20.1.0', date: '2026-01-02T03:04', goals: [met] }, { node: 'v24.0.1', date: '2026-01-03T03:04', goals: [met, missed] }])).toBe([
      '| goal | [Node 20.1.0](results/node-20.md), 2026-01-02 | [Node 24.0.1](results/node-24.md), 2026-01-03 |',
      '| --- | --: | --: |',
      '| less | 1 | 1 |',
      '| more |  | **2** |',
    ].join('\n'))
  })
})

describe('bench: what a run says', () => {
  const measured = (row: string, subject: string, ns: number, bytes = 0): Measured => ({ row, group: '', subject, samples: [ns, ns, ns], bytes, promises: 1 })
  const results = (all: readonly Measured[], more: Partial<Results> = {}): Results => {
    const one = { median: 1, low: 1, high: 1 }
    return { date: '', node: 'v20.1.0', v8: '', machine: '', subjects: [], missing: [], quick: false, proof: { same: one, dearer: one, holds: true }, measured: all, ...more }
  }

  it('a goal is met or not, by the ratio to what stands in the same row', () => {
    const row = 'open breaker'
    const all = [measured(row, 'floor', 100), measured(row, 'spillway', 200), measured(row, 'opossum', 599), measured(row, 'effect', 600)]
    expect(goals(results(all, { facts: { idleBreakerBytes: 1_001, idlePipelineBytes: 5_000, timers: 1 } }))).toEqual([
      { goal: 'refusal by `run` ≤ 2 × a rejected promise', measured: '2.00 ×', met: true },
      { goal: 'refusal by `run` ≥ 3 × ahead of: opossum', measured: '3.00 ×', met: false },
      { goal: 'refusal by `run` ≥ 3 × ahead of: effect', measured: '3.00 ×', met: true },
      { goal: 'an idle breaker ≤ 1 000 bytes', measured: '1001 bytes', met: false },
      { goal: '10⁵ calls in flight use one real timer', measured: '1', met: true },
    ])
  })

  it('one build is called slower than another if no process sees the contrary', () => {
    const process = (ours: number) => results([measured('nothing', 'spillway', ours), measured('nothing', 'old', 100)])
    const said = (...all: number[]): string => comparison(all.map(process), 'old').split('\n').at(-2)!
    expect(said(105, 101, 104)).toBe('| nothing | 105 | 100 | 1.04 | 1.01 to 1.05 | **slower** | 0 (0) | 1 (1) |')
    expect(said(120, 99, 120)).toContain('| 1.20 | 0.99 to 1.20 |  |')
    expect(said(90, 95, 99)).toContain('| 0.95 | 0.90 to 0.99 | faster |')
    expect(said(98, 98, 98)).toContain('| 0.98 | 0.98 to 0.98 |  |')
  })

  it('a profile names the functions, and the lines of files', () => {
    const node = (functionName: string, url: string, hitCount: number) =>
      ({ id: 1, callFrame: { functionName, url, scriptId: '', lineNumber: 3, columnNumber: 0 }, hitCount, positionTicks: url === '' ? [] : [{ line: 1, ticks: hitCount }] })
    const table = profileOf({ nodes: [node('(idle)', '', 100), node('(program)', '', 1), node('once', import.meta.url, 3)], startTime: 0, endTime: 0 }, root)
    expect(table.split('\n').filter((line) => / \d+\.\d \|$/.test(line))).toEqual([
      '| once | test/bench.spec.ts:4 | 75.0 |',
      '| (program) |  | 25.0 |',
      "| `import { readdirSync } from 'node:fs'` | test/bench.spec.ts:1 | 75.0 |",
    ])
  })
})
