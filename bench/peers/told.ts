import type { Call, Maker, Subject } from '../case.ts'
import { rows } from '../rows.ts'

/** What `tryRun` does, by hand: how the call ended, as a value. */
export const tell = (call: Call): Call => () =>
  (call() as Promise<unknown>).then((value) => ({ ok: true, value }), (error: unknown) => ({ ok: false, error }))

/** A library that has no `tryRun`, with the rows of one as its users write them: `open breaker, told` from `open breaker`. */
export function withTold(subject: Subject): Subject {
  const told = rows.flatMap(({ name }): [string, Maker][] => {
    const make = name.endsWith(', told') ? subject.rows[name.slice(0, -6)] : undefined
    return make === undefined ? [] : [[name, (work, script) => tell(make(work, script))]]
  })
  return { ...subject, rows: { ...subject.rows, ...Object.fromEntries(told) } }
}
