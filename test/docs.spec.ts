import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readmeOf } from '../bench/keep.ts'
import { usage } from '../bench/cli.ts'
import { root } from './support/package.ts'
import { cut, withSnippets } from './support/snippets.ts'

const pages = [...readdirSync(root), ...readdirSync(resolve(root, 'src'), { recursive: true, encoding: 'utf8' }).map((file) => `src/${file}`)]
  .filter((file) => /(^|\/)README\.md$/.test(file))
  .toSorted()

describe('docs', () => {
  it.each(pages)('%s: shows only code that runs (npm run docs:write)', async (page) => {
    const file = resolve(root, page)
    await expect(withSnippets(readFileSync(file, 'utf8'))).toMatchFileSnapshot(file)
  })

  it('bench/README.md: the goals are those of the results, the commands those of --help (npm run docs:write)', async () => {
    const folder = resolve(root, 'bench')
    const page = readmeOf(folder)
    expect(page).toContain(usage)
    await expect(page).toMatchFileSnapshot(`${folder}/README.md`)
  })

  const source = ['{', '  // #region a', '  one()', '', '  // #region b', '    two()', '  // #endregion b', '  // #endregion a', '}'].join('\n')

  it('cut a snippet by its region, without indentation and inner regions', () => {
    expect(cut(source, 'a')).toBe('one()\n\n  two()')
    expect(cut(source, 'b')).toBe('two()')
    expect(() => cut(source, 'c')).toThrow('no region "c"')
  })

  it('write a snippet below its marker', () => {
    const page = (code: string): string => `# Page\n\n<!-- from examples/x.ts#b -->\n\`\`\`ts\n${code}\`\`\`\n\n\`\`\`sh\nnpm test\n\`\`\`\n`
    expect(withSnippets(page('stale()\n'), () => source)).toBe(page('two()\n'))
    expect(withSnippets(page(''), () => source)).toBe(page('two()\n'))
  })

  it('accept no snippet without its marker', () => {
    expect(() => withSnippets('text\n\n```ts\none()\n```\n')).toThrow('one()')
  })
})
