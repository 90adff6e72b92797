// A timeout per attempt and one for the whole call.
import { pipeline, retry, timeout, TimeoutError } from 'spillway'

const slow = (signal: AbortSignal) => new Promise<string>((resolve) => signal.addEventListener('abort', () => resolve('stopped')))

// #region timeout
const reports = pipeline('reports', [
  timeout(150), // the whole call
  retry({ maxAttempts: 5 }),
  timeout(50), // each attempt
])

try {
  await reports.run(({ signal }) => slow(signal))
} catch (error) {
  if (error instanceof TimeoutError) console.log(error.message, `(attempts: ${error.attempts > 0})`)
}
// #endregion timeout

// prints: timed out after
