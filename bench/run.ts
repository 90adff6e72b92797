// `npm run bench`; `npm run bench -- --help` says what may follow.
import { mkdirSync } from 'node:fs'
import type { Profiler } from 'node:inspector'
import { resolve } from 'node:path'
import { type Build, built, bundled, install, nodeBinary, revision } from './builds.ts'
import { child } from './child.ts'
import { list, type Options, optionsOf, usage } from './cli.ts'
import { comparison } from './comparison.ts'
import { keep } from './keep.ts'
import { Problem } from './problem.ts'
import { profileOf } from './profile.ts'
import { pageOf } from './report.ts'
import type { Results } from './results.ts'

const folder = import.meta.dirname
const root = resolve(folder, '..')
const PROCESSES = 8
const nodes = `${folder}/node_modules/.cache/bench`

function peers({ full, profile, against }: Options): void {
  if (profile || against !== undefined) return
  try {
    install(folder)
  } catch (error) {
    if (full || !(error instanceof Problem)) throw error
    console.error(`${error.message}: spillway is measured alone`)
  }
}

function buildsOf({ against }: Options, cache: string): Build[] {
  const ours = { name: 'spillway', version: revision(root, 'HEAD'), folder: built(root, root, `${cache}/ours`) }
  if (against === undefined) return [ours]
  const version = revision(root, against)
  return [ours, { name: `spillway at ${against}`, version, folder: built(root, { revision: version, into: `${cache}/tree` }, `${cache}/theirs`) }]
}

function main(options: Options): void {
  if (options.help) return console.log(`${usage}\n\n${list()}`)
  peers(options)
  const binaries = options.nodes.map((major) => nodeBinary(major, nodes))
  // Runs on several Nodes may overlap.
  const cache = `${nodes}/run-${options.nodes.map((major) => major ?? 'here').join('-')}`
  mkdirSync(cache, { recursive: true })
  const builds = buildsOf(options, cache)
  bundled(folder, cache)
  for (const binary of binaries) {
    const { quick, profile, against, rows, parts, full } = options
    const rounds = (quick ? 1 : 3) * (against === undefined ? 25 : 10)
    const start = performance.now()
    const run = (order: readonly Build[]): unknown =>
      child(binary, { benchFolder: folder, cache, rounds, quick, rows, parts, profiled: profile, builds: order })
    if (profile) {
      const found = run(builds) as Profiler.Profile | undefined
      if (found !== undefined) console.log(profileOf(found, root))
    } else if (against === undefined) {
      const results = run(builds) as Results | undefined
      if (results === undefined) continue
      console.log(`\n${pageOf(results)}`)
      if (full) keep(results, folder)
    } else {
      // Which of two equal builds comes out better is mostly the luck of one process: how its code happened to be compiled. And who is
      // loaded first is a few per cent slower. So many processes, each of few rounds.
      const processes = Array.from({ length: PROCESSES }, (_, n) => run(n % 2 === 0 ? builds : builds.toReversed()) as Results | undefined)
      if (processes.every((one) => one !== undefined)) console.log(`\n${comparison(processes, builds[1]!.name)}`)
    }
    console.error(`took ${((performance.now() - start) / 60_000).toFixed(1)} min`)
  }
}

try {
  main(optionsOf(process.argv.slice(2)))
} catch (error) {
  if (!(error instanceof Problem)) throw error
  console.error(error.message)
  process.exitCode = 2
}
