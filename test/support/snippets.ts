import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { root } from './package.ts'

/**
 * A page with each of its snippets as the examples have it now. A snippet is a `ts` fence right after a line such as
 * `<!-- from examples/quotes.ts#first -->`; a `ts` fence without that line is an error, for nothing would run it.
 */
export function withSnippets(page: string, source: (file: string) => string = read): string {
  const marked = /(^<!-- from (\S+\.ts)#(\S+) -->\n```ts\n)[^]*?^```$/gm
  const unmarked = page.replaceAll(marked, '').match(/^.*```(ts|typescript)\b.*\n.*/m)
  if (unmarked !== null) throw new Error(`This fence lacks its "from examples/…" line:\n${unmarked[0]}`)
  return page.replaceAll(marked, (_snippet, head: string, file: string, region: string) => {
    return `${head}${cut(source(file), region)}\n\`\`\``
  })
}

/** The text between `// #region name` and `// #endregion name`, without its indentation and without inner region lines. */
export function cut(source: string, region: string): string {
  const lines = source.split('\n')
  const start = lines.findIndex((line) => line.trim() === `// #region ${region}`)
  const end = lines.findIndex((line) => line.trim() === `// #endregion ${region}`)
  if (start < 0 || end < start) throw new Error(`There is no region "${region}"`)
  const body = lines.slice(start + 1, end).filter((line) => !/^\s*\/\/ #(end)?region /.test(line))
  const indent = Math.min(...body.filter((line) => line !== '').map((line) => line.search(/\S/)))
  return body.map((line) => line.slice(indent)).join('\n').trim()
}

function read(file: string): string {
  return readFileSync(resolve(root, file), 'utf8')
}
