import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Pipeline } from 'spillway'
import { expect } from 'vitest'
import { root } from './package.ts'

const page = resolve(root, 'examples/clients/README.md')

/** The row of a client in the table of examples/clients/README.md says just what was measured. */
export function expectRow(client: string, ...measured: readonly string[]): void {
  const rows = readFileSync(page, 'utf8').split('\n')
  expect(rows.find((row) => row.startsWith(`| [${client}]`))).toBe(`| [${client}](${client}.ts) | ${measured.join(' | ')} |`)
}

/** How something ended: the signal's own reason, or an error by class and code. */
export function ended(error: unknown, signal?: AbortSignal): string {
  if (signal !== undefined && error === signal.reason) return 'the reason of the signal'
  const { name, code } = error as { name: string; code?: string | number }
  return code === undefined ? name : `${name} ${code}`
}

/** Whether a promise is still pending after so many ms. */
export async function waitsLonger(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const late = Symbol('late')
  const first = await Promise.race([promise.catch(() => {}), new Promise((done) => setTimeout(done, ms, late))])
  return first === late
}

/** How many ms it takes until the work of a pipeline has ended and its slots are free. At most 5 s. */
export async function freeAfter(pipeline: Pipeline): Promise<number> {
  const began = performance.now()
  while (pipeline.inFlight > 0 && performance.now() - began < 5_000) await new Promise((done) => setTimeout(done, 5))
  return performance.now() - began
}
