/**
 * Whether a body can be sent a second time. Strings, `URLSearchParams`, `FormData`, `Blob`, `ArrayBuffer` and its views
 * can. What is read as it is sent cannot: web and Node streams, async iterables, iterators.
 */
export function sendableAgain(body: unknown): boolean {
  // What is no object is made into a string by fetch.
  if (typeof body !== 'object' || body === null) return true
  return !(Symbol.asyncIterator in body || 'getReader' in body || 'pipe' in body || 'next' in body)
}
