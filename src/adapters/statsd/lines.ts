import type { Snapshot } from '../../metrics/snapshot.ts'
import { decimal, type Dotted, dotted, tidy } from '../dotted.ts'

/** The most that goes into a datagram: what fits one Ethernet frame over IPv6. Source: StatsD, "Multi-Metric Packets". */
const DATAGRAM_BYTES = 1_432

/** How long calls took since the last time, per pipeline: their number and sum. */
interface Took {
  readonly count: number
  readonly sumMs: number
}

/**
 * What has happened since the last time, as StatsD takes it. Counters are told as what has been added; what is not told because the
 * target is slow is told the next time. Calls of one pipeline since then are one timing, their mean, with a sample rate that says how many they are.
 */
export class Lines {
  #counters = new Map<string, number>()
  #took = new Map<string, Took>()

  constructor(readonly prefix: string) {}

  next(snapshot: Snapshot): string[] {
    const lines: string[] = []
    const counters = new Map<string, number>()
    for (const { path, type, value } of dotted(this.prefix, snapshot, (name, { count }): Dotted[] => [{ path: name, type: 'counter', value: count }])) {
      if (type === 'gauge') lines.push(`${path}:${decimal(value)}|g`)
      else {
        const added = value - (this.#counters.get(path) ?? 0)
        counters.set(path, value)
        if (added > 0) lines.push(`${path}:${decimal(added)}|c`)
      }
    }
    const took = tookOf(this.prefix, snapshot)
    for (const [path, { count, sumMs }] of took) {
      const before = this.#took.get(path) ?? { count: 0, sumMs: 0 }
      const calls = count - before.count
      if (calls > 0) lines.push(`${path}:${decimal((sumMs - before.sumMs) / calls)}|ms${calls === 1 ? '' : `|@${decimal(1 / calls)}`}`)
    }
    this.#counters = counters
    this.#took = took
    return lines
  }
}

function tookOf(prefix: string, { pipelines }: Snapshot): Map<string, Took> {
  const all = new Map<string, Took>()
  for (const { name, totals } of pipelines) {
    const path = `${prefix}.${tidy(name)}.latency`
    for (const [outcome, { count, sumSeconds }] of Object.entries(totals.callSeconds)) {
      if (outcome === 'rejected') continue
      const before = all.get(path) ?? { count: 0, sumMs: 0 }
      all.set(path, { count: before.count + count, sumMs: before.sumMs + sumSeconds * 1_000 })
    }
  }
  return all
}

/** Lines put together into datagrams. */
export function datagrams(lines: readonly string[]): string[] {
  const all: string[] = []
  let one = ''
  // Names are ASCII: a character is a byte.
  for (const line of lines) {
    if (one !== '' && one.length + 1 + line.length > DATAGRAM_BYTES) {
      all.push(one)
      one = line
    } else one = one === '' ? line : `${one}\n${line}`
  }
  if (one !== '') all.push(one)
  return all
}
