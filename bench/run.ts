// `npm run bench -- [words of rows…] [--quick] [--node 24] [--against <rev>]`
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { built, installed, nodeBinary, revision } from './builds.ts'
import type { Configuration } from './main.ts'
import { write } from './report.ts'
import type { Results } from './results.ts'

const root = resolve(import.meta.dirname, '..')
const benchFolder = import.meta.dirname
const cache = `${benchFolder}/node_modules/.cache/bench`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, node: { type: 'string' }, against: { type: 'string' } },
})

installed(benchFolder)
mkdirSync(cache, { recursive: true })
const builds = [{ name: 'spillway', version: revision(root, 'HEAD'), folder: built(root, root, `${cache}/ours`) }]
if (values.against !== undefined) {
  const hash = revision(root, values.against)
  builds.push({ name: `spillway at ${values.against}`, version: hash, folder: built(root, { revision: hash, into: `${cache}/tree` }, `${cache}/theirs`) })
}
await build({
  entryPoints: [`${benchFolder}/main.ts`], outfile: `${cache}/main.mjs`,
  bundle: true, platform: 'node', format: 'esm', target: 'es2022', packages: 'external', logLevel: 'warning',
})
const output = `${cache}/results.json`
const configuration: Configuration = { benchFolder, output, quick: values.quick, filters: positionals, builds }
const node = values.node === undefined ? process.execPath : nodeBinary(values.node, cache)
// The nursery has its full size from the start: how it grows otherwise depends on what ran before.
const flags = ['--expose-gc', '--min-semi-space-size=16', '--no-warnings']
const { status } = spawnSync(node, [...flags, `${cache}/main.mjs`, JSON.stringify(configuration)], { stdio: 'inherit', cwd: root })
if (status !== 0) process.exit(status ?? 1)
write(JSON.parse(readFileSync(output, 'utf8')) as Results, values.against === undefined && positionals.length === 0 && !values.quick ? `${benchFolder}/results` : undefined)
