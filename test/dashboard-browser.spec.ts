import { execFileSync } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Dashboard, dashboard, type DashboardOptions, toNode } from 'spillway/dashboard'
import { badQuarter, openShop, type Shop } from './support/shop.ts'
import { root } from './support/package.ts'
import { program } from './support/servers.ts'
import { pipelineSnapshot, recorderOf, snapshotOf } from './support/snapshots.ts'

const file = program('chromium', 'chromium')
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const desk: BrowserContextOptions = { viewport: { width: 1440, height: 900 }, colorScheme: 'light', reducedMotion: 'reduce', timezoneId: 'UTC', locale: 'en-GB' }
const phone: BrowserContextOptions = { ...desk, viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }
/** A busy machine is no failure. */
// oxlint-disable-next-line vitest/require-awaited-expect-poll -- who calls it awaits it
const soon = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 20_000 })
/** `npm run page:shots` keeps the pictures beside the page. */
const keeping = process.env['SHOTS'] === '1'

interface Served {
  readonly url: string
  readonly app: Dashboard
}

describe.skipIf(file === undefined)('dashboard in Chromium', { timeout: 120_000 }, () => {
  let browser: Browser
  const servers: Server[] = []

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: file!, args, timeout: 60_000 })
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
  })

  async function serve(recorder: Parameters<typeof dashboard>[0], options: DashboardOptions = {}): Promise<Served> {
    const app = dashboard(recorder, { title: 'shop', everyMs: 50, ...options })
    const server = createServer(toNode(app)).listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/dashboard`, app }
  }

  /** A page that has had its first frame, and all that went wrong in it. */
  async function open(url: string, options: BrowserContextOptions = desk): Promise<{ page: Page; problems: string[]; close: () => Promise<void> }> {
    const context = await browser.newContext(options)
    const page = await context.newPage()
    const problems: string[] = []
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && problems.push(message.text()))
    page.on('pageerror', (error) => problems.push(String(error)))
    await page.goto(url)
    if (options.javaScriptEnabled !== false) await page.waitForSelector('.rows')
    return { page, problems, close: () => context.close() }
  }

  /** What axe finds wrong, in a line each. */
  async function faults(page: Page): Promise<string[]> {
    await page.evaluate(axe)
    const { violations } = await page.evaluate('axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })') as { violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }
    return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary}`).join(' | ')}`)
  }

  const row = (page: Page, name: string) => page.locator('.row', { has: page.getByRole('button', { name, exact: true }) })

  it('shows an outage as it happens: state, reason, countdown, timeline, log; and its end', async () => {
    const shop = openShop()
    await shop.run(20)
    const { url } = await serve(shop.metrics)
    const { page, problems, close } = await open(url)
    const payments = row(page, 'payments')
    await soon(() => page.getByRole('status').first().textContent()).toBe('All 13 pipelines are well')
    expect(await payments.locator('.why').textContent()).toBe('Healthy')
    expect(await payments.getByRole('img', { name: 'Last 15 minutes' }).getAttribute('aria-label')).toBe('Last 15 minutes: closed')

    shop.of['payments']!.failing = 1
    const opened = () => shop.metrics.snapshot().log.some(({ type }) => type === 'breaker.opened')
    for (let halves = 0; halves < 40 && !opened(); halves++) await shop.run(0.5)
    await soon(() => page.getByRole('status').first().textContent()).toBe('payments needs attention: open')
    expect(await page.title()).toBe('(1) shop')
    expect(await page.locator('.row').first().getByRole('button').textContent()).toBe('payments')
    const why = await payments.locator('.why').textContent()
    expect(why).toMatch(/^Open · \d+ % of \d+ calls in 10 s failed.* · probe in \d+ s$/)
    const left = Number(/probe in (\d+) s/.exec(why!)![1])
    await shop.run(1)
    await soon(async () => Number(/probe in (\d+) s/.exec((await payments.locator('.why').textContent())!)?.[1])).toBe(left - 1)
    expect(await payments.getByRole('img', { name: 'Last 15 minutes' }).getAttribute('aria-label')).toMatch(/^Last 15 minutes: open once, \d+ s$/)
    expect(await payments.locator('.band .s-open').count()).toBe(1)
    expect(await page.getByRole('region', { name: 'Events' }).textContent()).toMatch(/Trouble: payments breaker opened: \d+ % of \d+ calls in 10 s failed; rests \d/)

    shop.of['payments']!.failing = 0
    await shop.run(12)
    await soon(() => page.getByRole('status').first().textContent()).not.toContain('open')
    await shop.run(12)
    await soon(() => payments.locator('.why').textContent()).toBe('Healthy')
    expect(await page.getByRole('region', { name: 'Events' }).textContent()).toMatch(/Recovered: payments breaker closed after/)
    expect(await payments.getByRole('img', { name: 'Last 15 minutes' }).getAttribute('aria-label')).toMatch(/^Last 15 minutes: open once, .*half-open once, .*; closed now$/)
    // It has been away, and stands before those that were always well.
    expect(await page.locator('.row').first().getByRole('button').textContent()).toBe('payments')
    expect(problems).toEqual([])
    await close()
  })

  describe('a bad quarter of an hour', () => {
    let shop: Shop
    let served: Served

    beforeAll(async () => {
      shop = openShop()
      await badQuarter(shop)
      served = await serve(shop.metrics, { title: 'shop · eu-central-1', allowControl: true, authorize: () => true })
    }, 120_000)

    const looks: [string, BrowserContextOptions][] = [['light', desk], ['dark', { ...desk, colorScheme: 'dark' }], ['phone', phone]]

    it.each(looks)('passes axe, and is pictured: %s', async (name, options) => {
      const { page, problems, close } = await open(served.url, options)
      if (keeping && name !== 'dark') keep(name, await page.screenshot())
      await page.getByRole('button', { name: 'payments', exact: true }).click()
      await page.getByText('minimumThroughput').waitFor()
      if (name === 'phone') expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
      if (keeping && name === 'dark') keep(name, await page.screenshot())
      expect(await faults(page)).toEqual([])
      if (name === 'light') {
        await page.keyboard.press('?')
        expect(await faults(page)).toEqual([])
      }
      if (keeping && name === 'light') {
        await page.keyboard.press('Escape')
        await page.getByRole('button', { name: 'payments', exact: true }).click()
        await page.getByRole('button', { name: 'search', exact: true }).click()
        await page.getByText('minimumThroughput').waitFor()
        await page.evaluate('document.querySelector("header").style.position = "static"') // it would stand before the row
        keep('throttle', await row(page, 'search').screenshot())
      }
      expect(problems).toEqual([])
      await close()
    })

    it('shows the share of a throttle over time, and what is refused of which priority', async () => {
      const { page, close } = await open(served.url)
      await page.getByRole('button', { name: 'search', exact: true }).click()
      const detail = page.getByRole('region', { name: 'Details of search' })
      expect(await detail.locator('.steps').getByRole('img').getAttribute('aria-label')).toMatch(/^Share over the last 15 minutes: \d.* % now, \d.* % at least, since/)
      expect(await row(page, 'search').locator('.why').first().textContent()).toMatch(/^Throttled · lets \d+ % pass/)
      const refused = await detail.locator('.card', { hasText: 'by priority' }).textContent()
      expect(refused).toMatch(/critical\d+high\d+normal\d+low\d+By throttle \d+\.$/)
      await close()
    })

    it('says what is in force in a pipeline, defaults included', async () => {
      const { page, close } = await open(served.url)
      await page.getByRole('button', { name: 'payments', exact: true }).click()
      const detail = page.getByRole('region', { name: 'Details of payments' })
      await detail.getByText('minimumThroughput').waitFor()
      expect(await detail.locator('.foldline').textContent()).toBe('stage[timeout 2 s] ─▶ retry ─▶ stage[breaker · bulkhead · timeout 500 ms] ─▶ your function')
      const text = (await detail.locator('.options').allTextContents()).join()
      for (const said of ['maxAttempts3', 'failureRatio0.5', 'windowMs10000', 'slowMsInfinity', 'probes.total3', 'slots40']) expect(text).toContain(said)
      await close()
    })

    it('is used by keys alone', async () => {
      const { page, close } = await open(served.url)
      const focused = () => page.evaluate('document.activeElement.textContent')
      await page.keyboard.press('j')
      const first = await focused()
      await page.keyboard.press('ArrowDown')
      expect(await focused()).not.toBe(first)
      await page.keyboard.press('k')
      expect(await focused()).toBe(first)
      await page.keyboard.press('Enter')
      expect(await page.locator('[aria-expanded=true]').count()).toBe(1)
      await page.keyboard.press('Enter')
      expect(await page.locator('[aria-expanded=true]').count()).toBe(0)

      await page.keyboard.press('/')
      await page.keyboard.type('mail')
      await soon(() => page.locator('.row').count()).toBe(1)
      await page.keyboard.press('Escape')
      await soon(() => page.locator('.row').count()).toBe(13)

      await page.keyboard.press('t')
      expect(await page.evaluate('document.documentElement.dataset.theme')).toBe('light')
      await page.reload()
      expect(await page.evaluate('document.documentElement.dataset.theme')).toBe('light')

      await page.waitForSelector('.rows')
      await page.keyboard.press('?')
      expect(await page.locator('dialog[open]').count()).toBe(1)
      await page.keyboard.press('Escape')
      expect(await page.locator('dialog[open]').count()).toBe(0)
      await close()
    })

    it('keeps the focus on its pipeline while rows move', async () => {
      const { page, close } = await open(served.url)
      await page.getByRole('button', { name: 'taxes', exact: true }).focus()
      const before = shop.of['taxes']!.failing
      shop.of['taxes']!.failing = 1
      await shop.run(6)
      await soon(() => row(page, 'taxes').locator('.why').textContent()).toContain('Open')
      expect(await page.evaluate('document.activeElement.textContent')).toBe('taxes')
      shop.of['taxes']!.failing = before
      await close()
    })

    it('paused, hidden or closed, it holds no stream', async () => {
      const { page, close } = await open(served.url)
      await soon(() => served.app.viewers).toBe(1)
      await page.keyboard.press('p')
      await soon(() => served.app.viewers).toBe(0)
      expect(await page.getByRole('button', { name: 'Resume' }).getAttribute('aria-pressed')).toBe('true')
      await page.keyboard.press('p')
      await soon(() => served.app.viewers).toBe(1)
      await close()
      await soon(() => served.app.viewers).toBe(0)
    })

    it('comes back by itself when the server has gone away', async () => {
      const { page, close } = await open(served.url)
      await soon(() => page.locator('.link').textContent()).toContain('Live')
      served.app.close()
      await soon(() => page.locator('.link').textContent()).toContain('Connection lost')
      await soon(() => page.locator('.link').textContent()).toContain('Live')
      await close()
    })

    it('isolates a breaker and closes it, when allowed', async () => {
      const { page, problems, close } = await open(served.url)
      page.on('dialog', (dialog) => void dialog.accept())
      await page.getByRole('button', { name: 'accounts', exact: true }).click()
      await page.getByRole('button', { name: 'Isolate breaker of accounts' }).click()
      await soon(() => row(page, 'accounts').locator('.why').first().textContent()).toBe('Isolated · by hand')
      expect(await page.getByText('Isolated: all calls are refused until it is closed.').count()).toBe(1)
      await page.getByRole('button', { name: 'Close breaker of accounts' }).click()
      await soon(() => row(page, 'accounts').locator('.why').first().textContent()).not.toContain('Isolated')
      expect(problems).toEqual([])
      await close()
    })

    it('offers no control where it is read-only', async () => {
      const { url } = await serve(shop.metrics)
      const { page, close } = await open(url)
      await page.getByRole('button', { name: 'accounts', exact: true }).click()
      await page.getByText('minimumThroughput').waitFor()
      expect(await page.getByRole('button', { name: /Isolate|Close breaker|Set/ }).count()).toBe(0)
      const status = await page.evaluate(`fetch('?control=', { method: 'POST', headers: { 'content-type': 'application/json', 'x-spillway-control': '1' }, body: '{}' }).then(({ status }) => status)`)
      expect(status).toBe(403)
      await close()
    })

    it('refuses what another site sends, and cannot be framed by it', async () => {
      const evil = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(`<iframe src="${served.url}"></iframe>`)).listen(0, '127.0.0.1')
      servers.push(evil)
      await once(evil, 'listening')
      const context = await browser.newContext(desk)
      const page = await context.newPage()
      await page.goto(`http://localhost:${(evil.address() as AddressInfo).port}/`)
      const command = JSON.stringify({ pipeline: 'mail', policy: 'breaker', action: 'isolate' })
      const send = (headers: object, mode: string) => page.evaluate(`fetch('${served.url}?control=', { method: 'POST', mode: '${mode}', headers: ${JSON.stringify(headers)}, body: '${command}' }).then(({ status, type }) => type + status, () => 'blocked')`)
      expect(await send({ 'content-type': 'application/json', 'x-spillway-control': '1' }, 'cors')).toBe('blocked')
      // It arrives, and is refused; that the answer may not be seen either is the resource policy.
      expect(await send({ 'content-type': 'text/plain' }, 'no-cors')).toBe('blocked')
      const stream = await page.evaluate(`new Promise((resolve) => { const source = new EventSource('${served.url}?stream='); source.onerror = () => resolve(source.readyState); source.onmessage = () => resolve('message') })`)
      expect(stream).toBe(2)
      await soon(() => served.app.viewers).toBe(0)
      const frame = page.frames()[1]!
      expect(await frame.evaluate('document.getElementById("app") === null')).toBe(true)
      const mail = shop.metrics.snapshot().pipelines.find(({ name }) => name === 'mail')!
      expect(mail.policies.find(({ breaker }) => breaker)?.breaker?.state).toBe('closed')
      await context.close()
    })

    it('without script is a table that says the same', async () => {
      const { page, problems, close } = await open(served.url, { ...desk, javaScriptEnabled: false })
      expect(await page.getByRole('row', { name: /^payments open: \d+ % of \d+ calls/ }).count()).toBe(1)
      expect(await page.getByRole('row').count()).toBe(14)
      expect(await page.locator('meta[http-equiv=refresh]').count()).toBe(1)
      expect(problems).toEqual([])
      await close()
    })
  })

  it('shows hostile names as text, and runs nothing of them', async () => {
    const hostile = ['<img src=x onerror="document.title=1">', '"><script>document.title=2</script>', 'a\nb\u202ec', '👩‍👩‍👧 支付', `x${'y'.repeat(10_000)}`, '__proto__', "');alert(1)//"]
    const log = hostile.map((pipeline, id) => ({ id, at: Date.now(), count: 1, pipeline, policy: pipeline, type: 'policy.warned', severity: 'warning' as const, text: pipeline }))
    const { url } = await serve(recorderOf(snapshotOf(hostile.map((name) => pipelineSnapshot({ name, nodes: [{ kind: 'layer', type: name, name, options: { [name]: name } }] })), { log })))
    const { page, problems, close } = await open(url)
    expect(await page.title()).toBe('shop')
    expect(await page.locator('#app img, #app script').count()).toBe(0)
    const shown = await page.locator('.name').allTextContents()
    expect(shown).toHaveLength(7)
    for (const name of [hostile[0], hostile[1], '__proto__', "');alert(1)//"]) expect(shown).toContain(name)
    for (const button of await page.locator('.name').all()) await button.click()
    await soon(() => page.locator('.policies').count()).toBe(7)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(1440)
    expect([await page.title(), problems]).toEqual(['shop', []])
    await close()
  })

  it('stays usable with a thousand pipelines: the worst are shown, search finds the others', async () => {
    const many = Array.from({ length: 1_000 }, (_, i) => pipelineSnapshot({ name: `tenant-${i}`, window: { outcomes: { success: i, failure: i === 777 ? 9_000 : 0 } } }))
    const { url } = await serve(recorderOf(snapshotOf(many)))
    const { page, close } = await open(url)
    expect(await page.locator('.row').count()).toBe(100)
    expect(await page.locator('.row .name').first().textContent()).toBe('tenant-777')
    expect(await page.locator('.beyond').textContent()).toBe('900 more pipelines with less need of attention. Search finds them.')
    await page.getByRole('searchbox').fill('tenant-99')
    await soon(() => page.locator('.row').count()).toBe(11)
    await page.getByRole('searchbox').fill('nobody')
    await soon(() => page.locator('.beyond').textContent()).toBe('No pipeline matches “nobody”.')
    // A tick of a hundred rows leaves the page time for its user.
    await page.getByRole('searchbox').fill('')
    await soon(() => page.locator('.row').count()).toBe(100)
    const longest = await page.evaluate(`new Promise((resolve) => { let most = 0, last = performance.now(), n = 0; const step = () => { const now = performance.now(); most = Math.max(most, now - last); last = now; ++n < 60 ? requestAnimationFrame(step) : resolve(most) }; step() })`)
    console.log(`longest frame with 100 rows of 1000, 20 updates a second: ${Math.round(longest as number)} ms`)
    await close()
  })

  it('is pictured in its README', () => {
    const page = readFileSync(resolve(root, 'src/dashboard/README.md'), 'utf8')
    for (const name of ['light', 'dark', 'phone', 'throttle']) {
      expect(page.includes(`(${name}.png)`), name).toBe(true)
      expect(statSync(resolve(root, `src/dashboard/${name}.png`)).size).toBeLessThan(200_000)
    }
  })
})

/** With fewer colours where the tool is there: a picture in a repository is kept for ever. */
function keep(name: string, png: Buffer): void {
  const target = resolve(root, `src/dashboard/${name}.png`)
  writeFileSync(target, png)
  try {
    execFileSync('pngquant', ['--force', '--quality', '70-95', '--strip', '--output', target, target])
  } catch {
    console.log('pngquant is missing: the pictures are larger than they need be')
  }
}
