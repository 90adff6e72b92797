// A circuit breaker: it stops calling what is down, and finds out by itself when it is back.
import { setTimeout as sleep } from 'node:timers/promises'
import { attempt, breaker, BreakerOpenError, pipeline, Refusal, settled, timeout } from 'spillway'

/** Stands in for a dependency that is down at first. */
const bank = {
  up: false,
  async pay(cents: number, { signal }: { signal: AbortSignal }): Promise<string> {
    signal.throwIfAborted()
    if (!bank.up) throw new Error('connection lost')
    return `paid ${cents}`
  },
}

// #region first
const guard = breaker({ consecutive: 3, breakMs: 100 }) // or half of at least 20 calls in 10 s: the defaults
const payments = pipeline('payments', [guard, timeout(50)])
const pay = payments.bind(({ signal }, cents: number) => bank.pay(cents, { signal }))
// #endregion first

// #region watch
payments.on('breaker.opened', (event) => console.log(`${event.pipeline} opened: ${event.reason}`))
payments.on('breaker.closed', (event) => console.log(`${event.pipeline} closed`))
// #endregion watch

// #region refused
for (let i = 0; i < 4; i++) {
  try {
    await pay(100)
  } catch (error) {
    // Nothing was started: this payment may safely be made in another way, or later.
    if (error instanceof BreakerOpenError) console.log('not sent, code', error.code)
    else console.log('failed:', (error as Error).message)
  }
}
// #endregion refused

bank.up = true
await sleep(150)
console.log(await pay(200), guard.state)

// #region hand
const undo = guard.isolate() // maintenance: nothing goes out
console.log(guard.state, guard.reason)
undo()
// #endregion hand

// #region snapshot
const saved = JSON.stringify(guard.snapshot())
const restarted = breaker({ consecutive: 3, breakMs: 100 })
restarted.restore(JSON.parse(saved))
// #endregion snapshot
console.log(restarted.state)

// #region own
const feed = breaker({ windowCalls: 50, slowMs: 2_000, probes: { total: 3 } })

function onMessage(work: () => void): void {
  const one = attempt()
  const permit = feed.admit(one)
  if (permit instanceof Refusal) return console.log('left in the queue:', permit.reason())
  try {
    work()
    feed.settle(permit, settled('success', one), one)
  } catch (error) {
    feed.settle(permit, settled('failure', one), one)
    throw error
  }
}
// #endregion own
onMessage(() => console.log('message', feed.state))
feed.isolate()
onMessage(() => console.log('not reached'))

// prints: failed: connection lost
// prints: payments opened: 3 failures in a row
// prints: not sent, code BREAKER_OPEN
// prints: payments closed
// prints: paid 200 closed
// prints: isolated isolated by hand
// prints: message closed
// prints: left in the queue: breaker isolated
