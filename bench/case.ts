// The words of this package. A row is one thing to measure; a subject is who does it; a case is one row done by one subject.

/** The protected function. What it is handed (an attempt, a context) differs from library to library, and only a few rows look at it. */
export type Work = (context?: unknown) => Promise<string>

/** One call, from its start to its answer. */
export type Call = () => unknown

/**
 * Makes one instance of what a row names, around `work`. `script` makes a function that behaves as the row says from its first
 * run on: the rows in which a call runs its function several times ask it anew for each call.
 */
export type Maker = (work: Work, script: () => Work) => Call

/** Whose calls are measured. A row that is not in `rows` cannot be said with this library. */
export interface Subject {
  readonly name: string
  readonly version: string
  readonly rows: Readonly<Record<string, Maker>>
}

export interface Row {
  /** Unique; the subjects' tables are keyed by it, and filters look for it. */
  readonly name: string
  readonly group: string
  /** What the function does. Default: it answers. */
  readonly work?: 'answers' | 'fails' | 'fails twice'
  /** How the call ends. Default: with the function's answer. `told`: with a value that says how (`tryRun`). `made`: it only makes or finds something. */
  readonly ends?: 'answer' | 'failure' | 'refusal' | 'told' | 'made'
  /** How often the function runs in one call. Default 1. */
  readonly runs?: number
  /** How many calls run at a time. Default 1. */
  readonly atOnce?: number
  /** Left out of `--quick`. */
  readonly long?: boolean
}
