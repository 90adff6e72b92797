import { readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import * as library from 'spillway'
import * as metrics from 'spillway/metrics'
import { afterAll, describe, expect, it } from 'vitest'
import type { Row, Subject, Work } from '../bench/case.ts'
import { bare, floor } from '../bench/peers/floor.ts'
import { loadPeers } from '../bench/peers/load.ts'
import { spillway } from '../bench/peers/spillway.ts'
import { watched } from '../bench/peers/watched.ts'
import { rows } from '../bench/rows.ts'
import { estimate, median } from '../bench/statistics.ts'
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

describe.each([bare, floor, spillway(library, 'spillway', 'src'), watched(library, metrics, 'src'), ...subjects])('bench: $name', (subject) => {
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
    if (subject === bare || subject === floor) return
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
