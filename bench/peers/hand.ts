import type { Call, Maker, Subject, Work } from '../case.ts'

/** What a function is handed, and what has to be remembered of it. */
class Attempt {
  startedAt = 0
  open = 1
  constructor(readonly fn: Work) {}
}

class Refused extends Error {
  readonly code = 'REFUSED'
}

const book = { inFlight: 0, succeeded: 0, failed: 0, at: 0 }

function ended(attempt: Attempt, well: boolean): void {
  attempt.open = 0
  book.inFlight--
  if (well) book.succeeded++
  else book.failed++
}

/** Counts what is in flight: what any library does at least that hands its function a record of the attempt. */
const counting: Maker = (work) => () => {
  const attempt = new Attempt(work)
  book.inFlight++
  return work(attempt).then(
    (value) => {
      ended(attempt, true)
      return value
    },
    (error) => {
      ended(attempt, false)
      throw error
    },
  )
}

/** And knows when a success was: one read of the clock. */
const dating: Maker = (work) => () => {
  const attempt = new Attempt(work)
  book.inFlight++
  return work(attempt).then(
    (value) => {
      book.at = performance.now()
      ended(attempt, true)
      return value
    },
    (error) => {
      ended(attempt, false)
      throw error
    },
  )
}

/** And knows when it began, can be answered by a timer, and goes on in its caller's async context then: a clock read and two promises more. */
const early: Maker = (work) => () => {
  const attempt = new Attempt(work)
  attempt.startedAt = performance.now()
  book.inFlight++
  let wake!: (value: string) => void
  let fail!: (error: unknown) => void
  const place = new Promise<string>((yes, no) => {
    wake = yes
    fail = no
  })
  work(attempt).then(wake, fail)
  return place.then(
    (value) => {
      book.at = performance.now() - attempt.startedAt
      ended(attempt, true)
      return value
    },
    (error) => {
      ended(attempt, false)
      throw error
    },
  )
}

function refusal(): Refused {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  const error = new Refused('Cannot call')
  Error.stackTraceLimit = limit
  return error
}

/** A fresh error without a stack, after one look at the clock. */
const refusing = (): Call => () => {
  book.at = performance.now()
  return Promise.reject(refusal())
}

class Told {
  readonly ok = false
  readonly attempts = 0
  get error(): Refused {
    return refusal()
  }
}

/** The error is made when it is read. */
const telling = (): Call => () => {
  book.at = performance.now()
  return Promise.resolve(new Told())
}

/**
 * Not a library: the least code that keeps what spillway promises of a call, without any policy, queue, event or check. Between it and the
 * floor lies what the promises cost; between it and spillway what spillway costs.
 */
export const hand: Subject = {
  name: 'by hand',
  version: '',
  rows: {
    nothing: counting,
    bulkhead: counting,
    'breaker: failures in a row': counting,
    'breaker: failure ratio over calls': counting,
    'breaker: failure ratio over time': dating,
    'retry, breaker, timeout': early,
    'five: fallback, retry, breaker, bulkhead, timeout': early,
    'six: fallback, retry, breaker, throttle, bulkhead, timeout': early,
    'open breaker': refusing,
    'open breaker, told': telling,
    'full bulkhead': () => () => Promise.reject(refusal()),
    'full bulkhead, told': () => () => Promise.resolve(new Told()),
  },
}
