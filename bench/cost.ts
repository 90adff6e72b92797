import { createHook } from 'node:async_hooks'
import { setTimeout } from 'node:timers/promises'
import { getHeapSpaceStatistics } from 'node:v8'
import type { Call } from './case.ts'
import { type Case, collectYoung, run } from './harness.ts'
import { median } from './statistics.ts'

/** No more than that is made between two collections: a quarter of the nursery, so that none comes in between. */
const BYTES = 4 << 20
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Collects garbage until nothing more goes, nor comes from a compiler that is still at work. */
export async function settle(): Promise<void> {
  for (let before = NaN, round = 0; round < 10; round++) {
    await setTimeout(2)
    globalThis.gc?.()
    const now = heldBytes()
    if (round > 1 && Math.abs(now - before) < 100) return
    before = now
  }
}

/** Bytes that objects and buffers hold, code left out: it comes and goes as it likes. */
export function heldBytes(): number {
  const spaces = getHeapSpaceStatistics().filter(({ space_name }) => /^(new|old|large_object|new_large_object)(_space)?$/.test(space_name))
  return spaces.reduce((sum, { space_used_size }) => sum + space_used_size, process.memoryUsage().arrayBuffers)
}

/**
 * Bytes of the heap that one call takes until the next collection: by how much the heap grows over up to 500 calls in a row, none collected.
 * What the loop itself takes is taken off.
 */
export async function bytesPerCall(one: Case): Promise<number> {
  const ready = one.ends === 'rejects' ? Promise.reject(new Error('made beforehand')) : Promise.resolve()
  ready.catch(() => {})
  return (await grown(one)) - (await grown({ ...one, calls: [() => ready] }))
}

async function grown(one: Case, rounds = 11): Promise<number> {
  const few = await batch(one, 10)
  const times = Math.max(10, Math.min(500, Math.floor(BYTES / few)))
  const all: number[] = []
  for (let round = 0; round < rounds; round++) all.push(await batch(one, times))
  return median(all)
}

async function batch(one: Case, times: number): Promise<number> {
  await turn()
  collectYoung()
  const before = process.memoryUsage().heapUsed
  await run({ ...one, atOnce: 1 }, times)
  return (process.memoryUsage().heapUsed - before) / times
}

/** Promises made from the start of one call until a turn after its answer; the least of a few, because other things make promises too. */
export async function promisesPerCall(call: Call, rounds = 5): Promise<number> {
  let least = Infinity
  for (let round = 0; round < rounds; round++) least = Math.min(least, await count(call))
  return least
}

function count(call: Call): Promise<number> {
  let made = 0
  const hook = createHook({
    init(_id, type) {
      if (type === 'PROMISE') made++
    },
  })
  // In callbacks throughout: a `then` of our own is counted, and taken off.
  return new Promise((resolve) => {
    setImmediate(() => {
      hook.enable()
      const done = (): void => {
        setImmediate(() => {
          hook.disable()
          resolve(made - ours)
        })
      }
      const answer = call()
      const before = made
      if (isPromise(answer)) answer.then(done, done)
      else setImmediate(done)
      const ours = made - before
    })
  })
}

const isPromise = (value: unknown): value is PromiseLike<unknown> => typeof (value as PromiseLike<unknown> | undefined)?.then === 'function'
