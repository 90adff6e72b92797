import type { Clock } from '../core/clock.ts'
import { show, wrongType } from '../core/options.ts'
import { type Pipeline, planOf } from '../core/pipeline.ts'
import type { Keeper, Plan } from '../core/plan.ts'
import type { Undo } from '../core/events.ts'
import { Resting, type State } from './idle.ts'

/** What a policy shows as its `budget`, where that can share a floor with others of a family: that of retry, of hedge. */
interface Sharing {
  readonly budget?: { shareFloor?(floors: Map<string, unknown>): void } | null | undefined
}

/** The pipeline of one key. */
export class Kept extends Resting implements Keeper {
  /** Removed; calls of it still run. */
  gone = false
  /** Ends what it tells the listeners of all keys. */
  silence: Undo | undefined = undefined

  constructor(
    readonly key: string,
    readonly pipeline: Pipeline<unknown>,
    readonly plan: Plan,
    readonly atRest: (kept: Kept) => void,
  ) {
    super()
  }

  rested(): void {
    this.atRest(this)
  }

  state(): State {
    const { plan } = this
    if (plan.inFlight > 0) return 'running'
    try {
      return plan.busy ? 'busy' : 'idle'
    } catch (error) {
      plan.report(error)
      return 'busy'
    }
  }

  /** Its retries and hedges draw on the floors of the family. */
  shareFloors(floors: Map<string, unknown>): void {
    for (const { options } of this.plan.policies) (options as Sharing | undefined)?.budget?.shareFloor?.(floors)
  }
}

/** What the factory has made, if it can be kept. */
export function checked(made: unknown, key: string, clock: Clock | undefined): Plan {
  const what = `what the factory of keyed returns for ${show(key)}`
  const plan = planOf(made) ?? wrongType(what, 'a pipeline made by pipeline(…)', made)
  if (plan.keeper !== undefined) throw new TypeError(`${what} must be a pipeline of its own, got ${show(plan.name)}, which is kept for another key`)
  if (clock !== undefined && clock !== plan.clock) throw new TypeError(`${what} must be on the clock of the pipelines made before`)
  return plan
}
