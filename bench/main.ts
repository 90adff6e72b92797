// What `run.ts` starts, bundled, on the Node that is to be measured, with a configuration as JSON: it measures and writes the results as JSON.
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { pathToFileURL } from 'node:url'
import type { Call, Row, Subject } from './case.ts'
import type { Configuration } from './child.ts'
import { bytesPerCall, promisesPerCall } from './cost.ts'
import { facts } from './facts.ts'
import { growth } from './growth.ts'
import { type Case, measure, warm } from './harness.ts'
import { type FetchLibrary, http } from './http.ts'
import { loadPeers } from './peers/load.ts'
import { bare, floor } from './peers/floor.ts'
import { hand } from './peers/hand.ts'
import { type Library, spillway } from './peers/spillway.ts'
import { type Metrics, watched } from './peers/watched.ts'
import { profile } from './profiler.ts'
import { type Proof, prove } from './proof.ts'
import type { Measured, Results } from './results.ts'
import { rows } from './rows.ts'
import { workOf } from './work.ts'

const INSTANCES = 4
const { builds, benchFolder, cache, quick, rounds, rows: chosen, parts, profiled } = JSON.parse(process.argv[2]!) as Configuration
const done = (found: unknown): never => {
  writeFileSync(`${cache}/found.json`, JSON.stringify(found))
  process.exit(0) // opossum keeps timers
}
const log = (line: string): void => void process.stderr.write(`${line}\n`)

const file = (name: string, folder: string): string => pathToFileURL(`${folder}/${name}.js`).href
const ours: Subject[] = []
for (const { name, version, folder } of builds) ours.push(spillway((await import(file('index', folder))) as Library, name, version))
const peers = builds.length > 1 || profiled ? { subjects: [], missing: [] } : await loadPeers(benchFolder)
for (const line of peers.missing) log(`not measured: ${line}`)
const recorded = builds.length === 1 && !profiled
  ? [watched((await import(file('index', builds[0]!.folder))) as Library, (await import(file('metrics', builds[0]!.folder))) as Metrics, builds[0]!.version)]
  : []
const subjects = profiled ? ours : [bare, floor, hand, ...ours, ...recorded, ...peers.subjects]

// A rejection that a library forgets would end this process, as it would end yours.
let at = '' // what is running
process.on('unhandledRejection', (error) => log(`${at}: unhandled: ${String(error)}`))

const instances = (row: Row, subject: Subject): Case | undefined => {
  const make = subject.rows[row.name]
  if (make === undefined) return undefined
  const work = workOf(row)
  let calls: Call[]
  try {
    calls = Array.from({ length: INSTANCES }, () => make(work(), work))
  } catch (error) {
    // Another revision may not have all policies.
    if (builds.length === 1) throw error
    log(`not measured: ${row.name}, ${subject.name}: ${String(error)}`)
    return undefined
  }
  return { name: subject.name, calls, atOnce: row.atOnce ?? 1, ends: row.ends === 'made' ? 'at once' : row.work === 'fails' || row.ends === 'refusal' ? 'rejects' : 'resolves' }
}

const table = rows.filter(({ name }) => chosen.includes(name)).map((row) => ({ row, cases: subjects.flatMap((subject) => instances(row, subject) ?? []) }))

log(`warming up ${table.reduce((sum, { cases }) => sum + cases.length, 0)} cases`)
for (const ms of [60, 40]) {
  for (const { row, cases } of table) {
    for (const one of cases) {
      at = `${row.name}, ${one.name}`
      await warm(one, ms).catch((error: unknown) => {
        throw new Error(`${at}: ends otherwise than it should`, { cause: error })
      })
    }
  }
}

if (profiled) {
  done(await profile(async () => {
    for (const { cases } of table) for (const one of cases) await warm(one, 4_000)
  }))
}

let proof: Proof | undefined
const known = instances(rows.find(({ name }) => name === 'breaker: failure ratio over time')!, ours[0]!)!
await warm(known)
for (const often of [60, 120, 240]) {
  proof = await prove(known, often)
  log(`the same twice: ${proof.same.median.toFixed(3)}; with 10 % more work: ${proof.dearer.median.toFixed(3)}`)
  if (proof.holds) break
}
if (!proof?.holds) {
  log('This machine is too noisy now: the harness cannot tell 10 % from nothing. Nothing is reported.')
  process.exit(3)
}

const measured: Measured[] = []
for (const { row, cases } of table) {
  at = row.name
  const timings = await measure(cases, row.atOnce === undefined ? rounds : Math.ceil(rounds / 2))
  for (const [n, { samples }] of timings.entries()) {
    const one = cases[n]!
    measured.push({ row: row.name, group: row.group, subject: one.name, samples, bytes: await bytesPerCall(one), promises: 0 })
  }
  log(`${row.name}: ${cases.map(({ name }, n) => `${name} ${Math.round(timings[n]!.median)}`).join(', ')} ns`)
}
const { folder } = builds[0]!
const library = (await import(file('index', folder))) as Library
const series = parts.includes('growth') ? await growth(library, quick, log) : undefined
const counted = parts.includes('facts') ? await facts(library) : undefined
const served = parts.includes('http')
  ? await http((await import(file('fetch', folder))) as FetchLibrary, `${cache}/server.mjs`, quick, log).catch((error: unknown) => log(`HTTP could not be measured: ${String(error)}`))
  : undefined
// Last, because this takes optimised code apart.
for (const [n, one] of table.flatMap(({ cases }) => cases).entries()) {
  measured[n] = { ...measured[n]!, promises: await promisesPerCall(one.calls[0]!) }
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
  ...(series && { growth: series }),
  ...(counted && { facts: counted }),
  ...(served && { http: served }),
}
done(results)
