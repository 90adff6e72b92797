import { checkClock, type Clock, systemClock } from '../core/clock.ts'
import { reportToConsole } from '../core/hooks.ts'
import { callable, count, finitePositive, known, nameOf, outOfRange, wrongType } from '../core/options.ts'

export interface DashboardOptions {
  /** What the page is headed with: the name of the service, say. Default `'spillway'`. */
  readonly title?: string | undefined
  /** How many ms lie between two frames of the stream: over 0, finite. Default 1 000. */
  readonly everyMs?: number | undefined
  /** How many streams there may be at a time: a whole number from 0 on. Further ones are refused with a 503. Default 100. */
  readonly maxClients?: number | undefined
  /** How many pipelines a frame holds, those that most need attention: a whole number from 1 on, finite. The others are found by search. Default 100. */
  readonly shown?: number | undefined
  /**
   * Whether breakers may be isolated and closed, and the shares of throttles set, from the page. Needs `authorize`. Default `false`: read-only.
   */
  readonly allowControl?: boolean | undefined
  /**
   * Asked before each command: whether whoever sent this request may give it. Look at its cookie or token. What it throws, or rejects with, is a no.
   * Requests of other sites are refused before it is asked.
   */
  readonly authorize?: ((request: Request) => boolean | PromiseLike<boolean>) | undefined
  /** Told what went wrong inside: a recorder or `authorize` that throws. Default `console.error`. */
  readonly onInternalError?: ((error: unknown) => void) | undefined
  /** For tests. Default: `performance.now` and `setTimeout`. */
  readonly clock?: Clock | undefined
}

export interface DashboardSettings {
  readonly title: string
  readonly everyMs: number
  readonly maxClients: number
  readonly shown: number
  /** `undefined`: read-only. */
  readonly authorize: ((request: Request) => boolean | PromiseLike<boolean>) | undefined
  readonly onInternalError: (error: unknown) => void
  readonly clock: Clock
}

const keys = ['title', 'everyMs', 'maxClients', 'shown', 'allowControl', 'authorize', 'onInternalError', 'clock'] as const

export const defaults: { readonly title: string; readonly everyMs: number; readonly maxClients: number; readonly shown: number } = Object.freeze({
  title: 'spillway',
  everyMs: 1_000,
  maxClients: 100,
  shown: 100,
})

export function settings(options: DashboardOptions | undefined): DashboardSettings {
  const said = known('dashboard', options, keys)
  const { title, everyMs, maxClients, shown, allowControl = false, authorize, onInternalError = reportToConsole, clock = systemClock } = { ...defaults, ...said }
  if (typeof allowControl !== 'boolean') wrongType('dashboard.allowControl', 'a boolean', allowControl)
  if (authorize !== undefined) callable('dashboard.authorize', authorize)
  checkClock('dashboard.clock', clock)
  if (allowControl && authorize === undefined) wrongType('dashboard.authorize', 'a function where allowControl is true', authorize)
  return Object.freeze({
    title: nameOf('dashboard.title', title),
    everyMs: finitePositive('dashboard.everyMs', everyMs),
    maxClients: count('dashboard.maxClients', maxClients),
    shown: finite('dashboard.shown', count('dashboard.shown', shown, 1)),
    authorize: allowControl ? authorize : undefined,
    onInternalError: callable('dashboard.onInternalError', onInternalError),
    clock,
  })
}

function finite(option: string, n: number): number {
  return n < Infinity ? n : outOfRange(option, 'finite', n)
}
