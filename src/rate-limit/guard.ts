import type { Attempt } from '../core/attempt.ts'
import type { Clock } from '../core/clock.ts'
import { RateLimitedError } from '../core/errors.ts'
import { type Guard, type Host, type Later, later, type Mode, observed, type Policy, refuse, type Refusal, unguarded } from '../core/policy.ts'
import type { Settled } from '../core/verdict.ts'
import { Tokens } from '../math/tokens.ts'
import { type RateLimitOptions, type RateLimitSettings, settings, type Stated, stated } from './options.ts'
import { Pace, Waiter } from './pace.ts'
import type { RateLimit } from './rate-limit.ts'
import { warnings } from './warnings.ts'
import { refusing } from './words.ts'

/** Takes a token for each attempt, and lets wait who gets one in time. */
export class RateLimitGuard implements RateLimit, Guard {
  readonly kind = 'guard'
  readonly type = 'rateLimit'
  readonly name: string
  options: RateLimitSettings
  #said: Stated
  readonly #tokens: Tokens
  readonly #pace: Pace
  #clock: Clock | undefined
  /** The permit of every attempt: tokens are alike. */
  readonly #token: object = {}

  constructor(options: RateLimitOptions) {
    this.#said = stated(options)
    this.options = settings(this.#said)
    const { permits, everyMs, burst, name } = this.options
    this.name = name
    this.#tokens = new Tokens(permits, everyMs, burst)
    this.#pace = new Pace(this.#tokens, this.#token)
  }

  bind({ clock }: Host): void {
    this.#clock = clock
    this.#pace.begin(clock)
  }

  get keepsNothing(): true {
    return true
  }

  // ── the hooks ──

  admit(attempt: Attempt): object | Refusal | Later {
    return this.#ask(attempt) ?? this.#wait(attempt)
  }

  settle(permit: object, settled: Settled): void {
    if (permit !== this.#token) return
    const { maxRetryAfterMs, mode } = this.options
    const { verdict, retryAfterMs = 0 } = settled
    if (verdict === 'unused') {
      this.#tokens.refund(settled.settledAt)
      this.#pace.serve(settled.settledAt)
      return
    }
    const pauseMs = Math.min(retryAfterMs, maxRetryAfterMs)
    if (pauseMs > 0 && mode !== 'off' && this.#tokens.hold(settled.settledAt + pauseMs, settled.settledAt)) this.#review(settled.settledAt)
  }

  pressure(): number {
    const { burst, mode } = this.options
    if (mode !== 'enforce' || burst === Infinity) return 0
    return 1 - this.available / Math.max(1, burst)
  }

  warn(list: readonly Policy[], index: number): string[] {
    return warnings(this.options, list.slice(0, index))
  }

  // ── tokens and who waits for them ──

  /** Yes or no; `undefined`: it may wait. */
  #ask(attempt: Attempt): object | Refusal | undefined {
    const { mode } = this.options
    if (mode === 'off') return unguarded
    const now = attempt.now()
    // A timer may be late: who waits comes first. Then nobody waits any more, or no token is there.
    this.#pace.serve(now)
    if (this.#tokens.take(now)) return this.#token
    if (mode === 'observe') return observed(attempt, this.#refusal(now))
    return this.#mayWait(attempt, now) ? undefined : this.#refusal(now)
  }

  /** Whether there is a place for one more, and its token is due in time. Without a pipeline there is no stage to wait in. */
  #mayWait(attempt: Attempt, now: number): boolean {
    const { queue, maxWaitMs } = this.options
    return this.#clock !== undefined && this.queued < queue && this.#pace.inTime(this.queued + 1, now + maxWaitMs, attempt.deadline)
  }

  #wait(attempt: Attempt): Later {
    let waiter: Waiter
    return later({
      // Its token comes in time, as is known beforehand; what makes it come later, refuses at once.
      maxWaitMs: Infinity,
      start: (wake) => {
        // Listeners have run since `admit`, and whatever they did.
        const answer = this.#ask(attempt)
        if (answer !== undefined) return wake(answer)
        const now = attempt.now()
        this.#pace.join((waiter = new Waiter(wake, now + this.options.maxWaitMs, attempt.deadline)), now)
      },
      cancel: () => this.#pace.leave(waiter),
      expired: () => this.#refusal(attempt.now()),
    })
  }

  /** The schedule has changed: refuses at once who would now wait in vain. */
  #review(now: number): void {
    this.#pace.review(now, (n) => this.#refusal(now, n))
  }

  /** Of who would get the n-th token from now on: when nobody is told, the one behind all who wait. */
  #refusal(now: number, n: number = this.queued + 1): Refusal {
    const due = this.#tokens.due(n)
    const retryAfterMs = Number.isFinite(due) ? wholeMs(now, due) : undefined
    return refuse(this, RateLimitedError, refusing(this.options, this.#tokens.held(now), retryAfterMs), retryAfterMs)
  }

  // ── what it is, and what its owner does ──

  get available(): number {
    return this.#tokens.available(this.#clock?.now())
  }

  get queued(): number {
    return this.#pace.queued
  }

  get mode(): Mode {
    return this.options.mode
  }

  update(options: Partial<Omit<RateLimitOptions, 'name'>>): void {
    const said = stated(options, this.#said)
    const { permits, everyMs, burst, mode } = (this.options = settings(said))
    this.#said = said
    const now = this.#clock?.now()
    this.#tokens.update(permits, everyMs, burst, now)
    if (mode !== 'enforce') this.#pace.letGo()
    else if (now !== undefined) this.#review(now)
  }
}

/** From `now` until `due`, rounded up: who comes again after so many ms does not come too early, whatever the fractions. */
function wholeMs(now: number, due: number): number {
  const ms = Math.floor(due - now)
  return now + ms < due ? ms + 1 : ms
}
