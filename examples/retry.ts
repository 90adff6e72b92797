// Trying again: with the defaults, with a back-off of one's own, until a job is done, never twice, and within one budget.
import { constant, decorrelated, exponential, pipeline, retry, retryBudget, timeout } from 'spillway'

/** Stands in for a dependency: too busy for the first two calls of each name. */
const seen = new Map<string, number>()
async function ask(name: string): Promise<string> {
  const times = (seen.get(name) ?? 0) + 1
  seen.set(name, times)
  if (times < 3) throw Object.assign(new Error(`${name} is busy`), { status: 503 })
  return `${name}: answer ${times}`
}

// #region first
const quotes = pipeline('quotes', [
  timeout(2_000), // the whole call, back-offs included
  retry(), // 3 attempts, 100 ms and 200 ms apart at most, within a budget
  timeout(500), // each attempt
])

const quote = await quotes.run(() => ask('quote'))
// #endregion first
console.log(quote)

// #region backoff
retry({ backoff: exponential({ initialMs: 50, maxMs: 2_000, jitter: 'equal' }) })
retry({ backoff: decorrelated({ initialMs: 50 }) })
retry({ backoff: constant(200) })
// Any function does: here, long waits for who has too much to do, and short ones else.
retry({ backoff: (n, outcome, { random }) => n * (outcome.verdict === 'overload' ? 1_000 : 50) * random() })
// #endregion backoff

// #region when
class Deadlock extends Error {}

// Not every failure: what says that there was too much to do, and one error that is known to pass.
retry({ when: (outcome) => outcome.verdict === 'overload' || (!outcome.ok && outcome.error instanceof Deadlock) })
// #endregion when

let polls = 0
const poll = async (): Promise<'pending' | 'done'> => (++polls < 4 ? 'pending' : 'done')

// #region poll
const jobs = pipeline('jobs', [
  retry({
    maxAttempts: Infinity,
    backoff: constant(20),
    budget: false, // asking again is what it is for
    when: (outcome) => outcome.ok && outcome.value === 'pending',
  }),
])

const state = await jobs.run(poll, { timeoutMs: 5_000 })
if (state === 'pending') throw new Error('the job is not done after 5 s')
// #endregion poll
console.log(`${state} after ${polls} polls`)

// #region once
const payment = await quotes.tryRun(() => ask('payment'), { idempotent: false })
// #endregion once
console.log(`payment: ${payment.attempts} attempt`)

// #region budget
const budget = retryBudget({ ratio: 0.2, minPerSecond: 5 })

const reads = pipeline('catalog', [retry({ budget })])
const writes = pipeline('catalog-writes', [retry({ budget, maxAttempts: 2 })])

reads.on('budget.exhausted', ({ call }) => console.log(`call ${call} would have been retried, but too many are`))
// #endregion budget
await reads.run(() => ask('read'))
await writes.tryRun(() => ask('write'))
console.log(`${Math.floor(budget.balance())} retries left`)

// prints: quote: answer 3
// prints: done after 4 polls
// prints: payment: 1 attempt
// prints: retries left
