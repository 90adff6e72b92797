import type { Attempt, Clock, Layer, Outcome, Theirs } from 'spillway'

/**
 * A small hedge, as long as the house has no room for one: whatever has not answered after `delayMs` is asked a second time, as often as
 * `ratio` of the calls allows; the first answer counts, and a failure only once the other has failed too.
 */
export function hedging(delayMs: number, ratio: number): Layer {
  let clock: Clock
  let tokens = 10

  return {
    kind: 'layer',
    name: 'hedging',
    bind(host) {
      ;({ clock } = host)
    },
    around(next, attempt) {
      tokens = Math.min(1_000, tokens + ratio)
      return new Promise<Outcome<Theirs>>((resolve) => {
        const running = new Set<Attempt>()
        const start = (one: Attempt): void => {
          running.add(one)
          void next(one).then((outcome) => {
            running.delete(one)
            if (outcome.verdict !== 'success' && running.size > 0) return
            cancel()
            for (const loser of running) loser.cancel()
            resolve(outcome)
          })
        }
        const cancel = clock.after(delayMs, () => {
          if (tokens < 1) return
          tokens--
          start(attempt.fork())
        })
        start(attempt)
      })
    },
  }
}
