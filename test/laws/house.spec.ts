import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import pkg from '../../package.json' with { type: 'json' }
import { root } from '../support/package.ts'

/** Folders for a neighbour or a surrounding: they may use the whole house. Every other folder but core and math is a room. */
const edges = ['fetch', 'context', 'adapters', 'dashboard', 'testing']

/** Ideas that a room lends to another. */
const lent = [
  { file: 'retry/budget.ts', to: 'hedge' },
  { file: 'bulkhead/warnings.ts', to: 'adaptive-limit' },
]

/** Adapters that speak to Node itself, and to what of it. Nothing else in src knows of a platform. */
const ofNode: Readonly<Record<string, string>> = {
  'adapters/statsd/udp.ts': 'node:dgram',
  'adapters/graphite/tcp.ts': 'node:net',
  'adapters/diagnostics/index.ts': 'node:diagnostics_channel',
  // Asynchronous context: Deno, Bun and workerd have it by the same name.
  'context/storage.ts': 'node:async_hooks',
}

const topLevel = ['CHANGELOG.md', 'LICENSE', 'README.md', 'bench', 'examples', 'package-lock.json', 'package.json', 'src', 'test']
const made = ['coverage', 'dist', 'node_modules']

const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file, text: readFileSync(join(root, 'src', file), 'utf8') }))

/** Every import and export-from, types and dynamic ones included, with its target as a path below src. */
const imports = files.flatMap(({ file, text }) =>
  ts.preProcessFile(text).importedFiles.map(({ fileName }) => ({ file, fileName, target: join(dirname(file), fileName) })))

const roomOf = (file: string): string => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '')

function allowed(file: string, target: string): boolean {
  const from = roomOf(file)
  const to = roomOf(target)
  if (from === to || from === '' || edges.includes(from)) return true
  if (from === 'core' || from === 'math') return false
  return to === 'core' || to === 'math' || lent.some((idea) => idea.file === target && idea.to === from)
}

const show = ({ file, fileName }: { file: string, fileName: string }): string => `src/${file} imports ${fileName}`

describe('house', () => {
  it('imports point inward: rooms to math and core, core and math to nothing', () => {
    expect(imports.filter(({ file, target }) => !allowed(file, target)).map(show)).toEqual([])
  })

  it('src imports nothing but its own files, by their full name; a few adapters one thing of Node', () => {
    const own = new Set(files.map(({ file }) => file))
    expect(imports.filter(({ file, fileName, target }) => (!/^\.\.?\//.test(fileName) || !own.has(target)) && ofNode[file] !== fileName).map(show)).toEqual([])
  })

  it('src says why wherever it silences a check', () => {
    const silenced = files.flatMap(({ file, text }) => (text.match(/.*(oxlint-disable|@ts-ignore|@ts-expect-error).*/g) ?? []).map((line) => `src/${file}: ${line}`))
    expect(silenced.filter((line) => !line.includes(' -- '))).toEqual([])
  })

  it('needs nothing at run time', () => {
    expect(Object.keys(pkg).filter((key) => /^(optionalD|peerD|bundledD|d)ependencies$/.test(key))).toEqual([])
  })

  it('nothing else stands at the top level', () => {
    const names = readdirSync(resolve(root)).filter((name) => !/^\.|^tsconfig.*\.json$/.test(name))
    expect(names.filter((name) => !topLevel.includes(name) && !made.includes(name))).toEqual([])
  })
})
