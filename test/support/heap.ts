import type { Pipeline } from 'spillway'
import { planOf } from '../../src/core/pipeline.ts'
import type { Plan } from '../../src/core/plan.ts'

/** Collects garbage until nothing more goes: finalisers and promise jobs need a turn each. */
export async function collect(): Promise<void> {
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc')
  for (let round = 0; round < 4; round++) {
    await new Promise((resolve) => setImmediate(resolve))
    globalThis.gc()
  }
}

/** Bytes that `run(times)` leaves behind; it has run a little before, so that code is compiled and lists have grown. */
export async function heapGrowth(times: number, run: (times: number) => Promise<unknown>): Promise<number> {
  await run(Math.min(times, 2_000))
  await collect()
  const before = process.memoryUsage().heapUsed
  await run(times)
  await collect()
  return process.memoryUsage().heapUsed - before
}

/** What 10⁵ calls may leave behind for reasons of their own: 10 bytes each. One forgotten object per call is several times as much. */
export const FLAT = 1_000_000

/** What a pipeline keeps of its calls: a look behind the face, because this is what would leak. Runs one call. */
export async function kept(p: Pipeline<unknown>): Promise<Plan> {
  await p.tryRun(() => undefined)
  return planOf(p)!
}
