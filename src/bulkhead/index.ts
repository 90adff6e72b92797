export { bulkhead, type Bulkhead } from './guard.ts'
export type { BulkheadOptions } from './options.ts'
