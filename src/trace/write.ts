import type { Attempt } from '../core/attempt.ts'
import { callable, known, oneOf, wrongType } from '../core/options.ts'
import { newSpanId, newTrace, type TraceContext, type TraceFormat } from './trace-context.ts'

interface HeadersToSet {
  set(name: string, value: string): unknown
}

export interface TraceHeadersOptions {
  /** Default: `['w3c']`, and that in which the trace came, if another. */
  readonly formats?: readonly TraceFormat[] | undefined
  /**
   * Whether a call that belongs to no trace begins one, and whether that is recorded: what comes after it mostly does as it is told. Default: it
   * begins none.
   */
  readonly start?: 'sampled' | 'unsampled' | (() => boolean) | undefined
  /** Whether baggage is carried on. It may say things of users that are no third party's business. Default `true`. */
  readonly baggage?: boolean | undefined
  /** 0..1, for the ids. Default `Math.random`. */
  readonly random?: (() => number) | undefined
}

const formatNames = ['w3c', 'b3', 'b3multi'] as const
const spans = new WeakMap<Attempt, TraceContext>()

/**
 * Carries the trace of a call onward, with a span id of its own for each attempt: for `inject` of a resilient fetch, or by hand:
 * `traceHeaders()(headers, attempt)`. What a call says itself of these headers is replaced.
 *
 * @throws RangeError, TypeError for options that make no sense
 */
export function traceHeaders(options?: TraceHeadersOptions): (headers: HeadersToSet, attempt: Attempt) => void {
  const { formats, start, baggage = true, random } = known('traceHeaders', options, ['formats', 'start', 'baggage', 'random'])
  if (formats !== undefined) {
    if (!Array.isArray(formats)) wrongType('traceHeaders.formats', 'an array', formats)
    for (const format of formats) oneOf('traceHeaders.formats', format as TraceFormat, formatNames)
  }
  if (start !== undefined && typeof start !== 'function') oneOf('traceHeaders.start', start, ['sampled', 'unsampled'] as const)
  if (typeof baggage !== 'boolean') wrongType('traceHeaders.baggage', 'true or false', baggage)
  if (random !== undefined) callable('traceHeaders.random', random)

  const began = (): TraceContext | undefined =>
    start === undefined ? undefined : newTrace({ sampled: typeof start === 'function' ? start() : start === 'sampled', random })

  return (headers, attempt) => {
    const { call } = attempt
    // A call may bring a trace of its user's own making.
    const trace = (call.trace ??= began()) as Partial<TraceContext> | undefined
    const { traceId = '', sampled, format = 'w3c' } = trace ?? {}
    if (!/^[\da-f]{32}$/.test(traceId)) return
    const span: TraceContext = { ...trace, traceId, sampled, format, spanId: newSpanId(random) }
    spans.set(attempt, span)
    const wanted: readonly TraceFormat[] = formats ?? (format === 'w3c' ? ['w3c'] : ['w3c', format])
    for (const one of wanted) write[one](headers, span, trace?.spanId)
    if (baggage && span.baggage !== undefined) headers.set('baggage', span.baggage)
  }
}

/** What an attempt was sent as: for logs, and for spans of one's own. `undefined` where none was sent. */
export function spanOf(attempt: Attempt): TraceContext | undefined {
  return spans.get(attempt)
}

const write: Record<TraceFormat, (headers: HeadersToSet, span: TraceContext, parent: string | undefined) => void> = {
  w3c(headers, { traceId, spanId, sampled, tracestate }) {
    headers.set('traceparent', `00-${traceId}-${spanId}-${sampled === true ? '01' : '00'}`)
    if (tracestate !== undefined) headers.set('tracestate', tracestate)
  },
  b3(headers, { traceId, spanId, sampled, debug }, parent) {
    const state = debug === true ? 'd' : sampled === undefined ? '' : sampled ? '1' : '0'
    headers.set('b3', [traceId, spanId, ...(state === '' ? [] : parent === undefined ? [state] : [state, parent])].join('-'))
  },
  b3multi(headers, { traceId, spanId, sampled, debug }, parent) {
    headers.set('x-b3-traceid', traceId)
    headers.set('x-b3-spanid', spanId)
    if (parent !== undefined) headers.set('x-b3-parentspanid', parent)
    if (debug === true) headers.set('x-b3-flags', '1')
    else if (sampled !== undefined) headers.set('x-b3-sampled', sampled ? '1' : '0')
  },
}
