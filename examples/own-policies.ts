// A guard and a layer of one's own, and a guard used by hand.
import { again, attempt, type Attempt, breaker, BulkheadFullError, type Guard, later, type Layer, type Outcome, pipeline, refuse, Refusal, RejectedError, settled, type Settled, type Theirs } from 'spillway'

// #region guard
class MaintenanceError extends RejectedError {
  override readonly code = 'MAINTENANCE'
}

/** Refuses calls while the dependency is known to be under maintenance, and counts what it let pass. */
function maintenance(isDown: () => boolean): Guard & { readonly passed: number } {
  const permit = {} // one permit for all: this guard remembers nothing of a single attempt
  let passed = 0
  return {
    kind: 'guard',
    name: 'maintenance',
    get passed() {
      return passed
    },
    admit(_attempt: Attempt): object | Refusal {
      return isDown() ? refuse(this, MaintenanceError, () => 'under maintenance', 60_000) : permit
    },
    settle(_permit: object, { verdict }: Settled): void {
      if (verdict !== 'unused') passed++ // `unused`: a guard further in refused it
    },
  }
}
// #endregion guard

// #region layer
/** Asks once more, at once, when the answer was empty. */
function askTwice(): Layer {
  return {
    kind: 'layer',
    name: 'askTwice',
    after(outcome, _attempt, previous) {
      const empty = outcome.ok && Array.isArray(outcome.value) && outcome.value.length === 0
      return empty && previous === undefined ? again(0) : outcome
    },
  }
}
// #endregion layer

// #region surround
/** Runs the function twice at the same time and takes whichever attempt ends first. */
function race(): Layer {
  return {
    kind: 'layer',
    name: 'race',
    async around(next, one) {
      const other = one.fork()
      const first = await Promise.race([next(one), next(other)])
      one.cancel() // whoever has lost is aborted; the winner is over, and this does nothing to it
      other.cancel()
      return first
    },
  }
}
// #endregion surround

// #region queue
/** One attempt at a time; the others wait in line. */
function turnstile(): Guard {
  const permit = {}
  const line = new Set<(permit: object) => void>()
  let busy = false
  return {
    kind: 'guard',
    name: 'turnstile',
    admit({ priority }) {
      if (!busy) {
        busy = true
        return permit
      }
      let wakeMe: (permit: object) => void
      return later({
        maxWaitMs: 1_000,
        start: (wake) => void line.add((wakeMe = wake)),
        cancel: () => void line.delete(wakeMe), // the caller has gone, or waited too long
        expired: () => refuse(this, BulkheadFullError, () => `waited 1 s for its turn (${priority})`),
      })
    },
    release() {
      const [next] = line
      if (next === undefined) busy = false
      else {
        line.delete(next)
        next(permit) // handed over: the permit is the stage's from here on
      }
    },
  }
}
// #endregion queue

// #region cache
/** Answers from memory for a minute: `ignored`, because that says nothing about the dependency. */
function memory(nowMs: () => number): Layer {
  const kept = new Map<string, { readonly outcome: Outcome<Theirs>; readonly until: number }>()
  return {
    kind: 'layer',
    name: 'memory',
    async around(next, one) {
      const { key = '' } = one.call
      const hit = kept.get(key)
      if (hit !== undefined && nowMs() < hit.until) return { ...hit.outcome, verdict: 'ignored' }
      const outcome = await next(one)
      if (outcome.verdict === 'success') kept.set(key, { outcome: { ...outcome }, until: nowMs() + 60_000 })
      return outcome
    },
  }
}
// #endregion cache

let down = false
const guard = maintenance(() => down)
const answers = [[], ['found']]
const search = pipeline('search', [guard, askTwice()])
console.log(await search.run(async () => answers.shift()))
down = true
await search.run(async () => []).catch((error: unknown) => console.log(error instanceof MaintenanceError && error.message))

const raced = pipeline('raced', [race()])
console.log(await raced.run(({ number }) => new Promise<string>((resolve) => setTimeout(resolve, number === 1 ? 50 : 1, `attempt ${number} won`))))

// #region twoStep
const gate = breaker({ consecutive: 3 })

function openStream(start: (onEnd: (error?: Error) => void) => void): void {
  const one = attempt()
  const permit = gate.admit(one)
  if (permit instanceof Refusal) throw permit.toError('stream')
  start((error) => gate.settle(permit, settled(error ? 'failure' : 'success', one), one))
}
// #endregion twoStep
openStream((onEnd) => onEnd())

let running = 0
let most = 0
const single = pipeline('single', [turnstile()])
await Promise.all([1, 2, 3].map(() => single.run(async () => {
  most = Math.max(most, ++running)
  await new Promise((resolve) => setTimeout(resolve, 1))
  running--
})))
console.log(`at most ${most} at a time`)

let loads = 0
const remembered = pipeline('remembered', [memory(() => performance.now())])
for (const key of ['a', 'a', 'b']) await remembered.run(async () => ++loads, { key })
console.log(`loaded ${loads} times`)

console.log(gate.state)

// prints: [ 'found' ]
// prints: Cannot call "search": under maintenance
// prints: attempt 2 won
// prints: closed
// prints: at most 1 at a time
// prints: loaded 2 times
