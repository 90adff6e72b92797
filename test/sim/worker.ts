// A process that plays what it is told to, one run after the other.
import { type Job, perform } from './job.ts'

process.on('message', (job: Job) => {
  perform(job).then(
    (done) => process.send!(done),
    (error: unknown) => {
      process.stderr.write(`${job.scenario}, ${job.variant}, ${job.clients} clients, seed ${job.seed}: ${String((error as Error).stack ?? error)}\n`)
      process.exit(1)
    },
  )
})
