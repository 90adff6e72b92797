import { createHook } from 'node:async_hooks'

/**
 * How many promises are made from the start of `run` until a turn after its answer is settled: one for each `then`, `new Promise`
 * and `async` function. The least of a few rounds, because a test runner makes promises of its own now and then.
 */
export async function promisesMade(run: () => PromiseLike<unknown>, rounds = 5): Promise<number> {
  let least = Infinity
  for (let round = 0; round < rounds; round++) least = Math.min(least, await once(run))
  return least
}

function once(run: () => PromiseLike<unknown>): Promise<number> {
  let made = 0
  const hook = createHook({
    init(_id, type) {
      if (type === 'PROMISE') made++
    },
  })
  // All in callbacks: whoever waits for this count has made his promises by then.
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      hook.enable()
      let ours = Infinity
      const settled = (): void => {
        setImmediate(() => {
          hook.disable()
          resolve(made - ours)
        })
      }
      try {
        const answer = run()
        const before = made
        answer.then(settled, settled)
        ours = made - before
      } catch (error) {
        hook.disable()
        reject(error as Error)
      }
    })
  })
}
