import type { Attempt } from '../core/attempt.ts'
import type { CallOptions } from '../core/call-options.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { callable, headerName, known, notNegative, oneOf, positive, wrongType } from '../core/options.ts'
import type { PipelineOptions } from '../core/plan.ts'
import type { Guard, Layer } from '../core/policy.ts'
import { classifierOf, type FetchClassify } from './classify.ts'
import type { Classify } from '../core/verdict.ts'
import { idempotentMethods } from './request.ts'

/** What fetch is asked for: a URL or a Request. */
export type FetchInput = Parameters<typeof globalThis.fetch>[0]

/** fetch's own options, and spillway's for this call: `{ method: 'PUT', body, spillway: { priority: 'high', timeoutMs: 500 } }`. */
export type FetchInit = NonNullable<Parameters<typeof globalThis.fetch>[1]> & {
  /**
   * Priority, deadline, key and whatever else a call of a pipeline can be given; or the `Attempt` of an outer pipeline, whose bounds are
   * inherited. `idempotent` here overrules the method. Of several signals fetch's own `signal` counts.
   */
  readonly spillway?: CallOptions | Attempt | undefined
}

/** A list of policies whose layers, where they answer themselves, answer a Response. */
// oxlint-disable-next-line typescript/no-explicit-any -- a list holds guards with different permits; only each guard reads its own
export type FetchPolicies = readonly (Guard<any> | Layer<Response>)[]

/** Those of a pipeline, and what is particular to HTTP. */
export interface FetchOptions extends Omit<PipelineOptions, 'classify' | 'discard'> {
  /** What sends the requests: any function that is called like fetch. Default: `globalThis.fetch`, looked up at each call. */
  // oxlint-disable-next-line typescript/no-explicit-any -- undici's, node-fetch's and other fetches have request types of their own
  readonly fetch?: ((input: any, init?: any) => Promise<Response>) | undefined
  /** What a response or an error says about the server's health. Where it answers `undefined`, {@link classifyFetch} decides. */
  readonly classify?: FetchClassify | undefined
  /** Told each response that is dropped (a retry follows), before its body is cancelled. */
  readonly discard?: ((response: Response) => void) | undefined
  /** Which methods may be repeated once they may have been acted on. Default GET, HEAD, OPTIONS, TRACE, PUT, DELETE. */
  readonly retryMethods?: readonly string[] | undefined
  /**
   * Gives requests whose method HTTP does not call idempotent (POST, PATCH) an `Idempotency-Key` header where they have none, the same for
   * all attempts of a call, which makes them repeatable: for servers that honour it. `true`: a random UUID; a function: what it
   * returns. Default: none.
   */
  readonly idempotencyKey?: true | (() => string) | undefined
  /**
   * Whether a Request with a body is cloned for each attempt, so that it can be repeated. All of its body is then kept in memory until the Request
   * itself is gone. Default `false`: such a body is a stream, sent once.
   */
  readonly cloneRequests?: boolean | undefined
  /**
   * How long in ms the next part of a body may take, over 0; `Infinity` for as long as it likes. It counts while somebody waits for it: a slow reader is
   * not the server's fault. Default: the innermost timeout of the policies. Never for `text/event-stream`.
   */
  readonly bodyIdleMs?: number | undefined
  /**
   * How long the guards of an attempt wait for its verdict and keep its slot: to the end of the `'body'` (default), which can then still fail, or to
   * its `'headers'`.
   */
  readonly hold?: 'body' | 'headers' | undefined
  /** A body that nobody has begun to read gives its slot back after so many ms, from 0 on, and can still be read. Default 100. */
  readonly unreadMs?: number | undefined
  /** A header that says the number of the attempt, from 1 on: its name, or `true` for `x-attempt`. Default: none. */
  readonly attemptHeader?: true | string | undefined
  /**
   * A header that says how many ms are left to the attempt when it is sent, so that the server need not work for nobody: its name, or `true` for
   * `x-request-timeout-ms`. Left out where nothing bounds the attempt. Default: none.
   */
  readonly timeoutHeader?: true | string | undefined
  /**
   * Adds headers to each attempt when it is sent: `contextHeaders()` of `spillway/context`, `traceHeaders()` of `spillway/trace`, or a function of
   * your own, or several. What one throws is told to `onInternalError`, and the request goes without its headers.
   */
  readonly inject?: Inject | readonly Inject[] | undefined
}

