import type { Call, Attempt } from '../../core/attempt.ts'
import type { Undo } from '../../core/events.ts'
import type { Observer } from '../../core/observer.ts'
import type { Outcome, Settled } from '../../core/verdict.ts'
import { labelOf } from '../../metrics/label.ts'
import { outcomeOf, verdictOf } from '../../metrics/outcome.ts'
import { attemptVerdicts, bounds, callOutcomes } from '../../metrics/snapshot.ts'
import { type Labels, type Measure, read, type Source, table } from '../table.ts'

interface InstrumentOptions {
  readonly description?: string
  readonly unit?: string
  readonly advice?: { readonly explicitBucketBoundaries?: number[] }
}

/** As much of OpenTelemetry's `Meter` as is needed. */
export interface Meter {
  createObservableCounter(name: string, options?: InstrumentOptions): unknown
  createObservableGauge(name: string, options?: InstrumentOptions): unknown
  createHistogram(name: string, options?: InstrumentOptions): { record(value: number, attributes?: Record<string, string>): void }
  addBatchObservableCallback(callback: (result: BatchResult) => void, instruments: never[]): void
  removeBatchObservableCallback(callback: (result: BatchResult) => void, instruments: never[]): void
}

/** What a batch callback is given. */
export interface BatchResult {
  observe(instrument: unknown, value: number, attributes: Labels): void
}

interface Row {
  readonly measure: Measure
  readonly instruments: readonly unknown[]
}

/**
 * Shows what a recorder knows through observable instruments of a Meter: read when the SDK collects, nothing per call. OpenTelemetry has no
 * observable histogram: durations come as counters `spillway.call.duration.count` and `.sum` and as percentiles, `spillway.call.latency`.
 * For real histograms add {@link durations}.
 *
 * @returns its undo
 */
export function observe(metrics: Source, meter: Meter): Undo {
  const rows: Row[] = table.flatMap((measure) => {
    const { name, unit, type, help: description } = measure
    if (name === undefined) return []
    if (type === 'gauge') return [{ measure, instruments: [meter.createObservableGauge(name, { description, unit })] }]
    if (type === 'counter') return [{ measure, instruments: [meter.createObservableCounter(name, { description, unit })] }]
    const counted = name.startsWith('spillway.attempt') ? '{attempt}' : '{call}'
    return [{ measure, instruments: [meter.createObservableCounter(`${name}.count`, { description, unit: counted }), meter.createObservableCounter(`${name}.sum`, { description, unit })] }]
  })
  const callback = (result: BatchResult): void => {
    const { pipelines } = read(metrics)
    for (const { measure, instruments: [first, second] } of rows) {
      for (const { labels, value } of pipelines.flatMap(measure.read)) {
        if (typeof value === 'number') result.observe(first, value, labels)
        else {
          result.observe(first, value.count, labels)
          result.observe(second, value.sumSeconds, labels)
        }
      }
    }
  }
  const instruments = rows.flatMap((row) => row.instruments)
  meter.addBatchObservableCallback(callback, instruments as never[])
  return () => meter.removeBatchObservableCallback(callback, instruments as never[])
}

/**
 * An observer that records the durations of calls and attempts in real histograms, `spillway.call.duration` and `spillway.attempt.duration` in s. It
 * costs what the SDK's histograms cost: some 0.4 to 0.8 µs each.
 */
export function durations(meter: Meter): Observer {
  const advice = { explicitBucketBoundaries: [...bounds] }
  const calls = meter.createHistogram('spillway.call.duration', { unit: 's', description: 'Calls by how they ended for their caller, and how long that took.', advice })
  const attempts = meter.createHistogram('spillway.attempt.duration', { unit: 's', description: 'Attempts that ran the function, by verdict, and how long they took.', advice })
  return {
    attached({ name, key }) {
      const pipeline = labelOf(name, key)
      // Made once: an attribute set per outcome.
      const ofCalls = callOutcomes.map((outcome) => ({ pipeline, outcome }))
      const ofAttempts = attemptVerdicts.map((verdict) => ({ pipeline, verdict }))
      return {
        callSettled(call: Call, outcome: Outcome<unknown>, settled: Settled) {
          calls.record(seconds(settled.settledAt - call.startedAt), ofCalls[outcomeOf(outcome, settled)])
        },
        attemptSettled(attempt: Attempt, settled: Settled) {
          attempts.record(seconds(settled.settledAt - attempt.startedAt), ofAttempts[verdictOf(settled)])
        },
      }
    },
  }
}

const seconds = (ms: number): number => (ms > 0 ? ms / 1_000 : 0)
