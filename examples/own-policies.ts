// A guard and a layer of one's own, and a guard used by hand.
import { again, attempt, type Attempt, breaker, type Guard, type Layer, pipeline, refuse, Refusal, RejectedError, settled, type Settled } from 'spillway'

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
console.log(gate.state)

// prints: [ 'found' ]
// prints: Cannot call "search": under maintenance
// prints: attempt 2 won
// prints: closed
