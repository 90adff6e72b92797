export { fallback, type Fallback } from './layer.ts'
export { type FallbackOptions } from './options.ts'
