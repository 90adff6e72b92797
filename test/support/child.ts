import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { root } from './package.ts'

export interface Child {
  /** What it printed, line by line. */
  readonly printed: string[]
  /** What it wrote to stderr: warnings, unhandled rejections. */
  readonly complained: string
  readonly exitCode: number
  /** From the first statement of its module to its exit. */
  readonly ranMs: number
  /** From its last statement to its exit. */
  readonly aliveMs: number
}

/** Runs a module in a process of its own, as the examples are: `spillway` means src. It is stopped after 15 s, or what is said. */
export async function child(code: string, flags: readonly string[] = [], timeoutMs = 15_000): Promise<Child> {
  const source = `const began = performance.now()
    ${code}
    const ended = performance.now()
    process.on('exit', () => console.log('alive', performance.now() - began, performance.now() - ended))`
  const { stdout, stderr, exitCode } = await promisify(execFile)(
    process.execPath,
    [...flags, '--import', './test/support/ts.js', '--input-type=module', '--eval', source],
    { cwd: root, timeout: timeoutMs },
  ).then(
    (output) => ({ ...output, exitCode: 0 }),
    (error: { stdout: string; stderr: string; code: number | null }) => ({ stdout: error.stdout, stderr: error.stderr, exitCode: error.code ?? NaN }),
  )
  const lines = stdout.split('\n').filter((line) => line !== '')
  const alive = lines.find((line) => line.startsWith('alive '))
  return {
    printed: lines.filter((line) => line !== alive),
    complained: stderr,
    exitCode,
    ranMs: Number(alive?.split(' ')[1]),
    aliveMs: Number(alive?.split(' ')[2]),
  }
}
