import type { Attempt } from './attempt.ts'

// What policies of the house say of themselves, known by their class or by identity: a copy of one, with hooks of somebody else's, says nothing.

/**
 * Whether `settle` keeps nothing of the `settled` that it is told, so that the stage may use the same one for further attempts: a getter of the
 * guard's class says so.
 */
export function keepsNothing(guard: object): boolean {
  return 'keepsNothing' in guard && !Object.hasOwn(guard, 'keepsNothing')
}

/** Told of the success of a call's first attempt in the place of `after`, before there is an outcome; `true`: there is nothing to say to it. */
export type Passes = (attempt: Attempt) => boolean

const passing = new WeakMap<object, Passes>()

/** For a step that most successes just pass: 88 bytes less per call where all steps say so. */
export function letting<L extends object>(step: L, passes: Passes): L {
  passing.set(step, passes)
  return step
}

export const passesOf = (step: object): Passes | undefined => passing.get(step)
