export { parseTrace } from './parse.ts'
export { newTrace, type NewTrace, type TraceContext, type TraceFormat } from './trace-context.ts'
export { spanOf, traceHeaders, type TraceHeadersOptions } from './write.ts'
