// A limit that finds its size; room for what matters; a queue in front of it.
import { setTimeout as sleep } from 'node:timers/promises'
import { adaptiveLimit, BulkheadFullError, pipeline, timeout } from 'spillway'

/** A service that says 503 when more than four calls are in it. */
let busy = 0
async function search(word: string): Promise<string> {
  if (busy >= 4) throw Object.assign(new Error('busy'), { status: 503 })
  busy++
  await sleep(2)
  busy--
  return `found ${word}`
}

// #region limit
const room = adaptiveLimit() // begins with 10 in flight
const searches = pipeline('searches', [room, timeout(500)])

room.on('limit.changed', ({ from, limit, inFlight }) => console.log(`limit ${from} → ${limit}, ${inFlight} in flight`))
// #endregion limit

await Promise.all(Array.from({ length: 10 }, () => searches.tryRun(() => search('dams'))))
console.log(`at most ${room.limit.toFixed(1)} at a time from now on`)

// #region room
const orders = adaptiveLimit({ start: 2, room: { critical: 1.5, high: 1, normal: 1, low: 0.5 } })
const shop = pipeline('shop', [orders, timeout(500)])

const place = (priority: 'critical' | 'normal' | 'low') => shop.tryRun(() => sleep(5, `${priority} order placed`), { priority })
const placed = await Promise.all([place('normal'), place('low'), place('normal'), place('normal'), place('critical')])
for (const answer of placed) {
  if (answer.ok) console.log(answer.value)
  else if (answer.error instanceof BulkheadFullError) console.log(answer.error.message)
}
// #endregion room

// #region queue
const patient = pipeline('reports', [timeout(2_000), adaptiveLimit({ queue: 100, maxWaitMs: 500 }), timeout(1_000)])
// #endregion queue
console.log(await patient.run(() => 'reported'))

// prints: limit 10 → 7, 7 in flight
// prints: at most 7.1 at a time
// prints: normal order placed
// prints: Cannot call "shop": 1 are in flight, no room for priority low within the limit of 2
// prints: critical order placed
// prints: reported
