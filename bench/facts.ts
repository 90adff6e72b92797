// What is counted once, without a clock.
import { settle } from './cost.ts'
import type { Library } from './peers/spillway.ts'

export interface Facts {
  /** What one breaker that has seen no call keeps, in bytes: the policy alone, and with its pipeline. */
  readonly idleBreakerBytes: number
  readonly idlePipelineBytes: number
  /** Timers of the platform that are made for 10⁵ calls in flight with a timeout each. */
  readonly timers: number
}

const COUNT = 2_000

async function bytesEach(make: () => unknown): Promise<number> {
  for (let n = 0; n < COUNT; n++) make() // compiled, and lists of the library have grown
  const all: unknown[] = Array.from({ length: COUNT })
  await settle()
  const before = process.memoryUsage().heapUsed
  for (let n = 0; n < COUNT; n++) all[n] = make()
  await settle()
  return (process.memoryUsage().heapUsed - before) / all.length
}

export async function facts({ breaker, pipeline, timeout }: Library): Promise<Facts> {
  const idleBreakerBytes = await bytesEach(() => breaker())
  const idlePipelineBytes = await bytesEach(() => pipeline('idle', [breaker()]))
  const real = globalThis.setTimeout
  let timers = 0
  globalThis.setTimeout = ((...args: Parameters<typeof real>) => (timers++, real(...args))) as typeof real
  const ends: (() => void)[] = []
  try {
    const p = pipeline('busy', [timeout(60_000)])
    const calls = Array.from({ length: 100_000 }, () => p.run(() => new Promise<void>((resolve) => ends.push(resolve))))
    for (const end of ends) end()
    await Promise.all(calls)
  } finally {
    globalThis.setTimeout = real
  }
  return { idleBreakerBytes, idlePipelineBytes, timers }
}
