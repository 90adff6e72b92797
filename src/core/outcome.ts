import type { AttemptRecord } from './attempt-record.ts'
import type { RejectedError } from './errors.ts'
import type { Refusal } from './policy.ts'
import type { Clock } from './clock.ts'
import type { EndedBy, Outcome, Settled, Verdict } from './verdict.ts'

/** The one shape in which the outcomes of real work travel. */
export class Result {
  /** The attempt that still holds its permits for what goes on after the answer (`attempt.until`). */
  holder: AttemptRecord | undefined = undefined
  /** Whether `discard` has had the value. */
  dropped = false
  constructor(
    readonly ok: boolean,
    readonly value: unknown,
    readonly error: unknown,
    readonly verdict: Verdict,
    readonly endedBy: EndedBy,
    readonly retryAfterMs: number | undefined,
  ) {}
}

export function succeeded<T>(value: T, verdict: Verdict, retryAfterMs?: number): Outcome<T> {
  return new Result(true, value, undefined, verdict, 'work', retryAfterMs) as Outcome<T>
}

export function failed(error: unknown, verdict: Verdict, endedBy: EndedBy = 'work', retryAfterMs?: number): Outcome<never> {
  return new Result(false, undefined, error, verdict, endedBy, retryAfterMs) as unknown as Outcome<never>
}

/** Where a refusal happened: what its error says beside the refusal itself. */
export interface Edge {
  readonly name: string
  /** The name as messages have it, made once: 60 of 1 100 ns. */
  readonly quoted: string
  readonly stacks: boolean
}

/** A refusal on its way out. Its error is made when somebody reads it, at the latest at the edge of the pipeline. */
export class Refused {
  readonly ok = false
  readonly verdict = 'unused'
  readonly endedBy = 'refusal'
  private made: RejectedError | undefined = undefined
  constructor(
    readonly refusal: Refusal,
    readonly edge: Edge,
    readonly attempts: number,
  ) {}
  get retryAfterMs(): number | undefined {
    return this.refusal.retryAfterMs
  }
  get error(): RejectedError {
    return (this.made ??= this.refusal.toError(this.edge.name, this.attempts, this.edge.stacks, this.edge.quoted))
  }
}

/** What `tryRun` answers. `error` of a refusal is made when it is first read; a spread copy of that result is without it. */
export type TryResult<T> =
  | { readonly ok: true; readonly value: T; readonly attempts: number }
  | { readonly ok: false; readonly error: unknown; readonly attempts: number }

/** A refusal makes its error only for who reads it. The getter is the class's: one of the object's own takes 300 ns to define. */
class RefusedResult {
  readonly ok = false
  readonly attempts: number
  readonly #outcome: Refused
  constructor(outcome: Refused) {
    this.attempts = outcome.attempts
    this.#outcome = outcome
  }
  get error(): unknown {
    return this.#outcome.error
  }
  /** In a log it shows its error, as any other result. */
  [Symbol.for('nodejs.util.inspect.custom')](): object {
    return this.toJSON()
  }
  toJSON(): object {
    const { ok, error, attempts } = this
    return { ok, error, attempts }
  }
}

/** What `tryRun` answers to a refusal. */
export function refusedResult(outcome: Refused): TryResult<never> {
  return new RefusedResult(outcome)
}

/** What the guards are told; it reads the clock when the first of them asks. */
export class SettledRecord implements Settled {
  /** Whether observers have been told of the attempt. */
  told = false
  /** NaN, the only number that is not itself, as long as nobody has asked. */
  private at = NaN
  constructor(
    public verdict: Verdict,
    public endedBy: EndedBy,
    public retryAfterMs: number | undefined,
    readonly clock: Clock,
  ) {}
  get settledAt(): number {
    if (this.at !== this.at) this.at = this.clock.now()
    return this.at
  }

  /** Now, whenever it is asked. */
  stamp(): void {
    void this.settledAt
  }

  /** Of another attempt from now on, for who is sure that nobody has kept it. */
  renew(verdict: Verdict, endedBy: EndedBy, retryAfterMs: number | undefined): this {
    this.verdict = verdict
    this.endedBy = endedBy
    this.retryAfterMs = retryAfterMs
    this.at = NaN
    return this
  }

  /** The same instant, for whoever settles in the turn of this one. */
  as(verdict: Verdict, endedBy: EndedBy, retryAfterMs: number | undefined): SettledRecord {
    if (verdict === this.verdict && endedBy === this.endedBy && retryAfterMs === this.retryAfterMs) return this
    const other = new SettledRecord(verdict, endedBy, retryAfterMs, this.clock)
    other.at = this.at
    return other
  }
}
