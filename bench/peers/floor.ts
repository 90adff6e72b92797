import type { Subject, Work } from '../case.ts'
import { rows } from '../rows.ts'
import { tell } from './told.ts'

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

const keys = Array.from({ length: 1_000 }, (_, n) => `tenant-${n}`)
const map = new Map(keys.map((key) => [key, { key }]))

/** What anything that observes a call has to pay at least: one `then`. For a refusal: a promise that is settled already. For a key: a `Map`. */
export const floor: Subject = {
  name: 'floor',
  version: '',
  rows: {
    ...Object.fromEntries(Object.keys(bare.rows).map((name) => [name, (work: Work) => () => work().then(pass, fail)])),
    ...Object.fromEntries(rows.filter(({ ends }) => ends === 'told').map(({ name }) => [name, tell])),
    'fallback answers': (work) => () => work().then(pass, instead),
    'retry twice, no delay': (_work, script) => () => {
      const fn = script()
      return fn().then(pass, fn).then(pass, fn)
    },
    'find one of 1 000 keys': () => {
      let at = 0
      return () => map.get(keys[(at = (at + 7) % 1_000)]!)
    },
    ...Object.fromEntries(rows.filter(({ ends }) => ends === 'refusal').map(({ name }) => [name, () => () => Promise.reject(ready)])),
    ...Object.fromEntries(rows.filter(({ ends, runs }) => runs === 0 && (ends === undefined || ends === 'told')).map(({ name }) => [name, () => () => Promise.resolve(result)])),
  },
}
