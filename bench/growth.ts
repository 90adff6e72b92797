// How cost grows with what may grow in production. Most of it has to be flat.
import { type Case, measure, ratios, warm } from './harness.ts'
import type { Library } from './peers/spillway.ts'
import { settle } from './cost.ts'
import { type Estimate, estimate } from './statistics.ts'

export interface Point {
  readonly x: number
  readonly ns: number
  /** Against the first point, as the median over the rounds. */
  readonly ratio: Estimate
  /** What one of what grows keeps, in bytes. */
  readonly bytes?: number
}

export interface Series {
  readonly name: string
  readonly of: string
  readonly points: readonly Point[]
}

interface Prepared {
  readonly calls: Case['calls']
  readonly ends?: Case['ends']
  readonly bytes?: number
}

type Prepare = (x: number) => Promise<Prepared>

const answers = async (): Promise<string> => 'answer'
const down = new Error('down')
const fails = (): Promise<never> => Promise.reject(down)
const hanging = (): Promise<void> => new Promise(() => {})
const overCalls = (windowCalls: number): object => ({ windowCalls })
const overTime = (): object => ({ windowMs: 600_000 })
const powers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => 10 ** (from + n))

/** Bytes that are kept of what `make` makes. */
async function keptBytes<T>(make: () => T | Promise<T>): Promise<[made: T, bytes: number]> {
  await settle()
  const before = process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers
  const made = await make()
  await settle()
  return [made, process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers - before]
}

/** The series, each with the values of what grows and how to make it. */
function all({ breaker, bulkhead, keyed, pipeline, timeout }: Library, largest: number): { name: string, of: string, xs: number[], prepare: Prepare }[] {
  const filled = (work: () => Promise<unknown>, window: (samples: number) => object): Prepare => async (samples) => {
    const [p, bytes] = await keptBytes(async () => {
      const made = pipeline('window', [breaker({ ...window(samples), minimumThroughput: Infinity })])
      for (let i = 0; i < samples; i++) await made.tryRun(i % 2 === 0 ? work : answers)
      return made
    })
    return { calls: [() => p.tryRun(work)], bytes }
  }
  return [
    { name: 'failing, window over calls', of: 'samples in the window', xs: powers(1, largest), prepare: filled(fails, overCalls) },
    { name: 'failing, window over time', of: 'samples in the window', xs: powers(1, largest), prepare: filled(fails, overTime) },
    { name: 'succeeding, window over calls', of: 'samples in the window', xs: powers(1, largest), prepare: filled(answers, overCalls) },
    {
      name: 'one pipeline per key', of: 'keys', xs: powers(0, largest - 1),
      prepare: async (count) => {
        const keys = Array.from({ length: count }, (_, n) => `tenant-${n}`)
        const [k, bytes] = await keptBytes(async () => {
          const made = keyed(() => pipeline('one', [breaker()]), { max: count })
          for (const key of keys) await made.run(key, answers)
          return made
        })
        // A stride that is prime to every power of ten: each key in turn, and not in the order in which they lie in memory.
        let at = 0
        return { calls: [() => k.run(keys[(at = (at + 7_919) % count)]!, answers)], bytes: bytes / count }
      },
    },
    {
      name: 'calls in flight with a deadline', of: 'calls in flight', xs: powers(0, largest - 1),
      prepare: async (count) => {
        const p = pipeline('busy', [timeout(600_000)])
        const [, bytes] = await keptBytes(() => Array.from({ length: count }, () => p.run(hanging)))
        return { calls: [() => p.run(answers)], bytes: bytes / count }
      },
    },
    {
      name: 'listeners of each call', of: 'listeners', xs: [0, 1, 2, 5, 10],
      prepare: async (count) => {
        const p = pipeline('heard', [breaker()])
        let heard = 0
        for (let n = 0; n < count; n++) p.on('call.settled', () => (heard += n))
        return { calls: [() => p.run(answers)] }
      },
    },
    {
      name: 'guards in a pipeline', of: 'guards', xs: [1, 2, 5, 10],
      prepare: async (count) => {
        const p = pipeline('many', Array.from({ length: count }, () => bulkhead({ slots: 10 })))
        return { calls: [() => p.run(answers)] }
      },
    },
  ]
}

export async function growth(lib: Library, quick: boolean, log: (line: string) => void): Promise<Series[]> {
  const series: Series[] = []
  for (const { name, of, xs, prepare } of all(lib, quick ? 4 : 6)) {
    const cases: (Case & Prepared)[] = []
    for (const x of xs) cases.push({ name: String(x), atOnce: 1, ends: 'resolves', ...(await prepare(x)) })
    for (const one of cases) await warm(one, quick ? 20 : 50)
    const timings = await measure(cases, quick ? 20 : 40)
    const points = timings.map((timing, n): Point => {
      const { bytes } = cases[n]!
      return { x: xs[n]!, ns: timing.median, ratio: estimate(ratios(timing, timings[0]!)), ...(bytes === undefined ? {} : { bytes }) }
    })
    series.push({ name, of, points })
    log(`${name}: ${points.map(({ x, ns }) => `${x.toLocaleString('en')} → ${Math.round(ns)} ns`).join(', ')}`)
  }
  return series
}
