// The only file of this room that needs the platform: Node, Deno, Bun and workerd (with `nodejs_compat`) have it.
import { AsyncLocalStorage } from 'node:async_hooks'
import { type Inherited, inheritFrom } from '../core/inherit.ts'

let storage: AsyncLocalStorage<Inherited | undefined> | undefined

/** Runs `fn` with these surroundings, `undefined` for none. Pipelines look for them from the first time on. */
export function within<T>(what: Inherited | undefined, fn: () => T): T {
  if (storage === undefined) {
    const made = (storage = new AsyncLocalStorage())
    inheritFrom(() => made.getStore())
  }
  return storage.run(what, fn)
}

export function surroundings(): Inherited | undefined {
  return storage?.getStore()
}
