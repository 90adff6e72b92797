// The same calls to the same service, by fetch as people wrap it by hand and by fetch with spillway, while the service gets slow, fails,
// is overloaded and recovers. Each has an instance of the service for itself. With --keep the dashboard stays when it is over.
import { constants } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from 'spillway/testing'
import { bareFetch } from './bare.ts'
import { startService } from './instance.ts'
import { arrivals, drive } from './load.ts'
import { servePicture } from './picture.ts'
import { plainView } from './plain.ts'
import { callsPerSecond, quick, seed, totalMs } from './script.ts'
import { Side } from './side.ts'
import { quotes, quotesBreaker } from './spillway.ts'
import { table } from './table.ts'
import { timeline } from './timeline.ts'
import { liveView } from './view.ts'
import { live, milliseconds } from './words.ts'

// Exit by a signal too goes through 'exit', which puts the terminal right.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(128 + constants.signals[signal]))

const [one, other, picture] = await Promise.all([startService(), startService(), servePicture()])
console.log(` A live picture of the side with spillway: ${picture.url}\n`)
const sides = [new Side('bare fetch', bareFetch, one), new Side('spillway', quotes, other, quotesBreaker)]
await Promise.all(sides.map((side) => side.warmUp()))

const view = live ? liveView(sides, picture.url) : plainView(sides)
process.once('exit', () => view.end())
const stalls = monitorEventLoopDelay()
stalls.enable()
const start = performance.now()
for (const { service } of sides) service.begin()
const timers = [
  setInterval(() => sides.forEach((side) => side.advance(performance.now() - start)), 50),
  setInterval(() => view.draw(performance.now() - start), view.everyMs),
]

const answered: Promise<void>[] = []
await drive(arrivals(callsPerSecond, totalMs, seededRandom(seed)), (at) => {
  for (const side of sides) answered.push(side.call(at))
})
await Promise.all(answered)
timers.forEach(clearInterval)
// The services' last reports are on their way.
await sleep(100)

view.end()
console.log(['', ...timeline(sides), '', ...table(sides), ''].join('\n'))
if (stalls.max > 200e6) console.log(` This machine had other work: the demo itself stood still for up to ${milliseconds(stalls.max / 1e6)}.\n`)
console.log(' While nine of ten answers are errors, spillway stops asking and bare fetch gets some through by asking three times as often.\n That is what the service then does not recover from.\n')
if (quick) console.log(' --quick is a rehearsal: its troubles end before a retry storm has built up.\n')
await Promise.all(sides.map(({ service }) => service.stop()))

if (process.argv.includes('--keep')) console.log(` ${picture.url} stays until Ctrl-C.`)
else picture.close()
