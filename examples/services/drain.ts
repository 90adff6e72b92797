// The end of a service: SIGTERM comes, and whoever is inside gets an answer before the process is gone.
import type { Server } from 'node:http'

/** What a pipeline has: `close`. */
interface Closable {
  close(options: { graceMs: number }): Promise<number>
}

/**
 * At SIGTERM: no new connection; no new call; back-offs and queues end now; running calls have `graceMs`, then their signals are
 * aborted. Exits with 0, or with 1 if something was still running by then. Keep `graceMs` some seconds below what your
 * orchestrator grants (30 s in Kubernetes).
 */
export function drainAtSigterm(server: Server, pipelines: readonly Closable[], graceMs = 20_000): void {
  process.once('SIGTERM', async () => {
    const closed = new Promise((done) => server.close(done))
    const left = await Promise.all(pipelines.map((one) => one.close({ graceMs })))
    // The calls have ended, and their answers are on their way. Connections that are kept alive would hold the server up.
    const idle = setInterval(() => server.closeIdleConnections(), 10)
    await Promise.race([closed, new Promise((done) => setTimeout(done, 500))])
    clearInterval(idle)
    process.exit(left.some((calls) => calls > 0) ? 1 : 0)
  })
}
