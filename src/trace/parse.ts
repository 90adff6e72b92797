import { newTrace, type TraceContext } from './trace-context.ts'

interface HeadersToRead {
  get(name: string): string | null | undefined
}

/** version-traceid-parentid-flags; later versions may say more after that. */
const traceparent = /^(?!ff)([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/
/** {trace}-{span}[-{sampling}[-{parent}]] */
const single = /^([\da-f]{16}|[\da-f]{32})-([\da-f]{16})(?:-([01d]))?(?:-[\da-f]{16})?$/i
const traceId = /^(?:[\da-f]{16}|[\da-f]{32})$/i
const spanId = /^[\da-f]{16}$/i
const someId = /[1-9a-f]/i
/** What may stand in a header: anything else was not meant well. */
const printable = /^[\t\u0020-\u007E]*$/

/** The most that is carried along: RFC-like limits of W3C Trace Context (512 characters at least) and Baggage (8 192 bytes). */
const longest = { tracestate: 4_096, baggage: 8_192 }

/**
 * The trace that a request belongs to: from W3C's `traceparent`, with `tracestate` and `baggage`, else from B3's single header, else from B3's
 * several. What is malformed, of another length, or nothing but zeros counts as not said; nothing is thrown.
 *
 * @param headers whatever knows them by name
 */
export function parseTrace(headers: HeadersToRead): TraceContext | undefined {
  const trace = w3c(headers) ?? b3(headers) ?? b3multi(headers)
  if (trace === undefined) return undefined
  const baggage = carried(headers, 'baggage')
  return baggage === undefined ? trace : { ...trace, baggage }
}

function w3c(headers: HeadersToRead): TraceContext | undefined {
  const [, version, trace = '', parent = '', flags = '', more] = traceparent.exec(headers.get('traceparent')?.trim() ?? '') ?? []
  if (!someId.test(trace) || !someId.test(parent) || (version === '00' && more !== undefined)) return undefined
  // The last bit: it is recorded.
  const sampled = Number.parseInt(flags, 16) % 2 === 1
  return { traceId: trace, spanId: parent, sampled, format: 'w3c', tracestate: carried(headers, 'tracestate') }
}

function b3(headers: HeadersToRead): TraceContext | undefined {
  const said = headers.get('b3')?.trim() ?? ''
  // A decision without a trace.
  if (/^[01d]$/.test(said)) return { ...newTrace(), ...sampling(said), format: 'b3' }
  const [, trace = '', span = '', state] = single.exec(said) ?? []
  return ofB3(trace, span, sampling(state), 'b3')
}

function b3multi(headers: HeadersToRead): TraceContext | undefined {
  const flags = headers.get('x-b3-flags')?.trim()
  const said = headers.get('x-b3-sampled')?.trim().toLowerCase()
  // Some old ones say it in words.
  const state = sampling(flags === '1' ? 'd' : said === 'true' ? '1' : said === 'false' ? '0' : said)
  const trace = headers.get('x-b3-traceid')?.trim() ?? ''
  const span = headers.get('x-b3-spanid')?.trim() ?? ''
  if (trace === '' && span === '' && state.sampled !== undefined) return { ...newTrace(), ...state, format: 'b3multi' }
  return traceId.test(trace) && spanId.test(span) ? ofB3(trace, span, state, 'b3multi') : undefined
}

function ofB3(trace: string, span: string, state: { readonly sampled: boolean | undefined }, format: 'b3' | 'b3multi'): TraceContext | undefined {
  if (!someId.test(trace) || !someId.test(span)) return undefined
  return { traceId: trace.toLowerCase().padStart(32, '0'), spanId: span.toLowerCase(), ...state, format }
}

function sampling(state: string | undefined): { readonly sampled: boolean | undefined; readonly debug?: boolean } {
  if (state === 'd') return { sampled: true, debug: true }
  return { sampled: state === '1' ? true : state === '0' ? false : undefined }
}

function carried(headers: HeadersToRead, name: keyof typeof longest): string | undefined {
  const value = headers.get(name)?.trim()
  return value === undefined || value === '' || value.length > longest[name] || !printable.test(value) ? undefined : value
}
