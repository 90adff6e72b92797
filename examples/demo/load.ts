import { setTimeout as sleep } from 'node:timers/promises'

/** When calls come, in ms: a Poisson process, as many users make it who know nothing of each other. */
export function arrivals(perSecond: number, totalMs: number, random: () => number): number[] {
  const times: number[] = []
  for (let at = 0; at < totalMs; at += (-Math.log(1 - random()) * 1_000) / perSecond) times.push(at)
  return times
}

/** Calls at these times, whether or not earlier calls have been answered: users do not wait for each other. */
export async function drive(times: readonly number[], call: (at: number) => void): Promise<void> {
  const start = performance.now()
  for (const at of times) {
    const waitMs = at - (performance.now() - start)
    if (waitMs > 0) await sleep(waitMs)
    call(at)
  }
}