/** Adds headers to an attempt. */
export type Inject = (headers: Headers, attempt: Attempt) => void

export interface FetchSettings {
  readonly clock: Clock
  readonly classify: Classify
  readonly fetch: FetchOptions['fetch']
  readonly retryMethods: ReadonlySet<string>
  readonly idempotencyKey: (() => string) | undefined
  readonly cloneRequests: boolean
  /** `undefined`: the innermost timeout. */
  readonly bodyIdleMs: number | undefined
  readonly hold: 'body' | 'headers'
  readonly unreadMs: number
  readonly attemptHeader: string | undefined
  readonly timeoutHeader: string | undefined
  readonly inject: readonly Inject[]
  /** Whether the server is told anything of an attempt. */
  readonly notes: boolean
}

type Own = Exclude<keyof FetchSettings, 'clock' | 'notes'>
/** What is left for the pipeline. */
export type PipelineRest = Omit<FetchOptions, Own>

/** All of them: what a pipeline learns to take must be named here too. */
const keys: Record<keyof FetchOptions, true> = {
  fetch: true, classify: true, discard: true, retryMethods: true, idempotencyKey: true, cloneRequests: true,
  bodyIdleMs: true, hold: true, unreadMs: true, attemptHeader: true, timeoutHeader: true, inject: true,
  clock: true, random: true, observers: true, onWarning: true, onInternalError: true, abandonAfterMs: true, stacks: true,
}

const randomKey = (): string => globalThis.crypto.randomUUID()

const header = (option: string, said: true | string | undefined, usual: string): string | undefined =>
  said === true ? usual : said === undefined ? undefined : headerName(`fetch.${option}`, said)

/** What the user said over the defaults, checked; and what is left for the pipeline, which checks its own. */
export function settle(options: FetchOptions | undefined): { settings: FetchSettings; rest: PipelineRest } {
  const said: FetchOptions = known('fetch', options, Object.keys(keys) as (keyof FetchOptions)[])
  const { fetch, retryMethods = idempotentMethods, idempotencyKey, cloneRequests = false, bodyIdleMs, hold = 'body', unreadMs = 100, attemptHeader, timeoutHeader, inject, classify, ...rest } = said
  for (const [option, fn] of Object.entries({ fetch, classify, discard: rest.discard })) {
    if (fn !== undefined) callable(`fetch.${option}`, fn)
  }
  if (!Array.isArray(retryMethods) || !retryMethods.every((method) => typeof method === 'string')) wrongType('fetch.retryMethods', 'an array of strings', retryMethods)
  if (idempotencyKey !== undefined && idempotencyKey !== true && typeof idempotencyKey !== 'function') wrongType('fetch.idempotencyKey', 'true or a function', idempotencyKey)
  if (typeof cloneRequests !== 'boolean') wrongType('fetch.cloneRequests', 'true or false', cloneRequests)
  const injects = Array.isArray(inject) ? ([...inject] as Inject[]) : inject === undefined ? [] : [inject as Inject]
  for (const one of injects) callable('fetch.inject', one)
  if (bodyIdleMs !== undefined) positive('fetch.bodyIdleMs', bodyIdleMs)
  const settings = {
    clock: rest.clock ?? systemClock,
    fetch,
    classify: classifierOf(classify),
    retryMethods: new Set(retryMethods.map((method) => method.toUpperCase())),
    idempotencyKey: idempotencyKey === true ? randomKey : idempotencyKey,
    cloneRequests,
    bodyIdleMs,
    hold: oneOf('fetch.hold', hold, ['body', 'headers'] as const),
    unreadMs: notNegative('fetch.unreadMs', unreadMs),
    attemptHeader: header('attemptHeader', attemptHeader, 'x-attempt'),
    timeoutHeader: header('timeoutHeader', timeoutHeader, 'x-request-timeout-ms'),
    inject: injects,
  }
  return { settings: { ...settings, notes: settings.attemptHeader !== undefined || settings.timeoutHeader !== undefined || injects.length > 0 }, rest }
}
