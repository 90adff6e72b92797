import type { Recorder } from '../metrics/recorder.ts'
import type { LogEntry, PipelineSnapshot, Snapshot } from '../metrics/snapshot.ts'
import { type Fares, fares, hasBeenAway, needsAttention } from './condition.ts'
import { brief, label } from './label.ts'
import { rowOf } from './row.ts'
import { conditions, type Frame, type LogLine, type Row, type Sum, type Tone } from './wire.ts'

const logLines = 100
const togetherMs = 60_000

interface Known {
  readonly id: string
  readonly one: PipelineSnapshot
  /** The number of its recorder. */
  readonly of: number
  readonly fares: Fares
}

interface Look {
  readonly title: string
  readonly everyMs: number
  readonly shown: number
  readonly control: boolean
}

/** What there is to see now, of those pipelines that match the search. */
export function picture(recorders: readonly Recorder[], search: string, look: Look): Frame {
  const snapshots = recorders.map((recorder) => recorder.snapshot({ series: false, config: false, detail: false }))
  const all = snapshots.flatMap(({ pipelines }, of) => pipelines.map((one): Known => ({ id: idOf(one.name, of), one, of, fares: fares(one) })))
  const found = all.filter((known) => matches(known, search)).toSorted(byNeed)
  const at = Math.max(...snapshots.map((snapshot) => snapshot.at))
  const { title, everyMs, shown, control } = look
  return {
    at,
    title,
    everyMs,
    control,
    sum: sumOf(all, found.length),
    pipelines: rows(recorders, found.slice(0, shown)),
    log: logOf(snapshots, at),
  }
}

/** All that is known of a few: to gather it for all would take ten times as long. */
function rows(recorders: readonly Recorder[], few: readonly Known[]): Row[] {
  const detailed = recorders.map((recorder, of) => {
    const names = new Set(few.filter((known) => known.of === of).map(({ one }) => one.name))
    const snapshot = recorder.snapshot({ series: false, config: false, only: (name) => names.has(name) })
    return { snapshot, byName: new Map(snapshot.pipelines.map((one) => [one.name, one])) }
  })
  return few.flatMap(({ id, one, of, fares: how }) => {
    const { snapshot, byName } = detailed[of]!
    const known = byName.get(one.name)
    return known === undefined ? [] : [rowOf(id, known, how, snapshot)]
  })
}

/** What a pipeline of the n-th recorder is asked for by. */
export function idOf(name: string, recorder: number): string {
  if (name === '') return ''
  return recorder === 0 ? label(name) : `${label(name)} (${recorder + 1})`
}

function matches({ id, fares: { condition } }: Known, search: string): boolean {
  const words = search.toLowerCase()
  return id.toLowerCase().includes(words) || condition.toLowerCase() === words
}

/**
 * The worst first; those that have recovered before those that were always well; those that lose many calls before those that lose few. Else by
 * name, and losses only as powers of four, so that rows keep their places.
 */
function byNeed(a: Known, b: Known): number {
  return need(a) - need(b) || losses(b) - losses(a) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}

const need = ({ one, fares: { condition } }: Known): number => 2 * conditions.indexOf(condition) + (hasBeenAway(one) ? 0 : 1)

function losses({ one: { window: { callsPerSecond, calls, outcomes } } }: Known): number {
  const lost = calls === 0 ? 0 : (callsPerSecond * (outcomes.failure + outcomes.timeout + outcomes.rejected)) / calls
  return Math.floor(Math.log2(1 + lost) / 2)
}

function sumOf(all: readonly Known[], matching: number): Sum {
  const sum = { attention: 0, callsPerSecond: 0, rejectedPerSecond: 0, good: 0, calls: 0, attempts: 0, started: 0 }
  for (const { one: { window }, fares: { condition } } of all) {
    const { outcomes } = window
    if (needsAttention(condition)) sum.attention++
    sum.callsPerSecond += window.callsPerSecond
    sum.rejectedPerSecond += window.calls === 0 ? 0 : (window.callsPerSecond * outcomes.rejected) / window.calls
    sum.good += outcomes.success + outcomes.fallback
    sum.calls += window.calls - outcomes.cancelled
    if (window.amplification === null) continue
    sum.attempts += window.attempts
    sum.started += window.attempts / window.amplification
  }
  return {
    pipelines: all.length,
    matching,
    attention: sum.attention,
    callsPerSecond: sum.callsPerSecond,
    rejectedPerSecond: sum.rejectedPerSecond,
    goodRatio: sum.calls > 0 ? sum.good / sum.calls : null,
    amplification: sum.started > 0 ? sum.attempts / sum.started : null,
  }
}

function logOf(snapshots: readonly Snapshot[], at: number): LogLine[] {
  return snapshots
    .flatMap(({ log }, i) => together(log).slice(-logLines).map((entry) => ({ entry, i })))
    .toSorted((a, b) => b.entry.at - a.entry.at || b.entry.id - a.entry.id)
    .slice(0, logLines)
    .map(({ entry, i }) => ({
      id: entry.id * snapshots.length + i,
      agoMs: Math.max(0, Math.round(at - entry.at)),
      pipeline: idOf(entry.pipeline, i),
      tone: toneOf(entry),
      text: brief(textOf(entry)),
    }))
}

/** What recurs within a minute is one line, so that it does not push out what happened once. Changes of state stay as they are. */
function together(log: readonly LogEntry[]): LogEntry[] {
  const latest = new Map<string, number>()
  const lines: LogEntry[] = []
  for (const entry of log) {
    // Labels, not names: all strings of 16 kB and more have one hash.
    const key = `${label(entry.pipeline)} / ${label(entry.policy ?? '')} / ${entry.type}`
    const i = entry.type.startsWith('breaker.') ? undefined : latest.get(key)
    const line = i === undefined ? undefined : lines[i]
    if (line !== undefined && entry.at - line.at <= togetherMs) lines[i!] = { ...entry, id: line.id, count: line.count + entry.count }
    else latest.set(key, lines.push(entry) - 1)
  }
  return lines
}

/** `breaker opened: …`, but `no retry: … (retry)`. */
function textOf({ policy, type, text, count }: LogEntry): string {
  const said = policy === null ? text : type.startsWith('breaker.') ? `${brief(policy, 60)} ${text}` : `${text} (${brief(policy, 60)})`
  return count > 1 ? `${said} ×${count}` : said
}

function toneOf({ severity, type }: LogEntry): Tone {
  if (type === 'breaker.closed') return 'good'
  return severity === 'error' ? 'bad' : severity === 'warning' ? 'warn' : 'plain'
}
