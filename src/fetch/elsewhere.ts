import { type Asked, urlOf } from './request.ts'

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
