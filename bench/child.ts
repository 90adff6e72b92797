import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import type { Build } from './builds.ts'
import type { Part } from './cli.ts'

/** What `main.ts` is told. */
export interface Configuration {
  readonly benchFolder: string
  /** Where its own bundle lies, and where it writes what it has found. */
  readonly cache: string
  /** How often each case of a row is measured. */
  readonly rounds: number
  /** Growth and HTTP: fewer rounds, and less growth. */
  readonly quick: boolean
  /** Names of rows. */
  readonly rows: readonly string[]
  readonly parts: readonly Part[]
  /** Only spillway, for a long time, looked at by a profiler. */
  readonly profiled: boolean
  /** Builds of spillway. One: beside the other libraries. Two: the first beside the second. */
  readonly builds: readonly Build[]
}

// The nursery has its full size from the start: how it grows otherwise depends on what ran before. Collections that we ask for must not
// throw away code that has not run for a while.
const flags = ['--expose-gc', '--min-semi-space-size=16', '--no-flush-bytecode', '--no-warnings']

/** Runs `main.ts` on a Node, in a process of its own, and answers what it has found; nothing if it failed, which it has said itself. */
export function child(node: string, configuration: Configuration): unknown {
  const { cache } = configuration
  const output = `${cache}/found.json`
  rmSync(output, { force: true })
  const { status } = spawnSync(node, [...flags, `${cache}/main.mjs`, JSON.stringify(configuration)], { stdio: 'inherit' })
  if (status === 0) return JSON.parse(readFileSync(output, 'utf8'))
  process.exitCode = status ?? 1
  return undefined
}
