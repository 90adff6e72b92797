// Times cases against each other. All cases of a row are measured in every round, in an order drawn anew and in samples of a few milliseconds,
// so that whatever else the machine does falls on all alike; what is compared is always two samples of the same round.
import type { Call } from './case.ts'
import { median } from './statistics.ts'

export interface Case {
  readonly name: string
  /** Several instances: an application has many pipelines, and the measured code must not be specialised for one. */
  readonly calls: readonly Call[]
  readonly atOnce: number
  /** How its calls end; `at once`: they answer no promise. */
  readonly ends: 'resolves' | 'rejects' | 'at once'
  /** How many calls it does for each that counts: 1.1 makes a case 10 % dearer by construction. */
  readonly worth?: number
}

export interface Timing {
  /** ns per call, one for each round. */
  readonly samples: readonly number[]
  readonly median: number
  readonly least: number
}

const SAMPLE_NS = 1_500_000
/** A full collection would throw optimised code away, and the next ten thousand calls would pay for it. */
export const collectYoung = (): void => (globalThis.gc as ((options: { type: 'minor' }) => void) | undefined)?.({ type: 'minor' })

let sink: unknown

async function awaiting(calls: readonly Call[], first: number, times: number): Promise<void> {
  const mask = calls.length - 1
  for (let i = 0; i < times; i++) sink = await calls[(first + i) & mask]!()
}

/** For calls that reject: an `await` would throw, which costs more than many of the calls. */
function chaining(calls: readonly Call[], first: number, times: number): Promise<void> {
  const mask = calls.length - 1
  return new Promise((done) => {
    let i = 0
    const next = (end?: unknown): void => {
      sink = end
      if (i++ === times) done()
      else void (calls[(first + i) & mask]!() as Promise<unknown>).then(next, next)
    }
    next()
  })
}

function loop(calls: readonly Call[], times: number): void {
  const mask = calls.length - 1
  for (let i = 0; i < times; i++) sink = calls[i & mask]!()
}

/**
 * ns that `times` calls of the case take altogether: of the time that passed and the time that this process worked the shorter one, so that what
 * another process took from us is not ours. (Threads that collect garbage beside us make the second the longer one.)
 */
export async function run({ calls, atOnce, ends }: Case, times: number): Promise<number> {
  const worker = ends === 'rejects' ? chaining : awaiting
  const cpu = process.cpuUsage()
  const start = performance.now()
  if (ends === 'at once') loop(calls, times)
  else if (atOnce === 1) await worker(calls, 0, times)
  else await Promise.all(Array.from({ length: atOnce }, (_, n) => worker(calls, n, times / atOnce)))
  const passed = (performance.now() - start) * 1e6
  const { user, system } = process.cpuUsage(cpu)
  return Math.min(passed, (user + system) * 1e3)
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** How many calls make up a sample. Runs the case, more and more of it, until even the fastest of three runs takes long enough to tell. */
async function size(one: Case): Promise<number> {
  for (let times = one.atOnce * Math.ceil(20 / one.atOnce); ; times *= 3) {
    let ns = Infinity
    for (let again = 0; again < 3; again++) ns = Math.min(ns, await run(one, times))
    if (ns > SAMPLE_NS / 5) return Math.max(1, Math.round((times * SAMPLE_NS) / ns / one.atOnce)) * one.atOnce
  }
}

/** Runs a case until its code is compiled, before anything is measured: with all rows warm, shared code has seen every shape it will see. */
export async function warm(one: Case, ms = 30): Promise<void> {
  const until = performance.now() + ms
  const times = await size(one)
  while (performance.now() < until) await run(one, times)
  await turn()
}

/** The timings of the cases, in their order. `rounds` counts what is measured; two more before are not. */
export async function measure(cases: readonly Case[], rounds: number): Promise<Timing[]> {
  const sizes: number[] = []
  for (const one of cases) sizes.push(await size(one))
  const samples = cases.map((): number[] => [])
  for (let round = -2; round < rounds; round++) {
    for (const n of shuffled(cases.length)) {
      const one = cases[n]!
      await turn()
      collectYoung() // each starts with an empty nursery, and pays for its own garbage
      const worth = one.worth ?? 1
      const times = Math.max(1, Math.round((sizes[n]! * worth) / one.atOnce)) * one.atOnce
      const ns = (await run(one, times)) / (times / worth)
      if (round >= 0) samples[n]!.push(ns)
    }
  }
  return samples.map((all) => ({ samples: all, median: median(all), least: Math.min(...all) }))
}

/** The numbers below `length`, shuffled: nobody goes always first, or always after the same one. */
function shuffled(length: number): number[] {
  const order: number[] = []
  for (let n = 0; n < length; n++) {
    const at = Math.floor(Math.random() * (n + 1))
    order[n] = order[at]!
    order[at] = n
  }
  return order
}

/** For each round, how many times dearer `one` was than `other`. */
export const ratios = (one: Timing, other: Timing): number[] => one.samples.map((ns, round) => ns / other.samples[round]!)

export const kept = (): unknown => sink
