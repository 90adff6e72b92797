import { fork } from 'node:child_process'
import { resolve } from 'node:path'
import type { Done, Job } from './job.ts'

/** Plays all jobs on so many processes; what they come to, in the order of the jobs. */
export async function playAll(jobs: readonly Job[], processes: number, onDone: (done: Done) => void): Promise<Done[]> {
  const all: Done[] = []
  let next = 0
  const one = (): Promise<void> =>
    new Promise((ok, failed) => {
      const child = fork(resolve(import.meta.dirname, 'worker.ts'), { serialization: 'advanced', execArgv: [...process.execArgv, '--max-semi-space-size=64'] })
      let at = -1
      const give = (): void => {
        at = next++
        if (at < jobs.length) child.send(jobs[at]!)
        else child.disconnect()
      }
      child.on('message', (done: Done) => {
        all[at] = done
        onDone(done)
        give()
      })
      child.on('exit', (code) => (code === 0 ? ok() : failed(new Error(`a simulation ended with code ${code}`))))
      give()
    })
  await Promise.all(Array.from({ length: Math.min(processes, jobs.length) }, one))
  return all
}
