import { hash } from '../metrics/label.ts'
import type { Histogram, Snapshot } from '../metrics/snapshot.ts'
import { table } from './table.ts'

/** A measure under a name with dots. */
export interface Dotted {
  readonly path: string
  readonly type: 'counter' | 'gauge'
  readonly value: number
}

/**
 * One part of a name with dots, for targets that split at dots, colons, pipes, spaces and lines: whatever is not a letter, a digit, `_` or `-` becomes `_`. A name
 * that had more than such separators gets a suffix that keeps it apart from others. At most 80 characters.
 */
export function tidy(name: string): string {
  const said = name.replace(/[^A-Za-z0-9_-]/g, '_')
  return said.length > 80 || /[^\x20-\x7E]/.test(name) ? `${said.slice(0, 71)}_${hash(name)}` : said || '_'
}

/** All that a snapshot says, under names with dots; what comes under one name is added up. */
export function dotted(prefix: string, { pipelines }: Snapshot, ofHistogram: (path: string, histogram: Histogram) => readonly Dotted[]): Dotted[] {
  const all = new Map<string, Dotted>()
  const add = (one: Dotted): void => void all.set(one.path, { ...one, value: one.value + (all.get(one.path)?.value ?? 0) })
  for (const pipeline of pipelines) {
    const base = `${prefix}.${tidy(pipeline.name)}`
    for (const { type, read, path: pathOf } of table) {
      if (pathOf === undefined) continue
      for (const { labels, value } of read(pipeline)) {
        const path = [base, ...pathOf(labels).map(tidy)].join('.')
        if (typeof value !== 'number') ofHistogram(path, value).forEach(add)
        else if (Number.isFinite(value)) add({ path, type: type === 'counter' ? 'counter' : 'gauge', value })
      }
    }
  }
  return [...all.values()]
}

/** A number that no target misreads: without an exponent, without a row of zeros. */
export function decimal(n: number): string {
  return String(Number(n.toFixed(6))).includes('e') ? n.toFixed(0) : String(Number(n.toFixed(6)))
}
