declare const MessageChannel: new () => {
  readonly port1: { addEventListener(type: 'message', fn: () => void): void; start(): void; close(): void }
  readonly port2: { postMessage(message: unknown): void }
}

// Captured when the module is loaded, so that fake timers installed later do not hold it up.
const immediately: ((fn: () => void) => unknown) | undefined = typeof setImmediate === 'function' ? setImmediate : undefined

/**
 * Lets everything run that waits for nothing but promises: one turn of the real event loop. A platform empties its queue
 * of microtasks before the next task, so a chain of any length has ended then; counting `await null`s would guess.
 */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (immediately !== undefined) {
      immediately(resolve)
      return
    }
    // Browsers: unlike setTimeout, a message is not held back by 4 ms.
    const { port1, port2 } = new MessageChannel()
    port1.addEventListener('message', () => {
      port1.close()
      resolve()
    })
    port1.start()
    port2.postMessage(null)
  })
}
