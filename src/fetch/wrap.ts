import { type Pipeline, pipeline } from '../core/pipeline.ts'
import { heed } from './abort.ts'
import { classifierOf } from './classify.ts'
import { answerOf, discardResponse } from './discard.ts'
import { type FetchInit, type FetchInput, type FetchOptions, type FetchPolicies, settle } from './options.ts'
import { read } from './request.ts'
import { sender } from './send.ts'
import { standard } from './standard.ts'
import { original } from './unproven.ts'

/** Assignable to `typeof fetch`: any client that takes a fetch of your own takes this one. */
export interface ResilientFetch {
  (input: FetchInput, init?: FetchInit): Promise<Response>
  /** What runs the calls: for `on(…)`, `describe()`, `close()`. */
  readonly pipeline: Pipeline
}

/**
 * A fetch that goes through policies. It answers as fetch does, a response of any status included; beyond that it rejects with a
 * `RejectedError` where nothing was sent, and a `TimeoutError` where no answer came in time.
 *
 * Use one per dependency: its breaker, its slots and its retry budget are what all of its calls share.
 *
 * @param name what events, errors and metrics call it
 * @param policies outermost first, as for `pipeline`; default {@link standard}`()`
 * @param options those of a pipeline, and {@link FetchOptions}
 * @throws TypeError or RangeError for options that make no sense. What is wrong with a single call rejects that call.
 */
export function resilientFetch(name: string, policies: FetchPolicies = standard(), options?: FetchOptions): ResilientFetch {
  const { settings, rest } = settle(options)
  const { classify, discard, ...others } = rest
  const inner: Pipeline = pipeline(name, policies, {
    ...others,
    classify: classifierOf(classify),
    discard(value: unknown) {
      try {
        discard?.(value as Response)
      } finally {
        discardResponse(value)
      }
    },
  })
  const call = async (input: FetchInput, init?: FetchInit): Promise<Response> => {
    const asked = read(input, init, settings)
    try {
      const response = answerOf(await inner.run(sender(asked, settings), asked.call))
      if (asked.signal !== undefined) heed(asked.signal, response)
      return response
    } catch (error) {
      throw original(error)
    }
  }
  return Object.assign(call, { pipeline: inner })
}
