import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { dashboard } from 'spillway/dashboard'
import { breakerSnapshot, noon, pipelineSnapshot, recorderOf, snapshotOf } from './support/snapshots.ts'

const hostile = '<script>alert(1)</script>"\'&\n\u202e'
const recorder = recorderOf(snapshotOf(
  [
    pipelineSnapshot({ name: 'payments', window: { outcomes: { success: 30, rejected: 3 }, p50: 12.4, p90: 40, p99: 100 }, policies: [breakerSnapshot([[900, 'closed'], [3, 'open', '62 % of 41 calls in 10 s failed']], 2_400)] }),
    pipelineSnapshot({ name: hostile }),
  ],
  { log: [{ id: 1, at: noon - 3_000, count: 1, pipeline: hostile, policy: hostile, type: 'breaker.opened', severity: 'error', text: hostile }] },
))
const app = dashboard(recorder, { title: hostile })
const get = (query = '', init?: RequestInit) => app(new Request(`http://127.0.0.1/any/path${query}`, init)) as Response

describe('dashboard', () => {
  it('answers the page, which may run and load nothing but what is in it', async () => {
    const response = get()
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const policy = response.headers.get('content-security-policy')!
    const text = await response.text()
    const hash = (tag: string) => `'sha256-${createHash('sha256').update(text.slice(text.lastIndexOf(`<${tag}>`) + tag.length + 2, text.lastIndexOf(`</${tag}>`))).digest('base64')}'`
    expect(policy).toBe(`default-src 'none'; script-src ${hash('script')}; style-src ${hash('style')}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'`)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'cross-origin-opener-policy': 'same-origin', 'cross-origin-resource-policy': 'same-origin',
    })
    expect(text).not.toMatch(/ (style|on\w+)="/)
  })

  it('shows who runs no script a table, with names as text', async () => {
    const text = await get().text()
    const body = text.slice(text.indexOf('<body>'), text.lastIndexOf('<script>'))
    expect(body).toContain('<td>open: 62 % of 41 calls in 10 s failed</td>')
    expect(body).toContain('breaker open, probe in 3 s')
    expect(body).toContain('30 success, 3 rejected')
    expect(body).toContain('12 ms, 40 ms, 100 ms')
    expect(body).toContain('1 of 2 pipelines need attention at 2026-11-27 12:00:00 UTC')
    expect(body).not.toContain('<script')
    expect(body.match(/&lt;script&gt;alert\(1\)&lt;\/script&gt;&quot;&#39;&amp;/g)?.length).toBeGreaterThanOrEqual(4)
    expect(text).toContain('<title>&lt;script&gt;')
    expect(text.match(/<script/g)).toHaveLength(1)
  })

  it('answers what is in force in a pipeline', async () => {
    const described = recorderOf(snapshotOf([pipelineSnapshot({
      name: 'a', fold: 'stage[breaker] ─▶ your function', warnings: ['careful'],
      nodes: [
        { kind: 'layer', type: 'retry', name: 'retry', options: { maxAttempts: 3, budget: false } },
        { kind: 'stage', guards: [{ type: 'breaker', name: 'brk', options: { name: 'brk', probes: { total: 1, leaseMs: 'Infinity' }, classes: [1, 2] } }] },
      ],
    })]))
    const response = await dashboard(described)(new Request('http://127.0.0.1/?config=a'))
    expect(await response.json()).toEqual({
      id: 'a', fold: 'stage[breaker] ─▶ your function', warnings: ['careful'],
      policies: [
        { type: 'retry', name: 'retry', options: [['maxAttempts', '3'], ['budget', 'false']] },
        { type: 'breaker', name: 'brk', options: [['probes.total', '1'], ['probes.leaseMs', 'Infinity'], ['classes', '1, 2']] },
      ],
    })
    expect(get('?config=nobody').status).toBe(404)
  })

  it('answers HEAD without a body, and other methods with what it has', () => {
    expect(get('?stream=', { method: 'HEAD' }).body).toBeNull()
    expect(app.viewers).toBe(0)
    const refused = get('', { method: 'DELETE' })
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST'])
  })

  it('tells what goes wrong inside to the user, not to who looks on', async () => {
    const errors: unknown[] = []
    const broken = dashboard(recorderOf(() => { throw new Error('secret') }), { onInternalError: (error) => errors.push(error) })
    const response = await broken(new Request('http://127.0.0.1/'))
    expect([response.status, await response.text()]).toEqual([500, '{"message":"Something went wrong inside the dashboard."}'])
    expect(errors).toEqual([new Error('secret')])
  })

  it.each([
    [{ title: '' }, 'dashboard.title must be a string that is not empty, got ""'],
    [{ everyMs: 0 }, 'dashboard.everyMs must be a finite number over 0, got 0'],
    [{ maxClients: -1 }, 'dashboard.maxClients must be a whole number from 0 on, got -1'],
    [{ shown: Infinity }, 'dashboard.shown must be finite, got Infinity'],
    [{ allowControl: 1 }, 'dashboard.allowControl must be a boolean, got 1'],
    [{ allowControl: true }, 'dashboard.authorize must be a function where allowControl is true, got undefined'],
    [{ authorize: true }, 'dashboard.authorize must be a function, got true'],
    [{ clock: {} }, 'dashboard.clock must be an object with now() and after(ms, fn), got an object'],
    [{ maxClient: 1 }, 'dashboard has no option "maxClient"; did you mean "maxClients"?'],
  ])('checks its options: %j', (options, message) => {
    expect(() => dashboard(recorder, options as never)).toThrow(message)
  })

  it('takes recorders, and nothing else', () => {
    expect(() => dashboard({} as never)).toThrow('dashboard(recorders) must be a recorder of spillway/metrics, or a list of them, got an object')
    expect(() => dashboard([])).toThrow('dashboard(recorders) must be at least one recorder, got an array')
  })
})
