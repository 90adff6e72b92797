// When there is not room for all: by pressure, by a share, by a table.
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { adaptiveLimit, bulkhead, eventLoopDelay, eventLoopUtilization, pipeline, retry, shed, subLevelOf, timeout } from 'spillway'

// #region pressure
const orders = pipeline('orders', [shed(), bulkhead({ slots: 10 }), timeout(500)])

const rush = Array.from({ length: 12 }, (_, i) => orders.tryRun(() => sleep(5, 'ordered'), { priority: i < 8 ? 'normal' : i < 10 ? 'low' : 'critical' }))
const answers = await Promise.all(rush)
console.log(answers.map(({ ok }) => (ok ? '+' : '-')).join(''))
// #endregion pressure

// #region load
const delay = monitorEventLoopDelay({ resolution: 10 })
delay.enable()
const guarded = shed({
  load: [
    eventLoopDelay(delay), // 1 at a mean delay of 100 ms
    eventLoopUtilization(performance.eventLoopUtilization), // from 0.9 on
    () => process.memoryUsage.rss() / 2e9, // of 2 GB
  ],
})
const searches = pipeline('searches', [guarded, adaptiveLimit({ queue: 50 }), timeout(500)])
guarded.on('shed.changed', ({ from, level, pressure }) => console.log(`shedding: ${from} → ${level} at ${pressure.toFixed(2)}`))
// #endregion load
console.log(await searches.run(() => 'found'))
delay.disable()

// #region share
let fleetWide = 0 // what somebody who sees all of the fleet says
const ads = pipeline('ads', [retry(), shed({ share: () => fleetWide }), timeout(500)])
// #endregion share
fleetWide = 1
console.log(await ads.run(() => 'ad', { priority: 'critical' }))

// #region table
const reports = pipeline('reports', [
  shed({ table: { allow: { gold: 1, free: 0.1 }, of: ({ call }) => call.meta as string, above: 0.5 } }), // 10 % of the free ones, from a pressure of 0.5 on
  bulkhead({ slots: 20 }),
])
// #endregion table
console.log(await reports.run(() => 'reported', { meta: 'gold' }))

// #region sublevel
const hour = Math.floor(Date.now() / 3_600_000) // another salt each hour: not always the same users go first
const asUser = (id: string) => ({ priority: 'normal', subLevel: subLevelOf(id, hour) }) as const
// #endregion sublevel
console.log(await orders.run(() => 'for ada', asUser('ada')))

// prints: ++++++++--++
// prints: found
// prints: ad
// prints: reported
// prints: for ada
