import type { Attempt } from '../core/attempt.ts'
import { callable, type Effective, known, nameOf } from '../core/options.ts'
import type { Outcome } from '../core/verdict.ts'

export interface FallbackOptions {
  /**
   * Whether to answer this outcome. Default: verdict `failure` or `overload`, values too; every `RejectedError`, `TimeoutError` and
   * `FallbackFailedError`; never what the caller ended. It is asked about every outcome, successes too. Synchronous; if it
   * throws, or answers anything but true or false, that error is the call's.
   */
  // oxlint-disable-next-line typescript/no-explicit-any -- one `when` serves every function of a pipeline
  readonly when?: ((outcome: Outcome<any>, attempt: Attempt) => boolean) | undefined
  /** What events, errors and `describe()` call it. Default `'fallback'`. */
  readonly name?: string | undefined
}

/** What is in force. */
export type FallbackSettings = Effective<Pick<FallbackOptions, 'name'>> & Pick<FallbackOptions, 'when'>

const defaults = Object.freeze({ name: 'fallback' })

/** What the user said over what was in force `before`, or over the defaults; checked as a whole. */
export function settle(options: FallbackOptions | undefined, before?: FallbackSettings): FallbackSettings {
  const said = known('fallback', options, before === undefined ? ['when', 'name'] : ['when'])
  const settings = { ...(before ?? defaults), ...said } as FallbackSettings
  if (settings.when !== undefined) callable('fallback.when', settings.when)
  nameOf('fallback.name', settings.name)
  return Object.freeze(settings)
}
