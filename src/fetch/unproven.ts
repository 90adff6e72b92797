import { SpillwayError } from '../core/errors.ts'
import { neverStarted } from '../core/verdict.ts'
import { type Asked, urlOf } from './request.ts'

const originals = new WeakMap<object, object>()

interface NetworkError {
  readonly port?: unknown
  readonly hostname?: unknown
  readonly cause?: unknown
  readonly errors?: unknown
}

/**
 * A refused connection proves that a request never started, and so lets a POST be repeated: but not where its body is a
 * stream, which may have been read, nor where it was another server that refused: then a first one answered with a redirect,
 * and did who knows what. (Two servers on one port that differ by address only look the same here: documented.) Such an error travels through the pipeline as an heir that hides its causes.
 */
export function withoutProof(error: unknown, { input, once }: Asked): unknown {
  if (typeof error !== 'object' || error === null || error instanceof SpillwayError || !neverStarted(error)) return error
  const url = urlOf(input)
  if (!once && (url === undefined || !isElsewhere(error, url))) return error
  const hidden = { value: undefined }
  const heir = Object.create(error, { cause: hidden, code: hidden, errors: hidden }) as object
  originals.set(heir, error)
  return heir
}

/** The error itself, for whoever looks at it: the classifier and the caller. */
export function original(error: unknown): unknown {
  if (error instanceof SpillwayError && originals.has(error.cause as object)) error.cause = original(error.cause)
  return originals.get(error as object) ?? error
}

function isElsewhere(error: NetworkError, url: URL, depth = 0): boolean {
  const { port, hostname, cause, errors } = error
  if (typeof port === 'number' && String(port) !== (url.port || (url.protocol === 'https:' ? '443' : '80'))) return true
  if (typeof hostname === 'string' && hostname !== url.hostname) return true
  if (depth > 4) return false
  return [cause, ...(Array.isArray(errors) ? errors : [])].some((one: unknown) => typeof one === 'object' && one !== null && isElsewhere(one, url, depth + 1))
}
