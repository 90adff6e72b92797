// A resilient fetch beside the bare one, bodies read: `npm run ts -- bench/fetch.ts [rounds]`. Rounds are interleaved and short, so that whatever
// else the machine does falls on all alike; the ratios are medians over the rounds. `cpu` is this process's own work, the steadier of the two.
// A bare fetch with a signal is the like of one that has any timeout at all.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resilientFetch, standard } from 'spillway/fetch'

type Fetch = (url: string) => Promise<Response>
interface Cost {
  readonly wallUs: number
  readonly cpuUs: number
}

const small = JSON.stringify({ id: 7, name: 'quote', price: 12.5, tags: ['a', 'b'], note: 'x'.repeat(150) })

async function serve(): Promise<void> {
  const big = Buffer.alloc(1 << 20, 'x')
  const server = createServer((request, response) => {
    response.setHeader('content-type', request.url === '/small' ? 'application/json' : 'text/plain')
    response.end(request.url === '/small' ? small : big)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

async function measure(one: Fetch, url: string, calls: number, atOnce: number): Promise<Cost> {
  const cpu = process.cpuUsage()
  const start = performance.now()
  let left = calls
  const work = async (): Promise<void> => {
    while (left-- > 0) {
      const response = await one(url)
      await (url.endsWith('small') ? response.json() : response.text())
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  const wallUs = ((performance.now() - start) * 1000) / calls
  const { user, system } = process.cpuUsage(cpu)
  return { wallUs, cpuUs: (user + system) / calls }
}

async function compare(url: string, variants: Readonly<Record<string, Fetch>>, rounds: number): Promise<void> {
  const names = Object.keys(variants)
  for (const [path, calls, atOnce] of [['/small', 200, 1], ['/small', 400, 50], ['/big', 20, 1], ['/big', 50, 50]] as const) {
    const all: Record<string, Cost>[] = []
    for (let round = -3; round < rounds; round++) {
      const costs: Record<string, Cost> = {}
      for (const name of round % 2 === 0 ? names : names.toReversed()) costs[name] = await measure(variants[name]!, url + path, calls, atOnce)
      if (round >= 0) all.push(costs)
    }
    const ratio = (name: string, key: keyof Cost, to: string): string => median(all.map((costs) => costs[to]![key] / costs[name]![key])).toFixed(3)
    console.log(`${path === '/small' ? 'JSON of 230 bytes' : 'text of 1 MB'}, ${atOnce} at once`)
    console.table(Object.fromEntries(names.map((name) => [name, {
      'median µs': Math.round(median(all.map((costs) => costs[name]!.wallUs))),
      'throughput ÷ bare': ratio(name, 'wallUs', 'bare'),
      'cpu: bare ÷ it': ratio(name, 'cpuUs', 'bare'),
      '÷ bare with a signal': ratio(name, 'wallUs', 'bare, with a signal'),
      'cpu: bare with a signal ÷ it': ratio(name, 'cpuUs', 'bare, with a signal'),
    }])))
  }
}

if (process.argv[2] === 'serve') await serve()
else {
  const server = spawn(process.execPath, ['--import', './test/support/ts.js', import.meta.filename, 'serve'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [port] = (await once(server.stdout, 'data')) as [Buffer]
  await compare(
    `http://127.0.0.1:${String(port).trim()}`,
    {
      bare: (url) => fetch(url),
      'bare, with a signal': (url) => fetch(url, { signal: new AbortController().signal }),
      'without policies': resilientFetch('bench', []),
      "hold: 'headers'": resilientFetch('bench', standard(), { hold: 'headers' }),
      standard: resilientFetch('bench', standard()),
    },
    Number(process.argv[2] ?? 40),
  )
  server.kill()
}
