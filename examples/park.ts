// What nobody waits for, later: parked while a breaker is open, let go by and by.
import { setTimeout as sleep } from 'node:timers/promises'
import { breaker, park, pipeline, retry, ShedError, timeout } from 'spillway'

let down = true
async function send(what: string): Promise<string> {
  await sleep(1)
  if (down) throw Object.assign(new Error('busy'), { status: 503 })
  return `sent ${what}`
}

// #region park
const lot = park({ maxWaitMs: 60_000 }) // low calls only, unless you say more
const mails = pipeline('mails', [lot, retry({ maxAttempts: 2 }), breaker({ consecutive: 2, breakMs: 500 }), timeout(500)])

lot.on('park.changed', ({ state, queued }) => console.log(`${state}, ${queued} wait`))
// #endregion park

await mails.tryRun(() => send('receipt'), { priority: 'critical' })
console.log(await mails.tryRun(() => send('receipt'), { priority: 'critical' }).then(({ ok }) => (ok ? 'sent' : 'refused: the breaker is open')))

// #region call
const newsletters = ['monday', 'tuesday'].map((day) => mails.run(() => send(`newsletter of ${day}`), { priority: 'low' }))
// #endregion call
down = false // from now on all is well; the first of them is the breaker's trial
console.log(await Promise.all(newsletters))

// #region deadline
const now = mails.run(() => send('newsletter'), { priority: 'low', timeoutMs: 5_000 }) // waits only if it can be served in time
// #endregion deadline
console.log(await now.catch((error: unknown) => (error instanceof ShedError ? error.message : error)))

// prints: refused: the breaker is open
// prints: parking, 1 wait
// prints: idle, 0 wait
// prints: [ 'sent newsletter of monday', 'sent newsletter of tuesday' ]
// prints: sent newsletter
