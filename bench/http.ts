// A resilient fetch beside the bare one, against a server on loopback, bodies read. Rounds are interleaved, so that whatever else the machine
// does falls on all alike. A bare fetch with a signal is the like of one that has any timeout at all.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type Estimate, estimate, median } from './statistics.ts'

type Fetch = (url: string) => Promise<Response>
export type FetchLibrary = typeof import('spillway/fetch')

export interface HttpPoint {
  readonly body: string
  readonly atOnce: number
  readonly who: string
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  /** Throughput against bare fetch, the median over the rounds; and the same by the processor time of this process. */
  readonly throughput: Estimate
  readonly work: Estimate
}

interface Sample {
  readonly ms: number
  readonly cpuMs: number
  readonly latencies: number[]
}

async function sample(one: Fetch, url: string, calls: number, atOnce: number): Promise<Sample> {
  const latencies: number[] = []
  const cpu = process.cpuUsage()
  const start = performance.now()
  let left = calls
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const from = performance.now()
      const response = await one(url)
      await (url.endsWith('small') ? response.json() : response.text())
      latencies.push(performance.now() - from)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  const ms = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  return { ms, cpuMs: (user + system) / 1000, latencies }
}

// Samples of a tenth of a second, or a few: many short rounds say more than a few long ones.
const loads = [
  { path: '/small', body: 'JSON of 230 bytes', atOnce: 1, calls: 150, rounds: 80 },
  { path: '/small', body: 'JSON of 230 bytes', atOnce: 50, calls: 300, rounds: 60 },
  { path: '/small', body: 'JSON of 230 bytes', atOnce: 500, calls: 1_000, rounds: 30 },
  { path: '/big', body: 'text of 1 MB', atOnce: 50, calls: 50, rounds: 60 },
]

export async function http({ resilientFetch, standard }: FetchLibrary, serverFile: string, quick: boolean, log: (line: string) => void): Promise<HttpPoint[]> {
  const server = spawn(process.execPath, [serverFile], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  try {
    const [port] = (await once(server.stdout!, 'data')) as [Buffer]
    const address = `http://127.0.0.1:${String(port).trim()}`
    const variants: Record<string, Fetch> = {
      bare: (url) => fetch(url),
      'bare, with a signal': (url) => fetch(url, { signal: new AbortController().signal }),
      'no policies': resilientFetch('bench', []),
      standard: resilientFetch('bench', standard({ slots: 1_000 })),
    }
    const points: HttpPoint[] = []
    for (const load of loads) points.push(...(await compare(address, variants, load, quick ? 6 : load.rounds)))
    for (const { body, atOnce, who, perSecond, throughput } of points) log(`${body}, ${atOnce} at once, ${who}: ${Math.round(perSecond)}/s, ${throughput.median.toFixed(3)}`)
    return points
  } finally {
    server.kill()
  }
}

async function compare(address: string, variants: Readonly<Record<string, Fetch>>, { path, body, atOnce, calls }: Omit<(typeof loads)[number], 'rounds'>, rounds: number): Promise<HttpPoint[]> {
  const names = Object.keys(variants)
  const samples = new Map<string, Sample[]>(names.map((name) => [name, []]))
  for (let round = -2; round < rounds; round++) {
    for (let n = 0; n < names.length; n++) {
      const name = names[(round + 2 + (round % 2 === 0 ? n : names.length - n)) % names.length]!
      const one = await sample(variants[name]!, address + path, calls, atOnce)
      if (round >= 0) samples.get(name)!.push(one)
    }
  }
  const bare = samples.get('bare')!
  return names.map((who) => {
    const own = samples.get(who)!
    const latencies = own.flatMap((one) => one.latencies).toSorted((a, b) => a - b)
    return {
      body, atOnce, who,
      perSecond: (1000 * calls) / median(own.map(({ ms }) => ms)),
      p50: median(latencies),
      p99: latencies[Math.floor(latencies.length * 0.99)]!,
      throughput: estimate(own.map(({ ms }, round) => bare[round]!.ms / ms)),
      work: estimate(own.map(({ cpuMs }, round) => bare[round]!.cpuMs / cpuMs)),
    }
  })
}
