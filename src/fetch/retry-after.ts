/** Whatever knows its headers by name: `Headers`, or a look-alike of another fetch. */
export interface HeadersLike {
  get(name: string): string | null
}

const seconds = /^\d+(?:\.\d+)?$/
/** `Sun, 06 Nov 1994 08:49:37 GMT`, and the older `Sunday, 06-Nov-94 08:49:37 GMT`. */
const dated = /^[a-z]+, (?<day>\d\d)[ -](?<month>[a-z]{3})[ -](?<year>\d{4}|\d\d) (?<h>\d\d):(?<m>\d\d):(?<s>\d\d) GMT$/i
/** C's `asctime()`: `Sun Nov  6 08:49:37 1994`. `Date.parse` would take it for local time. */
const asctime = /^[a-z]{3} (?<month>[a-z]{3}) (?<day>[ \d]\d) (?<h>\d\d):(?<m>\d\d):(?<s>\d\d) (?<year>\d{4})$/i
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/**
 * How long the server asks to be left alone, from its `Retry-After` header: whole seconds, or an HTTP date in any of the
 * three forms of RFC 9110 5.6.7. A date counts from the response's own `Date` header, so that a wrong clock on either side
 * does no harm; without one it counts from `now`. Never less than told: fractions are rounded up.
 *
 * @param now the wall clock, ms since 1970; default `Date.now()`
 * @returns ms from 0 (a date that has passed) on; `undefined` without the header or where it makes no sense
 */
export function retryAfter(headers: HeadersLike, now?: number): number | undefined {
  const told = headers.get('retry-after')?.trim()
  if (told === undefined || told === '') return undefined
  if (seconds.test(told)) return Math.ceil(Number(told) * 1000)
  const from = httpDate(headers.get('date')?.trim(), now) ?? now ?? Date.now()
  const until = httpDate(told, from)
  return until === undefined ? undefined : Math.max(0, Math.ceil(until - from))
}

/** ms since 1970. `Date.parse` accepts too much: it reads "soon 1" as the first of January 2001. */
function httpDate(text: string | undefined, now: number = Date.now()): number | undefined {
  const parts = text === undefined ? undefined : (dated.exec(text) ?? asctime.exec(text))?.groups
  if (parts === undefined) return undefined
  const { day, month = '', year = '', h, m, s } = parts
  const monthIndex = months.indexOf(month.toLowerCase())
  if (monthIndex < 0 || Number(day) < 1 || Number(day) > 31 || Number(h) > 23 || Number(m) > 59 || Number(s) > 60) return undefined
  return Date.UTC(fullYear(year, now), monthIndex, Number(day), Number(h), Number(m), Number(s))
}

/** Two digits mean the year, of all that end so, that lies at most 50 years ahead. */
function fullYear(year: string, now: number): number {
  if (year.length > 2) return Number(year)
  const thisYear = new Date(now).getUTCFullYear()
  const full = thisYear - (thisYear % 100) + Number(year)
  if (full > thisYear + 50) return full - 100
  return full <= thisYear - 50 ? full + 100 : full
}
