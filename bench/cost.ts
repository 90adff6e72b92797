import { createHook } from 'node:async_hooks'
import type { Call } from './case.ts'
import { type Case, collectYoung, run } from './harness.ts'
import { median } from './statistics.ts'

const BATCH = 500
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Collects garbage until nothing more goes. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await turn()
    globalThis.gc?.()
  }
}

/**
 * Bytes of the heap that one call takes until the next collection: by how much the heap grows over some hundred calls in a row, none collected.
 * What the loop itself takes is taken off.
 */
export async function bytesPerCall(one: Case): Promise<number> {
  const ready = one.ends === 'rejects' ? Promise.reject(new Error('made beforehand')) : Promise.resolve()
  ready.catch(() => {})
  return (await grown(one)) - (await grown({ ...one, calls: [() => ready] }))
}

async function grown(one: Case, rounds = 11): Promise<number> {
  const alone = { ...one, atOnce: 1 }
  const all: number[] = []
  for (let round = 0; round < rounds; round++) {
    await turn()
    collectYoung()
    const before = process.memoryUsage().heapUsed
    await run(alone, BATCH)
    const bytes = process.memoryUsage().heapUsed - before
    if (bytes > 0) all.push(bytes / BATCH) // less: a collection came in between
  }
  return all.length === 0 ? Number.NaN : median(all)
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
