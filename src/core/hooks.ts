/** Told of what a user's listener or hook threw: it can change no call. */
export type OnInternalError = (error: unknown) => void

export const reportToConsole: OnInternalError = (error) => {
  // oxlint-disable-next-line no-console -- the documented default: a listener's error must not vanish
  console.error('spillway: a listener or hook threw:', error)
}

/** Runs a user's hook; what it throws, at once or as a rejection, is told to `report`. */
export function guarded(report: OnInternalError, hook: () => unknown): void {
  try {
    const said = hook()
    if (said !== undefined) quieted(said, report)
  } catch (error) {
    report(error)
  }
}

/** An asynchronous function where a synchronous one belongs: its rejection must not end the process. */
export function quieted(said: unknown, report: OnInternalError = ignored): void {
  if (isThenable(said)) said.then(undefined, report)
}

/** For what nobody is left to be told of. */
export const ignored = (): void => {}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return ((typeof value === 'object' && value !== null) || typeof value === 'function') && typeof (value as { then?: unknown }).then === 'function'
}
