import { short } from './label.ts'
import type { Plain } from './snapshot.ts'

const DEEPEST = 4
const MOST = 40

/** A value as JSON can say it, for people to read: bounded, and without getters that throw. */
export function plain(value: unknown, depth = 0): Plain {
  switch (typeof value) {
    case 'string':
      return short(value)
    case 'number':
      return Number.isFinite(value) ? value : String(value)
    case 'boolean':
      return value
    case 'function':
      return 'a function'
    case 'object':
      if (value === null) return null
      if (depth >= DEEPEST) return '…'
      return Array.isArray(value) ? value.slice(0, MOST).map((one) => plain(one, depth + 1)) : plainObject(value, depth)
    case 'undefined':
      return null
    default:
      return String(value)
  }
}

/** What is undefined is left out. An object with options of its own, such as a shared budget, is what those are. */
export function plainObject(value: object, depth = 0): { [key: string]: Plain } {
  const said: { [key: string]: Plain } = {}
  const { options } = value as { options?: unknown }
  const source = typeof options === 'object' && options !== null && !Object.hasOwn(value, 'options') ? options : value
  for (const key of Object.keys(source).slice(0, MOST)) {
    const one = read(source, key)
    // A name of a user's, and perhaps `__proto__`.
    if (one !== undefined) Object.defineProperty(said, short(key), { value: plain(one, depth + 1), enumerable: true, configurable: true, writable: true })
  }
  return said
}

function read(from: object, key: string): unknown {
  try {
    return (from as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}
