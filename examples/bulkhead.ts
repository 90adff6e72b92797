// Two slots, three calls.
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

// prints: rendered a
// prints: rendered b
// prints: Cannot call "pages": all 2 slots are taken
