/** Who is told that its caller has gone. */
export interface Called {
  callerAborted(): void
}

/**
 * One listener per signal, however many calls share it, and none while there is no call: a service-wide shutdown signal
 * gathers no listeners, and Node has nothing to warn of.
 */
class Hub {
  readonly calls = new Set<Called>()

  handleEvent(): void {
    for (const call of this.calls) call.callerAborted()
  }
}

const hubs = new WeakMap<AbortSignal, Hub>()

/** Tells `call` when the signal is aborted. */
export function listen(signal: AbortSignal, call: Called): void {
  let hub = hubs.get(signal)
  if (hub === undefined) hubs.set(signal, (hub = new Hub()))
  if (hub.calls.size === 0) signal.addEventListener('abort', hub)
  hub.calls.add(call)
}

export function unlisten(signal: AbortSignal, call: Called): void {
  const hub = hubs.get(signal)
  if (hub?.calls.delete(call) === true && hub.calls.size === 0) signal.removeEventListener('abort', hub)
}
