// What `run.ts` starts, bundled, on the Node that is to be measured, with a configuration as JSON: it measures and writes the results as JSON.
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { pathToFileURL } from 'node:url'
import type { Row, Subject } from './case.ts'
import { bytesPerCall, promisesPerCall } from './cost.ts'
import { type Case, measure, warm } from './harness.ts'
import { loadPeers } from './peers/load.ts'
import { bare, floor } from './peers/floor.ts'
import { type Library, spillway } from './peers/spillway.ts'
import { type Proof, prove } from './proof.ts'
import type { Measured, Results } from './results.ts'
import { rows } from './rows.ts'
import { workOf } from './work.ts'

export interface Configuration {
  readonly benchFolder: string
  readonly output: string
  readonly quick: boolean
  readonly filters: readonly string[]
  /** Builds of spillway: ours first, then the one it is compared with. */
  readonly builds: readonly { readonly name: string, readonly version: string, readonly folder: string }[]
}

const INSTANCES = 4
const { builds, benchFolder, output, quick, filters } = JSON.parse(process.argv[2]!) as Configuration
const log = (line: string): void => void process.stderr.write(`${line}\n`)

const ours: Subject[] = []
for (const { name, version, folder } of builds) ours.push(spillway((await import(pathToFileURL(`${folder}/index.js`).href)) as Library, name, version))
const peers = builds.length > 1 ? { subjects: [], missing: [] } : await loadPeers(benchFolder)
for (const line of peers.missing) log(`not measured: ${line}`)
const subjects = [bare, floor, ...ours, ...peers.subjects]

const instances = (row: Row, subject: Subject): Case | undefined => {
  const make = subject.rows[row.name]
  if (make === undefined) return undefined
  const work = workOf(row)
  const calls = Array.from({ length: INSTANCES }, () => make(work(), work))
  return { name: subject.name, calls, atOnce: row.atOnce ?? 1, ends: row.ends === 'made' ? 'at once' : row.ends === 'failure' || row.ends === 'refusal' ? 'rejects' : 'resolves' }
}

const chosen = rows.filter((row) => !(quick && row.long) && (filters.length === 0 || filters.some((part) => row.name.includes(part) || row.group.includes(part))))
const table = chosen.map((row) => ({ row, cases: subjects.flatMap((subject) => instances(row, subject) ?? []) }))

log(`warming up ${table.reduce((sum, { cases }) => sum + cases.length, 0)} cases`)
for (const ms of [20, 10]) for (const { cases } of table) for (const one of cases) await warm(one, ms)

let proof: Proof | undefined
const known = instances(rows.find(({ name }) => name === 'breaker: failure ratio over time')!, ours[0]!)!
await warm(known)
for (const rounds of [60, 120, 240]) {
  proof = await prove(known, rounds)
  log(`the same twice: ${proof.same.median.toFixed(3)}; with 10 % more work: ${proof.dearer.median.toFixed(3)}`)
  if (proof.holds) break
}
if (!proof?.holds) {
  log('This machine is too noisy now: the harness cannot tell 10 % from nothing. Nothing is reported.')
  process.exit(3)
}

const measured: Measured[] = []
for (const { row, cases } of table) {
  const rounds = quick ? 25 : 60
  const timings = await measure(cases, row.atOnce === undefined ? rounds : Math.ceil(rounds / 2))
  for (const [n, { samples }] of timings.entries()) {
    const one = cases[n]!
    measured.push({ row: row.name, group: row.group, subject: one.name, samples, bytes: await bytesPerCall(one), promises: 0 })
  }
  log(`${row.name}: ${cases.map(({ name }, n) => `${name} ${Math.round(timings[n]!.median)}`).join(', ')} ns`)
}
// Last, because counting them takes optimised code apart.
for (const [at, one] of table.flatMap(({ cases }) => cases).entries()) {
  measured[at] = { ...measured[at]!, promises: await promisesPerCall(one.calls[0]!) }
}

const results: Results = {
  date: new Date().toISOString(),
  node: process.version,
  v8: process.versions.v8,
  machine: `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${process.platform} ${process.arch}`,
  subjects: [...ours, ...peers.subjects].map(({ name, version }) => ({ name, version })),
  missing: peers.missing,
  quick,
  proof,
  measured,
}
writeFileSync(output, JSON.stringify(results))
process.exit(0) // opossum keeps timers
