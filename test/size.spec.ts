import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { afterAll, describe, expect, it } from 'vitest'
import { root } from './support/package.ts'

/** kB (1000 bytes) of a user's bundle, minified and gzipped: what is allowed, and what it should come to. */
const budgets = [
  { code: "export { pipeline, retry } from 'spillway'", budget: 20.9, goal: 3 },
  { code: "export { pipeline, retry, breaker, timeout } from 'spillway'", budget: 28.2, goal: 4.5 },
  { code: "export * from 'spillway'", budget: 45.1, goal: 9 },
  { code: "export * from 'spillway/fetch'", budget: 38.4 },
]

async function size(code: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: root },
    bundle: true, minify: true, write: false, format: 'esm', target: 'es2022', absWorkingDir: root, logLevel: 'silent',
  })
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).length / 1000
}

describe('size', () => {
  const table: object[] = []
  afterAll(() => console.table(table))

  it.each(budgets)('$code stays below $budget kB', async ({ code, budget, goal }) => {
    const kB = await size(code)
    table.push({ code, kB: Number(kB.toFixed(2)), budget, goal })
    expect(kB).toBeLessThanOrEqual(budget)
  })
})
