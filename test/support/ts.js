// Lets Node 20 run the TypeScript of this repository: node --import ./test/support/ts.js examples/quotes.ts
// Types are stripped by esbuild, and `spillway` means src. Names are left alone (tsx wraps every closure), so benches stay true.
import { readFile } from 'node:fs/promises'
import { register } from 'node:module'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import { transform } from 'esbuild'

const root = new URL('../../', import.meta.url)
const { name, tsup } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'))
const entries = new Map(
  Object.entries(tsup.entry).map(([entry, file]) => [entry === 'index' ? name : `${name}/${entry}`, new URL(file, root).href]),
)

if (isMainThread) register(import.meta.url)

export const resolve = (specifier, context, next) => next(entries.get(specifier) ?? specifier, context)

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context)
  const sourcefile = fileURLToPath(url)
  const { code } = await transform(await readFile(sourcefile, 'utf8'), { loader: 'ts', target: 'es2022', sourcemap: 'inline', sourcefile })
  return { format: 'module', source: code, shortCircuit: true }
}
