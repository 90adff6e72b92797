/**
 * Whether a request comes from the page itself, as far as a browser tells. `Sec-Fetch-Site` cannot be forged by a page; where there
 * is none (an old browser, plain http to another host than localhost), the host of `Origin` must be the one that was asked.
 */
export function fromOwnPage({ headers, url }: Request): boolean {
  const site = headers.get('sec-fetch-site')
  if (site !== null) return site === 'same-origin'
  const origin = headers.get('origin')
  if (origin === null) return false
  try {
    return new URL(origin).host === (headers.get('host') ?? new URL(url).host)
  } catch {
    return false // `null`, from a sandboxed frame
  }
}

/** Whether another site has sent it: then not even a place in the audience is for it. Programs say nothing, and may read. */
export function fromElsewhere({ headers }: Request): boolean {
  const site = headers.get('sec-fetch-site')
  return site === 'cross-site' || site === 'same-site'
}
