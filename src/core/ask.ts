import type { AttemptRecord } from './attempt-record.ts'
import { isThenable } from './hooks.ts'
import { show, wrongType } from './options.ts'
import { failed, succeeded } from './outcome.ts'
import type { LayerNode, Plan } from './plan.ts'
import { Again, type Layer, type Theirs } from './policy.ts'
import { type Outcome, type Verdict, verdicts } from './verdict.ts'

// Asks the user's code, and looks at what it says: what it throws, and nonsense, become the error of the call alone, with a
// verdict that says nothing about the dependency.

/** Classifies what the function answered. */
export function askClassify(plan: Plan, attempt: AttemptRecord, ok: boolean, result: unknown): Outcome<unknown> {
  if (ok && plan.trusting) return succeeded(result, 'success')
  try {
    const said = plan.classify(ok ? { ok, value: result } : { ok, error: result }, attempt)
    const { verdict, retryAfterMs } = typeof said === 'string' ? { verdict: said } : ((said ?? {}) as { verdict?: Verdict; retryAfterMs?: number })
    // `unused` is what the stage says of an attempt that did not run; this one did.
    if (verdict === undefined || verdict === 'unused' || !verdicts.includes(verdict)) wrongType('what classify answered', `one of ${verdicts.slice(0, -1).join(', ')}, or an object with it as verdict`, said)
    if (retryAfterMs !== undefined && !(typeof retryAfterMs === 'number' && retryAfterMs >= 0)) throw new RangeError(`retryAfterMs of classify must be a number from 0 on, got ${show(retryAfterMs)}`)
    return ok ? succeeded(result, verdict, retryAfterMs) : failed(result, verdict, 'work', retryAfterMs)
  } catch (error) {
    if (ok) plan.discard(result)
    return failed(error, 'ignored')
  }
}

/** What a step says. */
export type Asked = Outcome<unknown> | Again | Promise<Outcome<unknown>>

/** Asks the step at node `at`. */
export function askStep({ layer, after }: LayerNode, at: number, outcome: Outcome<unknown>, attempt: AttemptRecord): Asked {
  let { trail } = attempt
  while (trail !== undefined && trail.at > at) trail = trail.rest
  try {
    const said: unknown = after!.call(layer, outcome as Outcome<Theirs>, attempt, trail?.at === at ? trail.said : undefined)
    if (said === outcome) return outcome
    if (said instanceof Again) {
      if (said.delayMs >= 0 && said.delayMs < Infinity) return said
      throw new RangeError(`again(delayMs) of the layer ${show(layer.name)} must be a finite number from 0 on, got ${show(said.delayMs)}`)
    }
    return isThenable(said) ? Promise.resolve(said as PromiseLike<Outcome<unknown>>) : checked(said, layer)
  } catch (error) {
    return failed(error, 'ignored')
  }
}

/** A layer's outcome; nonsense becomes an error that names the layer. */
export function checked(said: unknown, layer: Layer<unknown>): Outcome<unknown> {
  const outcome = said as Outcome<unknown> | null | undefined
  if (typeof outcome === 'object' && outcome !== null && typeof outcome.ok === 'boolean' && verdicts.includes(outcome.verdict)) return outcome
  return failed(new TypeError(`The layer ${show(layer.name)} must answer an outcome with ok and verdict, got ${show(said)}`), 'ignored')
}
