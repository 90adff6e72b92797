import type { Subject, Work } from '../case.ts'
import { rows } from '../rows.ts'

const pass = <T>(value: T): T => value
const fail = (error: unknown): never => {
  throw error
}
const instead = (): string => 'instead'
const ready = new Error('made beforehand')
const result = Object.freeze({ ok: false, attempts: 0 })

/** The function called without any library. */
export const bare: Subject = {
  name: 'bare call',
  version: '',
  rows: Object.fromEntries(rows.filter(({ runs, ends }) => runs === undefined && ends !== 'made').map(({ name }) => [name, (work: Work) => () => work()])),
}

/** What anything that observes a call has to pay at least: one `then`. For a refusal: a promise that is settled already. */
export const floor: Subject = {
  name: 'floor',
  version: '',
  rows: {
    ...Object.fromEntries(Object.keys(bare.rows).map((name) => [name, (work: Work) => () => work().then(pass, fail)])),
    'fallback answers': (work) => () => work().then(pass, instead),
    ...Object.fromEntries(rows.filter(({ ends }) => ends === 'refusal').map(({ name }) => [name, () => () => Promise.reject(ready)])),
    ...Object.fromEntries(rows.filter(({ ends, runs }) => ends === 'told' || (ends === 'answer' && runs === 0)).map(({ name }) => [name, () => () => Promise.resolve(result)])),
  },
}
