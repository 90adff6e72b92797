import type { Priority } from './attempt.ts'
import type { CallOptions } from './call-options.ts'
import type { Clock } from './clock.ts'

/** Which trace a call belongs to. spillway looks at no more of it than the id. */
export interface Trace {
  /** 32 hex digits, as W3C Trace Context has them. */
  readonly traceId: string
}

/** What calls get from their surroundings where they say nothing else. */
export interface Inherited {
  readonly priority?: Priority | undefined
  readonly subLevel?: number | undefined
  readonly trace?: Trace | undefined
  /** A point on `clock`; Infinity for none. */
  readonly deadline: number
  readonly clock: Clock
}

/** Nothing costs nothing: without a source, a call reads one variable. */
let source: (() => Inherited | undefined) | undefined

/** Where calls shall look for their surroundings; `spillway/context` says so when it is first used. One for the process, because surroundings are the process's. */
export function inheritFrom(current: () => Inherited | undefined): void {
  source = current
}

/** Whether calls have any. */
export const surrounded = (): boolean => source !== undefined

/**
 * The options of a call with what it inherits. What the call says itself comes first; of the inherited deadline and its own `timeoutMs` the
 * earlier one counts; a `deadline` of its own takes the place of the inherited one.
 */
export function inheriting(said: CallOptions | undefined, clock: Clock): CallOptions | undefined {
  const from = source?.()
  if (from === undefined) return said
  const { signal, timeoutMs, deadline, priority, subLevel, trace, key, operation, meta, idempotent, repeatable } = said ?? {}
  const own: { [K in keyof Required<CallOptions>]: CallOptions[K] } = {
    signal, timeoutMs, key, operation, meta, idempotent, repeatable,
    deadline: deadline ?? on(clock, from),
    priority: priority ?? from.priority,
    subLevel: subLevel ?? from.subLevel,
    trace: trace ?? from.trace,
  }
  return own
}

/** Between two clocks only the span that is left means the same. */
function on(clock: Clock, { deadline, clock: theirs }: Inherited): number | undefined {
  if (deadline === Infinity) return undefined
  return theirs === clock ? deadline : clock.now() + deadline - theirs.now()
}
