import { cellMs } from './script.ts'
import { quantile, share, type Side } from './side.ts'
import { milliseconds, percent, whole } from './words.ts'

/** What is to be said of a side now: of its last second. */
export function pulse(side: Side, nowMs: number) {
  const last = side.answers.filter(({ at, ms }) => at + ms > nowMs - 1_000)
  const reached = side.cells.at(-1)?.reached ?? 0
  return {
    breaker: side.breaker?.state ?? ('none' as const),
    calls: `${side.calls.filter((at) => at > nowMs - 1_000).length}/s`,
    success: share(last),
    ok: percent(share(last)),
    p99: milliseconds(quantile(last, 0.99)),
    inFlight: String(side.inFlight),
    requests: `${whole((reached * 1_000) / cellMs)}/s`,
    waiting: String(side.service.report.waiting),
  }
}
