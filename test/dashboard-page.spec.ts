import { resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { script, style } from '../src/dashboard/page.generated.ts'
import { root } from './support/package.ts'
import { generatedPage } from './support/page.ts'

describe('dashboard page', () => {
  it('is made from its sources (npm run page:write)', async () => {
    await expect(await generatedPage()).toMatchFileSnapshot(resolve(root, 'src/dashboard/page.generated.ts'))
  })

  it('is at most 30 kB gzipped, all that it needs included', () => {
    const kB = gzipSync(style + script, { level: 9 }).length / 1_000
    console.log(`page: ${kB.toFixed(1)} kB gzipped`)
    expect(kB).toBeLessThanOrEqual(30)
  })

  it('asks for nothing from elsewhere, and cannot end its own elements', () => {
    expect(style).not.toMatch(/@import|url\((?!#)/)
    expect(script.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:\/\//)
    expect(script).not.toMatch(/<\/script/i)
    expect(style).not.toMatch(/<\/style/i)
    expect(script).not.toMatch(/innerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/)
  })
})
