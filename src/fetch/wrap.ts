import type { Attempt } from '../core/attempt.ts'
import type { CallOptions } from '../core/call-options.ts'
import { type Pipeline, pipeline } from '../core/pipeline.ts'
import type { Classify } from '../core/verdict.ts'
import { answerOf, discardResponse } from './discard.ts'
import { type FetchInit, type FetchInput, type FetchOptions, type FetchPolicies, type FetchSettings, type PipelineRest, settle } from './options.ts'
import { read } from './request.ts'
import { sender } from './send.ts'
import { standard } from './standard.ts'

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
 * The call lasts to the end of the body: the response is fetch's own, and however its body is read, a part of it that does not come within
 * `bodyIdleMs` breaks it off with a `TimeoutError`, the timeouts around the attempt and the caller's signal still count, a slot is held
 * to its end, and what becomes of it is what a breaker learns.
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
  const inner = httpPipeline(name, policies, settings.classify, rest)
  return Object.assign(caller((fn, call) => inner.run(fn, call), settings), { pipeline: inner })
}

/** Runs the function of one call in the pipeline for its input. */
export type Run = (fn: (attempt: Attempt) => Promise<Response>, call: CallOptions | undefined, input: FetchInput) => Promise<Response>

/** The function that is called like fetch. It is not `async`, which would make two promises more for each call. */
export function caller(run: Run, settings: FetchSettings): (input: FetchInput, init?: FetchInit) => Promise<Response> {
  return (input, init) => {
    try {
      const asked = read(input, init, settings)
      return run(sender(asked, settings), asked.call, input).then(answerOf)
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }
}

/** A pipeline that knows what its responses mean, and lets go of those that are dropped. */
export function httpPipeline(name: string, policies: FetchPolicies, classify: Classify, { discard, ...others }: PipelineRest): Pipeline {
  return pipeline(name, policies, {
    ...others,
    classify,
    discard(value: unknown) {
      try {
        discard?.(value as Response)
      } finally {
        discardResponse(value)
      }
    },
  })
}
