// How cost grows with what may grow in production. Most of it has to be flat.
import type { Call } from './case.ts'
import { heldBytes, settle } from './cost.ts'
import { type Case, measure, ratios, type Timing, warm } from './harness.ts'
import type { Library } from './peers/spillway.ts'
import { type Estimate, estimate } from './statistics.ts'

export interface Point {
  readonly x: number
  readonly ns: number
  /** Against the first point, as the median over the rounds. */
  readonly ratio: Estimate
  /** What is kept, in bytes: of all there is, or of one of them where each has its own. */
  readonly bytes: number
}

export interface Series {
  readonly name: string
  readonly of: string
  readonly points: readonly Point[]
}

interface Prepared {
  readonly call: Call
  /** Ends what would be kept even if nobody held it any more. */
  readonly end?: () => void
}

interface Plan {
  readonly name: string
  readonly of: string
  readonly xs: readonly number[]
  /** Whether each of what grows keeps something of its own: then bytes are those of one. */
  readonly each?: true
  readonly prepare: (x: number) => Promise<Prepared> | Prepared
}

const answers = async (): Promise<string> => 'answer'
const down = new Error('down')
const fails = (): Promise<never> => Promise.reject(down)
const overCalls = (windowCalls: number): object => ({ windowCalls })
const overTime = (): object => ({ windowMs: 600_000 })
const powers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => 10 ** (from + n))

/** The series, each with the values of what grows and how to make it. */
function all({ breaker, bulkhead, keyed, pipeline, timeout }: Library, largest: number): Plan[] {
  const filled = (work: () => Promise<unknown>, window: (samples: number) => object): Plan['prepare'] => async (samples) => {
    const p = pipeline('window', [breaker({ ...window(samples), minimumThroughput: Infinity })])
    for (let i = 0; i < samples; i++) await p.tryRun(i % 2 === 0 ? work : answers)
    return { call: () => p.tryRun(work) }
  }
  return [
    { name: 'failing, window over calls', of: 'samples in the window', xs: powers(1, largest), prepare: filled(fails, overCalls) },
    { name: 'failing, window over time', of: 'samples in the window', xs: powers(1, largest), prepare: filled(fails, overTime) },
    { name: 'succeeding, window over calls', of: 'samples in the window', xs: powers(1, largest), prepare: filled(answers, overCalls) },
    {
      name: 'one pipeline per key', of: 'keys', xs: powers(0, largest - 1), each: true,
      prepare: async (count) => {
        const keys = Array.from({ length: count }, (_, n) => `tenant-${n}`)
        const k = keyed(() => pipeline('one', [breaker()]), { max: count })
        for (const key of keys) await k.run(key, answers)
        // A stride that is prime to every power of ten: each key in turn, and not in the order in which they lie in memory.
        let at = 0
        return { call: () => k.run(keys[(at = (at + 7_919) % count)]!, answers) }
      },
    },
    {
      name: 'calls in flight with a deadline', of: 'calls in flight', xs: powers(0, largest - 1), each: true,
      prepare: (count) => {
        const p = pipeline('busy', [timeout(600_000)])
        let end!: () => void
        const work = new Promise<void>((resolve) => (end = resolve))
        for (let n = 0; n < count; n++) void p.run(() => work)
        return { call: () => p.run(answers), end }
      },
    },
    {
      name: 'listeners of each call', of: 'listeners', xs: [0, 1, 2, 5, 10],
      prepare: (count) => {
        const p = pipeline('heard', [breaker()])
        let heard = 0
        for (let n = 0; n < count; n++) p.on('call.settled', () => (heard += n))
        return { call: () => p.run(answers) }
      },
    },
    {
      name: 'guards in a pipeline', of: 'guards', xs: [1, 2, 5, 10],
      prepare: (count) => {
        const p = pipeline('many', Array.from({ length: count }, () => bulkhead({ slots: 10 })))
        return { call: () => p.run(answers) }
      },
    },
  ]
}

/** Bytes that are free once `drop` has let go of them. Nothing is compiled meanwhile, as there is when they are made. */
async function freed(drop: () => void): Promise<number> {
  await settle()
  const before = heldBytes()
  drop()
  await settle()
  return before - heldBytes()
}

async function seriesOf({ name, of, xs, each, prepare }: Plan, quick: boolean): Promise<Series> {
  const prepared: Prepared[] = []
  for (const x of xs) prepared.push(await prepare(x))
  const timings = await timed(prepared, quick)
  // The first to go takes what the timing has left behind, and the last one what they had in common: neither is counted.
  prepared.push(await prepare(xs[0]!))
  prepared.unshift(await prepare(xs[0]!))
  const free = (): Promise<number> => freed(() => prepared.shift()!.end?.())
  await free()
  const points: Point[] = []
  for (const [n, x] of xs.entries()) {
    const bytes = await free()
    points.push({ x, ns: timings[n]!.median, ratio: estimate(ratios(timings[n]!, timings[0]!)), bytes: each ? bytes / x : bytes })
  }
  return { name, of, points }
}

async function timed(prepared: readonly Prepared[], quick: boolean): Promise<Timing[]> {
  const cases = prepared.map(({ call }, n): Case => ({ name: String(n), calls: [call], atOnce: 1, ends: 'resolves' }))
  for (const one of cases) await warm(one, quick ? 20 : 50)
  return measure(cases, quick ? 20 : 40)
}

export async function growth(lib: Library, quick: boolean, log: (line: string) => void): Promise<Series[]> {
  const series: Series[] = []
  for (const plan of all(lib, quick ? 4 : 6)) {
    const one = await seriesOf(plan, quick)
    series.push(one)
    log(`${one.name}: ${one.points.map(({ x, ns, bytes }) => `${x.toLocaleString('en')} → ${Math.round(ns)} ns, ${Math.round(bytes)} bytes`).join('; ')}`)
  }
  return series
}
