// Two slots, three calls; then a queue in front of one slot.
import { bulkhead, BulkheadFullError, pipeline, timeout } from 'spillway'

const render = (page: string) => new Promise<string>((resolve) => setTimeout(resolve, 10, `rendered ${page}`))

// #region bulkhead
const pages = pipeline('pages', [bulkhead({ slots: 2 })])

const answers = await Promise.all(['a', 'b', 'c'].map((page) => pages.tryRun(() => render(page))))
for (const answer of answers) {
  if (answer.ok) console.log(answer.value)
  else if (answer.error instanceof BulkheadFullError) console.log(answer.error.message)
}
// #endregion bulkhead

// #region queue
const places = bulkhead({ slots: 1, queue: 2, maxWaitMs: 200 }) // outside a breaker, if there is one
const reports = pipeline('reports', [timeout(2_000), places])

const four = ['d', 'e', 'f', 'g'].map((page) => reports.tryRun(() => render(page)))
console.log(`${places.inFlight} runs, ${places.queued} wait`)
for (const answer of await Promise.all(four)) console.log(answer.ok ? answer.value : String(answer.error))
// #endregion queue

// #region adaptive
const search = pipeline('search', [bulkhead({ slots: 20, queue: 200, order: 'adaptive' })])
// #endregion adaptive
console.log(await search.run(() => 'found'))

// prints: rendered a
// prints: rendered b
// prints: Cannot call "pages": all 2 slots are taken
// prints: 1 runs, 2 wait
// prints: rendered d
// prints: rendered e
// prints: rendered f
// prints: BulkheadFullError: Cannot call "reports": all 1 slots are taken and 2 wait already
// prints: found
