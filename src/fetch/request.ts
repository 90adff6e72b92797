import { type CallOptions, callOptions } from '../core/call-options.ts'
import { nameOf } from '../core/options.ts'
import type { FetchInit, FetchInput, FetchSettings } from './options.ts'

/** What one call of fetch asks for, read once. */
export interface Asked {
  readonly input: FetchInput
  /** In capitals. */
  readonly method: string
  /** A copy of the user's, without `spillway`, with the idempotency key; `undefined` where there is nothing in it. */
  readonly init: RequestInit | undefined
  /** The body is gone once it was sent. */
  readonly once: boolean
  /** The input is a Request whose body is cloned for each attempt. */
  readonly cloned: boolean
  /** A spent Request: fetch will refuse it. */
  readonly spent: boolean
  readonly signal: AbortSignal | undefined
  /** `undefined` where it says nothing but what a pipeline takes for granted. */
  readonly call: CallOptions | undefined
  /** Set when it has been seen that a server was reached, though the last error looks as if none had been. */
  reached: boolean
}

/** Methods that may be repeated: RFC 9110 9.2.2. */
export const idempotentMethods: readonly string[] = Object.freeze(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

const header = 'idempotency-key'

/** By its looks: another fetch has its own class. */
export function isRequest(input: unknown): input is Request {
  return typeof input === 'object' && input !== null && 'url' in input && 'method' in input
}

/** Throws what fetch would reject with (headers that are none), and for a wrong option of the call. */
export function read(input: FetchInput, options: FetchInit | undefined, settings: FetchSettings): Asked {
  return options == null && !isRequest(input) && settings.retryMethods.has('GET') ? plain(input) : readAll(input, options, settings)
}

/** What most calls ask for: a URL, and nothing else. */
function plain(input: FetchInput): Asked {
  return { input, method: 'GET', init: undefined, once: false, cloned: false, spent: false, signal: undefined, call: undefined, reached: false }
}

function readAll(input: FetchInput, options: FetchInit | undefined, settings: FetchSettings): Asked {
  const { spillway, ...init } = copyOf(options)
  const call = callOptions(spillway, settings.clock)
  const request = isRequest(input) ? input : undefined
  const method = (init.method ?? request?.method ?? 'GET').toUpperCase()
  // A body in init comes before that of the Request; null there is none.
  const fromRequest = request !== undefined && init.body == null && method !== 'GET' && method !== 'HEAD' && request.body !== null
  const cloned = fromRequest && settings.cloneRequests
  const once = fromRequest ? !cloned : !sendableAgain(init.body)
  const keyed = idempotencyKey(method, init, request, settings)
  // A Request has a signal of its own; null in init takes it away.
  const signal = init.signal ?? call?.signal ?? (init.signal === null ? undefined : request?.signal)
  const idempotent = call?.idempotent ?? (keyed || settings.retryMethods.has(method))
  const asked = { input, method, init, once, cloned, spent: request?.bodyUsed === true, signal, call: undefined as CallOptions | undefined, reached: false }
  if (call === undefined && signal === undefined && idempotent && !once) return asked
  const { repeatable: said = true } = call ?? {}
  const repeatable = (): boolean => !once && !(asked.reached && !idempotent) && (typeof said === 'function' ? said() : said)
  asked.call = { ...call, idempotent, repeatable, signal }
  return asked
}

/** A relative one as if on this machine, or wherever `base` says; `undefined` for what is none. */
export function urlOf(input: FetchInput, base: string | undefined = 'http://localhost'): URL | undefined {
  try {
    return new URL(isRequest(input) ? input.url : input, base)
  } catch {
    return undefined
  }
}

/** Also of what is no plain object, such as `fetch(url, request)`: all that can be read from it by name. */
function copyOf(init: FetchInit | undefined): FetchInit {
  if (init == null) return {}
  const prototype: unknown = Object.getPrototypeOf(init)
  if (prototype === Object.prototype || prototype === null) return { ...init }
  const copy: Record<string, unknown> = {}
  // oxlint-disable-next-line guard-for-in -- what is inherited counts, as it does for fetch
  for (const key in init) copy[key] = init[key as keyof FetchInit]
  return copy as FetchInit
}

/** Whether the request carries an idempotency key; adds one where the options say so. */
function idempotencyKey(method: string, init: { headers?: RequestInit['headers'] }, request: Request | undefined, settings: FetchSettings): boolean {
  if (settings.idempotencyKey === undefined && settings.retryMethods.has(method)) return false
  const headers = new Headers(init.headers ?? request?.headers)
  if (headers.has(header)) return true
  if (settings.idempotencyKey === undefined || idempotentMethods.includes(method)) return false
  headers.set(header, nameOf('what fetch.idempotencyKey returned', settings.idempotencyKey()))
  init.headers = headers
  return true
}

/**
 * Whether a body can be sent a second time. Strings, `URLSearchParams`, `FormData`, `Blob`, `ArrayBuffer` and its views
 * can. What is read as it is sent cannot: web and Node streams, async iterables, iterators.
 */
export function sendableAgain(body: unknown): boolean {
  // What is no object is made into a string by fetch.
  if (typeof body !== 'object' || body === null) return true
  return !(Symbol.asyncIterator in body || 'getReader' in body || 'pipe' in body || 'next' in body)
}
