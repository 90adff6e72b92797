export { timeout, type Timeout, type TimeoutOptions } from './guard.ts'
