// The calls
export { pipeline, type Added, type Pipeline, type Work } from './core/pipeline.ts'
export type { PipelineOptions } from './core/plan.ts'
export type { Observed, Observer } from './core/observer.ts'
export type { CallOptions } from './core/call-options.ts'
export type { Trace } from './core/inherit.ts'
export type { TryResult } from './core/outcome.ts'
export type { Description, PolicyDescription } from './core/describe.ts'
export { keyed, type Keyed, type KeyedAnyEvent, type KeyedListener, type KeyedObserver, type KeyedOptions } from './keyed/index.ts'

// The policies
export { timeout, type Timeout, type TimeoutOptions } from './timeout/index.ts'
export {
  constant,
  decorrelated,
  exponential,
  linear,
  retry,
  retryBudget,
  type Backoff,
  type BackoffContext,
  type DecorrelatedOptions,
  type ExponentialOptions,
  type Jitter,
  type LinearOptions,
  type Retry,
  type RetryBudget,
  type RetryBudgetOptions,
  type RetryOptions,
} from './retry/index.ts'
export { retryFloor, type RetryFloor, type RetryFloorOptions } from './retry/floor.ts'
export { breaker, type Breaker, type BreakerOptions, type BreakerProbes, type BreakerSnapshot, type BreakerState } from './breaker/index.ts'
export { bulkhead, type Bulkhead, type BulkheadOptions } from './bulkhead/index.ts'
export { rateLimit, type RateLimit, type RateLimitOptions, type RateLimitSettings } from './rate-limit/index.ts'
export { adaptiveLimit, type AdaptiveLimit, type AdaptiveLimitOptions, type AdaptiveLimitSettings, type AlgorithmName, type Room } from './adaptive-limit/index.ts'
export {
  hintOf,
  throttle,
  type AdaptiveOptions,
  type AdaptiveSettings,
  type Throttle,
  type ThrottleHint,
  type ThrottleOptions,
  type ThrottleSettings,
} from './throttle/index.ts'
export { park, type Park, type ParkOptions, type ParkSettings, type ParkState } from './park/index.ts'
export {
  eventLoopDelay,
  eventLoopUtilization,
  shed,
  subLevelOf,
  type DelayHistogram,
  type EventLoopDelayOptions,
  type EventLoopUtilizationOptions,
  type Shed,
  type ShedOptions,
  type ShedSettings,
  type ShedTable,
  type Thresholds,
  type Utilization,
} from './shed/index.ts'
export { fallback, type Fallback, type FallbackOptions } from './fallback/index.ts'

// What happened
export { classify, endedByCaller, neverStarted, type Classify, type EndedBy, type Outcome, type RawOutcome, type Settled, type Verdict } from './core/verdict.ts'
export {
  BreakerOpenError,
  BulkheadFullError,
  DeadlinePassedError,
  FallbackFailedError,
  PipelineClosedError,
  RateLimitedError,
  RejectedError,
  ShedError,
  SpillwayError,
  ThrottledError,
  TimeoutError,
  type RejectedErrorClass,
  type SpillwayErrorDetails,
} from './core/errors.ts'
export type { AnyEvent, AnyListener, EventMap, EventType, Listener, Subscribable, Undo } from './core/events.ts'

// Policies of one's own
export {
  again,
  Again,
  later,
  Later,
  observed,
  refuse,
  Refusal,
  unguarded,
  type Guard,
  type Host,
  type LaterPlan,
  type Layer,
  type Mode,
  type Next,
  type Policy,
  type Theirs,
} from './core/policy.ts'
export { attempt, settled } from './core/two-step.ts'
export type { Attempt, Call, CallPayload, Priority } from './core/attempt.ts'
export { systemClock, type Cancel, type Clock } from './core/clock.ts'
