import type { Attempt, Call } from '../../core/attempt.ts'
import type { Observer } from '../../core/observer.ts'
import type { Outcome, Settled } from '../../core/verdict.ts'
import { labelOf } from '../../metrics/label.ts'
import { outcomeOf } from '../../metrics/outcome.ts'
import { callOutcomes } from '../../metrics/snapshot.ts'

export type Attributes = Record<string, string | number | boolean>

/** As much of OpenTelemetry's `Span` as is needed. */
export interface Span {
  setAttribute(name: string, value: string | number | boolean): unknown
  setStatus(status: { readonly code: number }): unknown
  end(): void
}

/** As much of OpenTelemetry's `Tracer` as is needed. */
export interface Tracer<S extends Span = Span> {
  startActiveSpan<T>(name: string, options: { kind?: number; attributes?: Attributes }, fn: (span: S) => T): T
}

/** Of OpenTelemetry's `SpanKind` and `SpanStatusCode`. */
const INTERNAL = 0
const CLIENT = 2
const ERROR = 2

/**
 * An observer that traces: one internal span per call, and as its child one client span per attempt, active while the function runs, so
 * that what it calls becomes a child of that. Retries carry `http.request.resend_count`. No span events. What is open when an answer comes, such as work that a
 * timeout gave up, ends with its attempt.
 *
 * Spans of calls: `spillway.pipeline`, `.operation`, `.key`, `.outcome`, `.attempts`, `error.type`. Of attempts: `spillway.attempt`, `.verdict`, `.priority`,
 * `http.request.resend_count`, `error.type`. Works with the context manager that the SDK registers; without one the attempts have no parent.
 */
export function tracing(tracer: Tracer): Observer {
  return new Tracing(tracer)
}

class Tracing implements Observer {
  readonly #calls = new WeakMap<Call, Span>()
  readonly #attempts = new WeakMap<Attempt, Span>()

  constructor(readonly tracer: Tracer) {}

  aroundCall(call: Call, begin: () => unknown): unknown {
    const { pipeline, operation, key } = call
    const attributes: Attributes = { 'spillway.pipeline': labelOf(pipeline, undefined) }
    if (operation !== undefined) attributes['spillway.operation'] = labelOf(operation, undefined)
    if (key !== undefined) attributes['spillway.key'] = labelOf(key, undefined)
    return this.tracer.startActiveSpan(nameOf(call), { kind: INTERNAL, attributes }, (span) => {
      this.#calls.set(call, span)
      return begin()
    })
  }

  aroundAttempt(attempt: Attempt, run: () => unknown): unknown {
    const { number, priority, call } = attempt
    const attributes: Attributes = { 'spillway.attempt': number, 'spillway.priority': priority }
    if (number > 1) attributes['http.request.resend_count'] = number - 1
    return this.tracer.startActiveSpan(nameOf(call), { kind: CLIENT, attributes }, (span) => {
      this.#attempts.set(attempt, span)
      return run()
    })
  }

  attemptSettled(attempt: Attempt, { verdict, endedBy }: Settled): void {
    const span = this.#attempts.get(attempt)
    if (span === undefined) return
    span.setAttribute('spillway.verdict', verdict)
    if (verdict === 'failure' || verdict === 'overload') this.#failed(span, endedBy === 'timeout' ? 'timeout' : verdict)
    else if (endedBy === 'caller') span.setAttribute('error.type', 'cancelled')
    span.end()
  }

  callSettled(call: Call, outcome: Outcome<unknown>, settled: Settled): void {
    const span = this.#calls.get(call)
    if (span === undefined) return
    const ended = callOutcomes[outcomeOf(outcome, settled)]!
    span.setAttribute('spillway.outcome', ended)
    span.setAttribute('spillway.attempts', call.attempts)
    if (ended !== 'success' && ended !== 'fallback') {
      if (ended === 'cancelled') span.setAttribute('error.type', ended)
      else this.#failed(span, outcome.ok ? ended : errorType(outcome.error, ended))
    }
    span.end()
  }

  #failed(span: Span, type: string): void {
    span.setAttribute('error.type', type)
    span.setStatus({ code: ERROR })
  }
}

function nameOf({ pipeline, operation }: Call): string {
  return labelOf(operation === undefined ? pipeline : `${pipeline} ${operation}`, undefined)
}

/** The error's code, or its name: few words, whatever the message. */
function errorType(error: unknown, otherwise: string): string {
  if (typeof error !== 'object' || error === null) return otherwise
  const { code, name } = error as { code?: unknown; name?: unknown }
  if (typeof code === 'string') return labelOf(code, undefined)
  return typeof name === 'string' && name !== '' ? labelOf(name, undefined) : otherwise
}
