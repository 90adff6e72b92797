import { isThenable, quieted } from './hooks.ts'
import { show } from './options.ts'
import type { Guard } from './policy.ts'

/** Before a guard's first answer, which may be anything. */
export const NOTHING: unique symbol = Symbol('nothing')

/**
 * A guard as its stage sees it. Stages of all pipelines share one loop, which meets guards of every shape there: looking a hook up
 * takes it 5 to 10 ns each time, so they are looked up once.
 */
export class Post {
  readonly admit: Guard['admit']
  readonly settle: Guard['settle']
  readonly release: Guard['release']
  constructor(
    readonly guard: Guard,
    readonly index: number,
  ) {
    // oxlint-disable-next-line typescript/unbound-method -- each is called with its guard as `this`
    const { admit, settle, release } = guard
    this.admit = admit
    this.settle = settle
    this.release = release
  }
}

/** An asynchronous `admit`, or one that answers nothing, is found at its first answer. */
export function prove(guard: Guard, answer: unknown): void {
  if (typeof answer === 'object' && answer !== null && !isThenable(answer) && !(answer instanceof Error)) return
  quieted(answer)
  throw new TypeError(`admit of the guard ${show(guard.name)} must answer an object, refuse(…) or later(…) at once, got ${answer instanceof Error ? 'an error' : show(answer)}`)
}
