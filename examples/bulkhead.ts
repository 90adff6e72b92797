// Two slots, three calls; and a queue before them.
import { bulkhead, BulkheadFullError, pipeline } from 'spillway'

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
const patient = pipeline('pages', [bulkhead({ slots: 2, queue: 10, maxWaitMs: 200, order: 'adaptive' })])

console.log(await Promise.all(['d', 'e', 'f'].map((page) => patient.run(() => render(page)))))
// #endregion queue

// prints: rendered a
// prints: rendered b
// prints: [ 'rendered d', 'rendered e', 'rendered f' ]
