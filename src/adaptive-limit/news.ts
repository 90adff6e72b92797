import { nameDuration } from '../core/duration.ts'
import type { PolicyEvents } from '../core/events.ts'
import { SizeRule } from './size-rule.ts'

/** A change of the limit is told when it has come to a tenth, and to one. */
const TOLD = 0.1

export const rounded = (limit: number): number => Math.round(limit * 10) / 10

/** What is told of a limit: how it moves, and once that it is too large. */
export class News {
  readonly #rule = new SizeRule()
  #warned = false

  /** @param told the limit that was told last */
  constructor(
    readonly events: PolicyEvents,
    readonly policy: string,
    private told: number,
  ) {}

  limit(limit: number, inFlight: number, { min, max }: { readonly min: number; readonly max: number }, at: number): void {
    const { told: from, policy, events } = this
    if (limit === from || (Math.abs(limit - from) < Math.max(1, from * TOLD) && limit !== min && limit !== max)) return
    this.told = limit
    if (events.wants('limit.changed')) events.emit('limit.changed', { policy, at, limit: rounded(limit), from: rounded(from), inFlight })
  }

  /** The limit has held somebody back. */
  full(): void {
    this.#rule.full()
  }

  result(success: boolean, limit: number, timeoutMs: number, at: number): void {
    if (this.#warned || timeoutMs === Infinity) return
    const most = this.#rule.result(success, limit, timeoutMs, at)
    if (most === undefined) return
    this.#warned = true
    const { policy, events } = this
    if (!events.wants('policy.warned')) return
    const message =
      `${policy}: the limit of ${rounded(limit)} is more than this process should have of a dependency that answers within ${nameDuration(timeoutMs)} (${rounded(most)}, half of what it answers ` +
      'in that time): after a stall, calls would wait longer than that behind those before them. Lower min or max, or raise the timeout'
    events.emit('policy.warned', { policy, at, message })
  }
}
