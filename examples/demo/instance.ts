import { fork } from 'node:child_process'
import { once } from 'node:events'

/** What a service tells of itself. */
export interface Report {
  /** How many requests have come. */
  readonly reached: number
  /** How many of them wait for a worker. */
  readonly waiting: number
}

export interface Instance {
  readonly url: string
  readonly report: Report
  /** Begins the script. */
  begin(): void
  stop(): Promise<void>
}

function died(): never {
  console.error('The service has died.')
  process.exit(1)
}

/** Starts a service on a free port. */
export async function startService(): Promise<Instance> {
  const child = fork(new URL('service.ts', import.meta.url), process.argv.slice(2))
  child.once('exit', died)
  const [port] = (await once(child, 'message')) as [number]
  let report: Report = { reached: 0, waiting: 0 }
  child.on('message', (said) => (report = said as Report))
  return {
    url: `http://127.0.0.1:${port}/quotes/7`,
    get report() {
      return report
    },
    begin: () => void child.send('begin'),
    async stop() {
      child.off('exit', died).kill()
      await once(child, 'exit')
    },
  }
}
