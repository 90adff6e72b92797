import { turn } from '../turn.ts'

// Captured when the module is loaded, so that fake timers installed later do not hold it up.
const { process } = globalThis as { process?: { readonly nextTick?: (fn: () => void) => void; readonly versions?: { readonly node?: string; readonly bun?: string } } }
const nextTick: ((fn: () => void) => void) | undefined = process?.versions?.bun === undefined ? process?.nextTick?.bind(process) : undefined

/**
 * Calls `fn` once no promise can go on any more. Node looks at its ticks when its queue of microtasks is empty, so a tick asked
 * for from a microtask comes when chains of any length have ended, at a fraction of what a turn of the event loop costs. (One
 * asked for from another tick would come before them.)
 */
export const whenQuiet: (fn: () => void) => void = nextTick === undefined ? afterTurn : (fn) => queueMicrotask(() => nextTick(fn))

/** The same, and lets I/O and timers have their turn too. */
export function afterTurn(fn: () => void): void {
  void turn().then(fn)
}
