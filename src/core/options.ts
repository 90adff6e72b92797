import { isThenable, quieted } from './hooks.ts'

/**
 * Checks of what a user configured. Each throws at once, when a policy or pipeline is built: a `RangeError` or `TypeError`
 * that names the option, the rule and the value. 0 and Infinity mean what they say.
 */

/** Options with their defaults: nothing is left unsaid. */
export type Effective<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> }

/** Shows a value as a person would write it, in at most some 40 characters. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
  if (typeof value === 'function') return 'a function'
  if (isThenable(value)) return 'a promise: it must be synchronous'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  return String(value)
}

export function wrongType(option: string, rule: string, value: unknown): never {
  // An asynchronous function where a synchronous one belongs: it fails here, and its rejection must not fail elsewhere too.
  quieted(value)
  throw new TypeError(`${option} must be ${rule}, got ${show(value)}`)
}

export function outOfRange(option: string, rule: string, value: unknown): never {
  throw new RangeError(`${option} must be ${rule}, got ${show(value)}`)
}

function number(option: string, value: unknown, rule: string, holds: (n: number) => boolean): number {
  if (typeof value !== 'number') wrongType(option, rule, value)
  return holds(value) ? value : outOfRange(option, rule, value)
}

/** A number over 0. */
export function positive(option: string, value: unknown): number {
  return number(option, value, 'a number over 0', (n) => n > 0)
}

/** A finite number over 0. */
export function finitePositive(option: string, value: unknown): number {
  return number(option, value, 'a finite number over 0', (n) => n > 0 && n < Infinity)
}

/** A number from 0 on. */
export function notNegative(option: string, value: unknown): number {
  return number(option, value, 'a number from 0 on', (n) => n >= 0)
}

/** A share: from 0 to 1. */
export function ratio(option: string, value: unknown): number {
  return number(option, value, 'a ratio from 0 to 1', (n) => n >= 0 && n <= 1)
}

/** A whole number from `min` (0) on; Infinity counts as whole. */
export function count(option: string, value: unknown, min = 0): number {
  return number(option, value, `a whole number from ${min} on`, (n) => n >= min && (Number.isInteger(n) || n === Infinity))
}

/** One of a few words. */
export function oneOf<T extends string>(option: string, value: unknown, words: readonly T[]): T {
  if (typeof value !== 'string') wrongType(option, `one of ${words.map((word) => `'${word}'`).join(', ')}`, value)
  if ((words as readonly string[]).includes(value)) return value as T
  return outOfRange(option, `one of ${words.map((word) => `'${word}'`).join(', ')}${meant(value, words)}`, value)
}

/** A function. */
export function callable<T>(option: string, value: T): T {
  return typeof value === 'function' ? value : wrongType(option, 'a function', value)
}

/** A name: a string that is not empty. */
export function nameOf(option: string, value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : wrongType(option, 'a string that is not empty', value)
}

/** A name that a header of HTTP may have (RFC 9110 5.6.2). */
export function headerName(option: string, value: unknown): string {
  return typeof value === 'string' && /^[!#$%&'*+.^_`|~\w-]+$/.test(value) ? value : wrongType(option, 'the name of a header', value)
}

/** A plain object without keys other than `known`. What is `undefined` counts as not said. Returns a copy: the user's object is never written to. */
export function known<T extends object>(owner: string, value: T | undefined, keys: readonly (keyof T & string)[]): T {
  if (value === undefined) return {} as T
  if (typeof value !== 'object' || value === null || Array.isArray(value)) wrongType(`${owner} options`, 'an object', value)
  const copy: Partial<T> = {}
  for (const key of Object.keys(value)) {
    if (!(keys as readonly string[]).includes(key)) unknownKey(owner, key, keys)
    const said = value[key as keyof T]
    if (said !== undefined) copy[key as keyof T] = said
  }
  return copy as T
}

export function unknownKey(owner: string, key: string, keys: readonly string[]): never {
  throw new TypeError(`${owner} has no option ${show(key)}${meant(key, keys) || `; it has ${keys.join(', ')}`}`)
}

/** `; did you mean "breakMs"?` where a known word is near. */
function meant(word: string, words: readonly string[]): string {
  let best = ''
  let least = Math.max(2, word.length / 3) + 1
  for (const candidate of words) {
    const distance = edits(word.toLowerCase(), candidate.toLowerCase())
    if (distance < least) {
      least = distance
      best = candidate
    }
  }
  return best && `; did you mean "${best}"?`
}

/** Levenshtein's distance, row by row. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]!
}
