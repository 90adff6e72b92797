import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { buildSync } from 'esbuild'
import { Problem } from './problem.ts'

/** A build of spillway, and what the tables call it. */
export interface Build {
  readonly name: string
  readonly version: string
  readonly folder: string
}

function sh(command: string, args: readonly string[], cwd: string, otherwise: string): string {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim()
  } catch {
    throw new Problem(otherwise) // what the command had to say stands above
  }
}

const quietly = ['--no-audit', '--no-fund', '--loglevel=error', '--fetch-retries=1']

/** Installs the package of the benches if what it asks for is not what is installed. @throws Problem without a network */
export function install(folder: string): void {
  const { dependencies } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as { dependencies: Record<string, string> }
  if (Object.entries(dependencies).every(([name, version]) => versionOf(`${folder}/node_modules/${name}`) === version)) return
  console.error('installing the other libraries, in bench/ only')
  sh('npm', ['ci', ...quietly], folder, 'npm could not install the other libraries')
}

function versionOf(folder: string): string | undefined {
  const file = `${folder}/package.json`
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version : undefined
}

/** The short hash of a revision, with a plus if it is the tree at hand and that is changed. */
export function revision(root: string, name: string): string {
  const hash = sh('git', ['rev-parse', '--short', `${name}^{commit}`], root, `git knows no revision "${name}"`)
  return name === 'HEAD' && sh('git', ['status', '--porcelain', '--', 'src'], root, 'git cannot tell whether src is changed') !== '' ? `${hash}+` : hash
}

/** Builds spillway as it is published, without its types, from the tree at hand or from a revision, and answers the folder. */
export function built(root: string, tree: string | { readonly revision: string, readonly into: string }, outDir: string): string {
  let from = root
  if (typeof tree !== 'string') {
    from = tree.into
    rmSync(from, { recursive: true, force: true })
    mkdirSync(from, { recursive: true })
    sh('git', ['archive', '--output', `${from}/tree.tar`, tree.revision], root, `git cannot write out ${tree.revision}`)
    sh('tar', ['-xf', 'tree.tar'], from, 'tar cannot read what git has written')
  }
  sh(`${root}/node_modules/.bin/tsup`, ['--no-dts', '--format', 'esm', '--out-dir', outDir], from, 'spillway could not be built')
  return outDir
}

/** Bundles what runs on the Node that is measured, which may not read TypeScript. */
export function bundled(folder: string, outdir: string): void {
  buildSync({
    entryPoints: [`${folder}/main.ts`, `${folder}/server.ts`], outdir, outExtension: { '.js': '.mjs' },
    bundle: true, platform: 'node', format: 'esm', target: 'es2022', packages: 'external', sourcemap: true, logLevel: 'warning',
  })
}

/** A Node of this major version: the one that runs this, or one from the registry, of some 200 MB. */
export function nodeBinary(major: string | undefined, cache: string): string {
  if (major === undefined || major === process.versions.node.split('.')[0]) return process.execPath
  const name = `node-${process.platform}-${process.arch}`
  const prefix = `${cache}/node-${major}`
  const binary = `${prefix}/node_modules/${name}/bin/node`
  if (!existsSync(binary)) {
    console.error(`getting Node ${major}, once`)
    mkdirSync(cache, { recursive: true })
    sh('npm', ['install', '--no-save', ...quietly, '--prefix', prefix, `${name}@${major}`], cache, `npm could not get Node ${major} (${name}@${major})`)
  }
  return binary
}
