import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { originOf } from '../src/fetch/origin.ts'

/** What it has to be the same as. */
const parsed = (text: string): string => {
  try {
    return new URL(text).origin
  } catch {
    return 'null'
  }
}

const pieces = ['http', 'HTTPS', ':', '/', '//', '\\', 'quotes.test', 'a@b', 'ä', '[::1]', ':8080', ':80', ':99999', '?', '#', ' ', '\t', '\n', '%41', '.', '..', 'blob:', 'data:,x']

describe('perOrigin › the origin of a URL', () => {
  it('is that of new URL, however odd the URL is, the second time too', () => {
    const odd = fc.array(fc.constantFrom(...pieces), { maxLength: 8 }).map((some) => some.join(''))
    const afterHead = odd.map((rest) => `http://${rest}`)
    fc.assert(fc.property(fc.oneof(fc.webUrl({ withFragments: true, withQueryParameters: true }), odd, afterHead), (text) => {
      expect(originOf(text)).toBe(parsed(text))
      expect(originOf(text)).toBe(parsed(text))
    }), { numRuns: 3_000 })
  })

  it('of a URL, a Request, or whatever says its URL as a string', () => {
    expect(originOf(new URL('https://quotes.test:8443/7'))).toBe('https://quotes.test:8443')
    expect(originOf(new Request('http://quotes.test/7'))).toBe('http://quotes.test')
    expect(originOf({ toString: () => 'http://quotes.test/7' } as string)).toBe('http://quotes.test')
  })

  it('of a relative URL is that of the page, or none where there is no page', () => {
    expect(originOf('/quotes/7')).toBe('null')
    vi.stubGlobal('location', { href: 'https://page.test/a/b' })
    try {
      expect([originOf('/quotes/7'), originOf('//quotes.test/7')]).toEqual(['https://page.test', 'https://quotes.test'])
    } finally {
      vi.unstubAllGlobals()
    }
  })

  it('is remembered for a thousand heads at most, and true of any number of them', () => {
    for (let i = 0; i < 2_500; i++) expect(originOf(`http://s${i}.test/x`)).toBe(`http://s${i}.test`)
    expect(originOf('http://s0.test/y')).toBe('http://s0.test')
  })
})
