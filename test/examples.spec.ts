import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { root } from './support/package.ts'

const folder = resolve(root, 'examples')
const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.ts')) : []

/** The lines promised by the comment that ends an example: `// prints: one`, or `// prints:` with a `// line` each. */
function promised(source: string): string[] {
  const block = /\n\/\/ prints:.*(\n\/\/.*)*\s*$/.exec(source)?.[0] ?? ''
  return block.split('\n').map((line) => line.replace(/^\/\/( prints:)?/, '').trim()).filter((line) => line !== '')
}

describe('examples', () => {
  it.each(files)('%s runs and prints what it says', { timeout: 20_000 }, async (file) => {
    const path = resolve(folder, file)
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', './test/support/ts.js', path], { cwd: root, timeout: 15_000 })
    for (const line of promised(readFileSync(path, 'utf8'))) expect.soft(stdout).toContain(line)
  })

  it('say at their end what they print', () => {
    expect(promised('run()\n\n// prints: one\n// prints: two\n')).toEqual(['one', 'two'])
    expect(promised('run()\n// prints:\n// one\n//   two\n')).toEqual(['one', 'two'])
    expect(promised('\n// prints: not at the end\nrun()\n')).toEqual([])
  })
})
