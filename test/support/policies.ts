import { BulkheadFullError, later, refuse, type Guard, type Layer, type Next, type Attempt, type Outcome, type Refusal } from 'spillway'

/** A bulkhead with a queue, as small as it can be: a slot is handed over by whoever gives it back. */
export function queueing(slots: number, maxWaitMs = Infinity): Guard & { readonly waiting: number } {
  const queue = new Set<(slot: object | Refusal) => void>()
  let inFlight = 0
  const guard: Guard & { readonly waiting: number } = {
    kind: 'guard',
    name: 'queueing',
    get waiting() {
      return queue.size
    },
    admit() {
      if (inFlight < slots) {
        inFlight++
        return {}
      }
      let mine: (slot: object | Refusal) => void
      return later({
        maxWaitMs,
        start: (wake) => queue.add((mine = wake)),
        cancel: () => queue.delete(mine),
        expired: () => refuse(guard, BulkheadFullError, () => 'waited too long'),
      })
    },
    release() {
      const [first] = queue
      if (first === undefined) inFlight--
      else {
        queue.delete(first)
        first({})
      }
    },
  }
  return guard
}

/** A guard that refuses everybody. */
export function refusing(): Guard {
  const guard: Guard = { kind: 'guard', name: 'refusing', admit: () => refuse(guard, BulkheadFullError, () => 'never') }
  return guard
}

/** A guard that keeps books and reads no clock. */
export function counting(name = 'counting'): Guard<{ settled: boolean }> & { open: number } {
  return {
    kind: 'guard',
    name,
    open: 0,
    admit() {
      this.open++
      return { settled: false }
    },
    settle(permit) {
      permit.settled = true
    },
    release() {
      this.open--
    },
  }
}

/** A layer of the surrounding kind. */
export function surround(around: <T>(next: Next<T>, attempt: Attempt) => Promise<Outcome<T>>, name = 'surround'): Layer {
  return { kind: 'layer', name, around }
}

/** Runs two attempts at once, and gives the slower one up. */
export function hedging(): Layer {
  return surround(async (next, attempt) => {
    const second = attempt.fork()
    const outcome = await Promise.race([next(attempt), next(second)])
    second.cancel()
    attempt.cancel()
    return outcome
  }, 'hedging')
}
