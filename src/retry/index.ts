export { retry, type Retry } from './layer.ts'
export { type RetryOptions } from './options.ts'
export { type Backoff, type BackoffContext, constant, decorrelated, type DecorrelatedOptions, exponential, type ExponentialOptions, type Jitter, linear, type LinearOptions } from './backoff.ts'
export { type RetryBudget, retryBudget, type RetryBudgetOptions } from './budget.ts'
