import { policy } from './page.generated.ts'

/** What every answer says: nothing of it is kept, guessed at, framed, or told to other sites. */
const always: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
}

/**
 * Only the page's own script and style, known by their hashes, and only connections to where it came from. Markup made of strings
 * is forbidden to the script too.
 */
const contentPolicy = `default-src 'none'; ${policy}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'`

export function page(text: string): Response {
  return new Response(text, {
    headers: { ...always, 'content-type': 'text/html; charset=utf-8', 'content-security-policy': contentPolicy, 'cross-origin-opener-policy': 'same-origin' },
  })
}

export function json(status: number, value: object, headers?: Readonly<Record<string, string>>): Response {
  return new Response(JSON.stringify(value), { status, headers: { ...always, 'content-type': 'application/json', 'content-security-policy': "default-src 'none'", ...headers } })
}

export function events(body: ReadableStream<Uint8Array> | null): Response {
  return new Response(body, {
    headers: { ...always, 'content-type': 'text/event-stream', 'x-accel-buffering': 'no', 'content-security-policy': "default-src 'none'" },
  })
}
