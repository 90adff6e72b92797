export { durations, observe, type BatchResult, type Meter } from './meter.ts'
export { tracing, type Attributes, type Span, type Tracer } from './tracing.ts'
export type { Source } from '../table.ts'
