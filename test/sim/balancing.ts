import type { Attempt, Call, Clock, Layer } from 'spillway'

const chosen = new WeakMap<Call, number>()

/** The endpoint that a balancing layer has chosen for this attempt. */
export const endpointOf = ({ call }: Pick<Attempt, 'call'>): number => chosen.get(call) ?? 0

interface Endpoint {
  readonly index: number
  inFlight: number
  failuresInARow: number
  ejections: number
  ejectedUntil: number
}

export type Choice = 'round-robin' | 'least-loaded' | 'ejecting'

/**
 * A small balancer, as long as the house has no room for one. `'ejecting'`: the less loaded of two, and five failures in a row take an
 * endpoint out, for 5 s, twice as long each time; then one call is its trial.
 */
export function balancing(choice: Choice, endpoints: number, random: () => number): Layer {
  const all = Array.from({ length: endpoints }, (_, index): Endpoint => ({ index, inFlight: 0, failuresInARow: 0, ejections: 0, ejectedUntil: 0 }))
  let turn = Math.floor(random() * endpoints)
  let clock: Clock

  const lighter = (a: Endpoint, b: Endpoint): Endpoint => (a.inFlight < b.inFlight ? a : b)
  const anyOf = (some: readonly Endpoint[]): Endpoint => some[Math.floor(random() * some.length)]!

  function choose(): Endpoint {
    if (choice === 'round-robin') return all[(turn = (turn + 1) % endpoints)]!
    if (choice === 'least-loaded') {
      const least = Math.min(...all.map(({ inFlight }) => inFlight))
      return anyOf(all.filter(({ inFlight }) => inFlight === least))
    }
    const now = clock.now()
    const fit = all.filter(({ ejectedUntil, failuresInARow, inFlight }) => now >= ejectedUntil && (failuresInARow < 5 || inFlight === 0))
    const some = fit.length * 2 < endpoints ? all : fit
    return lighter(anyOf(some), anyOf(some))
  }

  function learn(one: Endpoint, ok: boolean): void {
    if (ok) {
      one.failuresInARow = one.ejections = 0
    } else if (++one.failuresInARow >= 5) {
      const restMs = Math.min(300_000, 5_000 * 2 ** one.ejections++)
      one.ejectedUntil = clock.now() + restMs * (0.8 + 0.4 * random())
    }
  }

  return {
    kind: 'layer',
    name: choice,
    bind(host) {
      ;({ clock } = host)
    },
    async around(next, attempt) {
      const one = choose()
      chosen.set(attempt.call, one.index)
      one.inFlight++
      const outcome = await next(attempt)
      one.inFlight--
      learn(one, outcome.verdict === 'success')
      return outcome
    },
  }
}
