export { keyed, type Keyed } from './keyed.ts'
export type { KeyedAnyEvent, KeyedListener, KeyedObserver, KeyedOptions } from './options.ts'
