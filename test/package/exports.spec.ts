import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { entries, root, withExports } from '../support/package.ts'

describe('package.json', () => {
  it('exports what is built (npm run exports:write)', async () => {
    await expect(`${JSON.stringify(withExports(), null, 2)}\n`).toMatchFileSnapshot(resolve(root, 'package.json'))
  })

  it.each(Object.entries(entries))('%s is built from a file that exists', (_specifier, file) => {
    expect(existsSync(resolve(root, file)), file).toBe(true)
  })
})
