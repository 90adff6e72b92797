import { type Breaker, BulkheadFullError, type Guard, later, refuse } from 'spillway'

/** What a simple queue does: low calls wait while the breaker is open, and once it has closed all of them go at once. */
export function parkingAtOnce(gate: Breaker): Guard {
  const permit = {}
  const waiting = new Set<(permit: object) => void>()
  gate.on('breaker.closed', () => {
    const all = [...waiting]
    waiting.clear()
    for (const wake of all) wake(permit)
  })
  return {
    kind: 'guard',
    name: 'parkingAtOnce',
    admit({ priority }) {
      if (priority !== 'low' || gate.state === 'closed' || gate.probeDue?.()) return permit
      let mine: (permit: object) => void
      return later({
        maxWaitMs: 60_000,
        start: (wake) => void waiting.add((mine = wake)),
        cancel: () => void waiting.delete(mine),
        expired: () => refuse(this, BulkheadFullError, () => 'waited a minute'),
      })
    },
  }
}
