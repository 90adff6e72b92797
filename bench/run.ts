// `npm run bench -- [words of rows, or growth, facts, http] [--quick] [--node 24] [--against <rev>] [--profile]`
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { built, installed, nodeBinary, revision } from './builds.ts'
import type { Configuration } from './main.ts'
import { comparison } from './comparison.ts'
import { profileOf } from './profile.ts'
import { write } from './report.ts'
import type { Results } from './results.ts'

const root = resolve(import.meta.dirname, '..')
const benchFolder = import.meta.dirname
const nodes = `${benchFolder}/node_modules/.cache/bench`

const partNames = ['growth', 'facts', 'http'] as const
const isPart = (word: string): boolean => (partNames as readonly string[]).includes(word)

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, node: { type: 'string' }, profile: { type: 'boolean', default: false }, against: { type: 'string' } },
})

installed(benchFolder)
// Runs on several Nodes may overlap.
const cache = `${nodes}/run-${values.node ?? 'here'}`
mkdirSync(cache, { recursive: true })
const builds = [{ name: 'spillway', version: revision(root, 'HEAD'), folder: built(root, root, `${cache}/ours`) }]
if (values.against !== undefined) {
  const hash = revision(root, values.against)
  builds.push({ name: `spillway at ${values.against}`, version: hash, folder: built(root, { revision: hash, into: `${cache}/tree` }, `${cache}/theirs`) })
}
await build({
  entryPoints: [`${benchFolder}/main.ts`, `${benchFolder}/server.ts`], outdir: cache, outExtension: { '.js': '.mjs' },
  bundle: true, platform: 'node', format: 'esm', target: 'es2022', packages: 'external', logLevel: 'warning',
})
const node = values.node === undefined ? process.execPath : nodeBinary(values.node, nodes)
const output = `${cache}/results.json`
const all = positionals.length === 0 && values.against === undefined

function child(order: Configuration['builds'], ...more: string[]): void {
  const configuration: Configuration = {
    benchFolder, output, quick: values.quick, builds: order, profiled: values.profile, serverFile: `${cache}/server.mjs`,
    filters: positionals.length === 0 ? [''] : positionals.filter((word) => !isPart(word)),
    parts: all ? partNames : partNames.filter((part) => positionals.includes(part)),
  }
  // The nursery has its full size from the start: how it grows otherwise depends on what ran before. Collections that we ask for must not
  // throw away code that has not run for a while.
  const flags = ['--expose-gc', '--min-semi-space-size=16', '--no-flush-bytecode', '--no-warnings']
  const { status } = spawnSync(node, [...flags, ...more, `${cache}/main.mjs`, JSON.stringify(configuration)], { stdio: 'inherit', cwd: root })
  if (status !== 0) process.exit(status ?? 1)
}

function measured(order: Configuration['builds']): Results {
  child(order)
  return JSON.parse(readFileSync(output, 'utf8')) as Results
}

if (values.profile) {
  const folder = `${cache}/profile`
  rmSync(folder, { recursive: true, force: true })
  child(builds, '--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=200')
  console.log(`\n${profileOf(folder)}\n\n${folder}`)
} else if (values.against === undefined) write(measured(builds), all && !values.quick ? `${benchFolder}/results` : undefined)
else {
  // Which of two equal builds comes out better is partly the luck of one process: how its code happened to be compiled. And who is loaded first
  // is a few per cent slower.
  const processes = [builds, builds.toReversed(), builds, builds.toReversed()].map(measured)
  console.log(`\n${comparison(processes, builds[1]!.name)}`)
}
