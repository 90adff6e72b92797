import { existsSync, readFileSync } from 'node:fs'
import type { Profiler } from 'node:inspector'
import { SourceMap, type SourceMapPayload } from 'node:module'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tableOf } from './report.ts'

interface Place {
  readonly file: string
  readonly line: number
  readonly code: string
}

const add = (all: Map<string, number>, name: string, ticks: number): void => void all.set(name, (all.get(name) ?? 0) + ticks)

/** Where the time of a run went: by function, and by line where the sources are known. */
export function profileOf({ nodes }: Profiler.Profile, root: string, most = 25): string {
  const sources = new Sources(root)
  const byFunction = new Map<string, number>()
  const byLine = new Map<string, number>()
  let total = 0
  for (const { callFrame: { functionName, url, lineNumber, columnNumber }, hitCount = 0, positionTicks = [] } of nodes) {
    if (functionName === '(idle)') continue
    total += hitCount
    add(byFunction, cells(functionName || '(anonymous)', sources.of(url, lineNumber, columnNumber)), hitCount)
    for (const { line, ticks } of positionTicks) {
      const place = sources.of(url, line - 1)
      if (place !== undefined) add(byLine, cells(`\`${place.code}\``, place), ticks)
    }
  }
  const table = (title: string, all: ReadonlyMap<string, number>): string =>
    tableOf([title, 'where', '% of the time'], [...all].toSorted(([, a], [, b]) => b - a).slice(0, most).map(([name, ticks]) => [name, ((100 * ticks) / total).toFixed(1)]))
  return `${table('function', byFunction)}\n\n${table('line', byLine)}`
}

const cells = (said: string, place: Place | undefined): string => `${said.replaceAll('|', '\\|')} | ${place === undefined ? '' : `${place.file}:${place.line}`}`

/** Files that were run, and by their source maps those that they were made of. */
class Sources {
  readonly #texts = new Map<string, string[]>()
  readonly #maps = new Map<string, SourceMap | undefined>()

  constructor(readonly root: string) {}

  /** A place in a source file; lines and columns from 0. Without a column: the first code of the line. */
  of(url: string, line: number, column?: number): Place | undefined {
    if (!url.startsWith('file:')) return undefined
    const map = this.#mapOf(url)
    const found = map?.findEntry(line, column ?? this.#line(url, line).search(/\S/))
    const from = found !== undefined && 'originalSource' in found ? new URL(found.originalSource, url).href : url
    const at = found !== undefined && 'originalLine' in found ? found.originalLine : line
    return { file: relative(this.root, fileURLToPath(from)), line: at + 1, code: this.#line(from, at).trim() }
  }

  #line(url: string, line: number): string {
    let text = this.#texts.get(url)
    if (text === undefined) this.#texts.set(url, (text = existsSync(fileURLToPath(url)) ? readFileSync(fileURLToPath(url), 'utf8').split('\n') : []))
    return text[line] ?? ''
  }

  #mapOf(url: string): SourceMap | undefined {
    if (!this.#maps.has(url)) {
      const file = `${fileURLToPath(url)}.map`
      this.#maps.set(url, existsSync(file) ? new SourceMap(JSON.parse(readFileSync(file, 'utf8')) as SourceMapPayload) : undefined)
    }
    return this.#maps.get(url)
  }
}
