import type { PipelineSnapshot, Plain } from '../../metrics/snapshot.ts'

/**
 * A pipeline as the Hystrix dashboard reads a command. It discards a message that lacks one of these fields; what
 * spillway does not have is zero. Source: `HystrixCommand` messages of hystrix-metrics-event-stream and the fields that the dashboard asks for.
 */
export function command(pipeline: PipelineSnapshot, at: number, windowMs: number): object {
  const { name, inFlight, window, policies } = pipeline
  const { outcomes } = window
  const { success, failure, timeout, rejected, fallback, cancelled } = outcomes
  const errors = failure + timeout + rejected
  const requests = success + errors + fallback
  const breakers = policies.filter(({ type }) => type === 'breaker').map((policy) => policy.name)
  const shortCircuited = Object.entries(window.rejectionsByPolicy).reduce((sum, [policy, count]) => (breakers.includes(policy) ? sum + count : sum), 0)
  const latency = latencies(window.percentiles)
  const meanMs = Math.round(window.meanMs ?? 0)
  const option = optionsOf(pipeline)
  return {
    type: 'HystrixCommand',
    name,
    group: 'spillway',
    currentTime: Math.floor(at),
    isCircuitBreakerOpen: policies.some(({ breaker }) => breaker !== undefined && breaker.state !== 'closed'),
    errorPercentage: requests === 0 ? 0 : Math.round((100 * errors) / requests),
    errorCount: errors,
    requestCount: requests,
    rollingCountBadRequests: cancelled,
    rollingCountCollapsedRequests: 0,
    rollingCountEmit: 0,
    rollingCountExceptionsThrown: errors,
    rollingCountFailure: failure,
    rollingCountFallbackEmit: 0,
    rollingCountFallbackFailure: 0,
    rollingCountFallbackMissing: 0,
    rollingCountFallbackRejection: 0,
    rollingCountFallbackSuccess: fallback,
    rollingCountResponsesFromCache: 0,
    rollingCountSemaphoreRejected: Math.max(0, window.rejections - shortCircuited),
    rollingCountShortCircuited: shortCircuited,
    rollingCountSuccess: success,
    rollingCountThreadPoolRejected: 0,
    rollingCountTimeout: timeout,
    currentConcurrentExecutionCount: inFlight,
    rollingMaxConcurrentExecutionCount: inFlight,
    latencyExecute_mean: meanMs,
    latencyExecute: latency,
    latencyTotal_mean: meanMs,
    latencyTotal: latency,
    propertyValue_circuitBreakerRequestVolumeThreshold: option('breaker', 'minimumThroughput'),
    propertyValue_circuitBreakerSleepWindowInMilliseconds: option('breaker', 'breakMs'),
    propertyValue_circuitBreakerErrorThresholdPercentage: Math.round(option('breaker', 'failureRatio') * 100),
    propertyValue_circuitBreakerForceOpen: policies.some(({ breaker }) => breaker?.state === 'isolated'),
    propertyValue_circuitBreakerForceClosed: false,
    propertyValue_circuitBreakerEnabled: policies.some(({ type, mode }) => type === 'breaker' && mode === 'enforce'),
    propertyValue_executionIsolationStrategy: 'SEMAPHORE',
    propertyValue_executionIsolationThreadTimeoutInMilliseconds: option('timeout', 'ms'),
    propertyValue_executionTimeoutInMilliseconds: option('timeout', 'ms'),
    propertyValue_executionIsolationThreadInterruptOnTimeout: true,
    propertyValue_executionIsolationThreadPoolKeyOverride: null,
    propertyValue_executionIsolationSemaphoreMaxConcurrentRequests: option('bulkhead', 'slots'),
    propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests: 0,
    propertyValue_metricsRollingStatisticalWindowInMilliseconds: windowMs,
    propertyValue_requestCacheEnabled: false,
    propertyValue_requestLogEnabled: false,
    reportingHosts: 1,
    threadPool: 'spillway',
  }
}

const none: Readonly<Record<string, number>> = { 0: 0, 25: 0, 50: 0, 75: 0, 90: 0, 95: 0, 99: 0, 99.5: 0, 100: 0 }

/** Whole ms, in the order of the percentiles. */
function latencies(percentiles: PipelineSnapshot['window']['percentiles']): Record<string, number> {
  return Object.fromEntries(Object.entries(percentiles ?? none).map(([percent, ms]) => [percent, Math.round(ms)]))
}

/** A number among the options of the innermost policy of a type; 0 where it has none or it is no finite number. */
function optionsOf({ nodes = [] }: PipelineSnapshot): (type: string, option: string) => number {
  const all = nodes.flatMap((node) => (node.kind === 'stage' ? node.guards : [node]))
  return (type, option) => {
    const value: Plain | undefined = all.findLast((policy) => policy.type === type)?.options[option]
    return typeof value === 'number' ? value : 0
  }
}
