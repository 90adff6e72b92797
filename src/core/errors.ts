/**
 * Every error that spillway itself makes. `instanceof` holds across two copies of the library (ESM beside CommonJS, two
 * versions): each class knows itself by a brand and not by its identity.
 */
const BRANDS = Symbol.for('spillway.errors')

export interface SpillwayErrorDetails {
  readonly policy?: string | undefined
  readonly pipeline?: string | undefined
  /** How many attempts of the call had run the user's function. */
  readonly attempts?: number | undefined
  readonly retryAfterMs?: number | undefined
  readonly cause?: unknown
}

export class SpillwayError extends Error {
  /** The class's name, also in minified code. */
  static readonly brand: string = 'SpillwayError'
  /** A stable word for programs, such as `'BREAKER_OPEN'`. */
  readonly code: string = 'SPILLWAY'
  readonly policy: string | undefined
  readonly pipeline: string | undefined
  readonly attempts: number

  constructor(message: string, details: SpillwayErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.policy = details.policy
    this.pipeline = details.pipeline
    this.attempts = details.attempts ?? 0
  }

  override get name(): string {
    return nameOfKind(this.constructor as typeof SpillwayError)
  }

  /** A user's subclass may say `this.name = …`. */
  override set name(value: string) {
    Object.defineProperty(this, 'name', { value, configurable: true, writable: true })
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // A user's subclass has no brand of its own: then the prototype decides, as usual.
    if (!Object.hasOwn(this, 'brand')) return Function.prototype[Symbol.hasInstance].call(this, value)
    if (typeof value !== 'object' || value === null) return false
    const brands = (value as { [BRANDS]?: unknown })[BRANDS]
    return Array.isArray(brands) && brands.includes(this.brand)
  }
}

/** The brand, which minifiers leave alone; a user's own class has its name. */
export function nameOfKind(kind: { readonly name: string; readonly brand: string }): string {
  return Object.hasOwn(kind, 'brand') ? kind.brand : kind.name
}

function brandsOf(error: SpillwayError): readonly string[] {
  const brands: string[] = []
  for (let kind: unknown = error.constructor; typeof kind === 'function'; kind = Object.getPrototypeOf(kind)) {
    if (Object.hasOwn(kind, 'brand')) brands.push((kind as typeof SpillwayError).brand)
  }
  return brands
}

/** Its own brand and those of its ancestors, readable across two copies of the library. */
Object.defineProperty(SpillwayError.prototype, BRANDS, {
  get(this: SpillwayError) {
    return brandsOf(this)
  },
})

/**
 * Nothing of this call was started: it may be repeated whatever it does. Carries no captured stack unless the pipeline has
 * `stacks: true`, because refusing is what runs hot in an outage.
 */
export class RejectedError extends SpillwayError {
  static override readonly brand: string = 'RejectedError'
  override readonly code: string = 'REJECTED'
  /** After how many ms another try may pass; `undefined` where nobody knows. */
  readonly retryAfterMs: number | undefined

  constructor(message: string, details: SpillwayErrorDetails = {}) {
    super(message, details)
    this.retryAfterMs = details.retryAfterMs
  }
}

export type RejectedErrorClass = (new (message: string, details?: SpillwayErrorDetails) => RejectedError) & { readonly brand: string }

/** The breaker is open, isolated, or has all its probes out. */
export class BreakerOpenError extends RejectedError {
  static override readonly brand = 'BreakerOpenError'
  override readonly code = 'BREAKER_OPEN'
}
/** No slot is free (bulkhead, adaptive limit), the queue is full, or the wait for a slot took longer than `maxWaitMs`. */
export class BulkheadFullError extends RejectedError {
  static override readonly brand = 'BulkheadFullError'
  override readonly code = 'BULKHEAD_FULL'
}
/** The rate limit has no permit left. */
export class RateLimitedError extends RejectedError {
  static override readonly brand = 'RateLimitedError'
  override readonly code = 'RATE_LIMITED'
}
/** The throttle lets only a share of the calls pass, and this one was not among them. */
export class ThrottledError extends RejectedError {
  static override readonly brand = 'ThrottledError'
  override readonly code = 'THROTTLED'
}
/** Too little room for a call of this priority. */
export class ShedError extends RejectedError {
  static override readonly brand = 'ShedError'
  override readonly code = 'SHED'
}
/** The deadline passed before anything was started: it lay in the past, or the wait in a queue took too long. */
export class DeadlinePassedError extends RejectedError {
  static override readonly brand = 'DeadlinePassedError'
  override readonly code = 'DEADLINE_PASSED'
}
/** The pipeline was closed. */
export class PipelineClosedError extends RejectedError {
  static override readonly brand = 'PipelineClosedError'
  override readonly code = 'PIPELINE_CLOSED'
}

/**
 * The work was started and its outcome is not known. `cause` is the error of the last attempt, if one had ended; also what
 * a deadline ends that passes in a later back-off or queue.
 */
export class TimeoutError extends SpillwayError {
  static override readonly brand = 'TimeoutError'
  override readonly code = 'TIMEOUT'
}

/** A fallback threw: `cause` is its error, `original` what it was to answer. */
export class FallbackFailedError extends SpillwayError {
  static override readonly brand = 'FallbackFailedError'
  override readonly code = 'FALLBACK_FAILED'
  readonly original: unknown

  constructor(message: string, details: SpillwayErrorDetails & { readonly original: unknown }) {
    super(message, details)
    this.original = details.original
  }
}

/** Makes an error without capturing a stack, which takes 0.5 µs instead of 3 to 10; with one where `stacks` says so. */
export function stackless<E>(make: () => E, stacks = false): E {
  if (stacks) return make()
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return make()
  } finally {
    Error.stackTraceLimit = limit
  }
}
