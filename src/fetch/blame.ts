import { type Asked, sendableAgain, urlOf } from './request.ts'

const ours = new WeakSet<object>()

/** Whether an error is our own affair (a request that cannot be made, a pause of our own): it says nothing about the server's health. */
export function saysNothing(error: unknown): boolean {
  return ours.has(error as object)
}

export function sayNothing(error: object): void {
  ours.add(error)
}

/**
 * fetch answers a broken network and a misspelt method with the same TypeError. Which of the two it was is found out after
 * the fact, so that only failures pay: a request that cannot even be made was never sent.
 */
export function noteMistake(error: unknown, { input, init, method, spent }: Asked): void {
  // By name: a test runner's sandbox has a TypeError of its own.
  const { name, cause } = (error ?? {}) as { name?: unknown; cause?: { code?: unknown } }
  if (name !== 'TypeError') return
  const url = urlOf(input)
  // Node's network errors always have a cause with a code, browsers' never.
  if (cause?.code !== undefined && cause.code !== 'ERR_INVALID_URL') return
  const network = url !== undefined && /^https?:$/.test(url.protocol)
  if (network && (cause === undefined ? !spent && canBeMade(url, method, init) : cause.code === undefined)) return
  sayNothing(error as object)
}

function canBeMade(url: URL, method: string, init: RequestInit = {}): boolean {
  const { body, ...rest } = init
  try {
    // A stream is not touched again; any other does for it.
    void new Request(url, { ...rest, method, ...(body == null ? {} : { body: sendableAgain(body) ? body : new ReadableStream() }) })
    return true
  } catch {
    return false
  }
}

interface NetworkError {
  readonly port?: unknown
  readonly hostname?: unknown
  readonly cause?: unknown
  readonly errors?: unknown
}

/**
 * Whether it was another server that could not be reached: then the one that was asked answered with a redirect, and did who knows what. A refused
 * connection proves nothing then. (Two servers on one port that differ by address only look the same here: documented.)
 */
export function fromElsewhere(error: unknown, { input }: Asked): boolean {
  const url = urlOf(input)
  return url !== undefined && isElsewhere(error, url, url.port || (url.protocol === 'https:' ? '443' : '80'))
}

function isElsewhere(error: unknown, url: URL, ownPort: string, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > 4) return false
  const { port, hostname, cause, errors }: NetworkError = error
  if (typeof port === 'number' && String(port) !== ownPort) return true
  if (typeof hostname === 'string' && hostname !== url.hostname) return true
  return isElsewhere(cause, url, ownPort, depth + 1) || (Array.isArray(errors) && errors.some((one: unknown) => isElsewhere(one, url, ownPort, depth + 1)))
}
