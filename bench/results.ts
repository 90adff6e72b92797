import type { Facts } from './facts.ts'
import type { Series } from './growth.ts'
import type { HttpPoint } from './http.ts'
import type { Proof } from './proof.ts'
import { type Estimate, estimate } from './statistics.ts'

export interface Measured {
  readonly row: string
  readonly group: string
  readonly subject: string
  /** ns per call, one for each round. */
  readonly samples: readonly number[]
  readonly bytes: number
  readonly promises: number
}

/** What a run on one Node has measured. */
export interface Results {
  readonly date: string
  readonly node: string
  readonly v8: string
  readonly machine: string
  readonly subjects: readonly { readonly name: string, readonly version: string }[]
  readonly missing: readonly string[]
  readonly quick: boolean
  readonly proof: Proof
  readonly measured: readonly Measured[]
  readonly growth?: readonly Series[]
  readonly facts?: Facts
  readonly http?: readonly HttpPoint[]
}

/** How many times dearer `one` is than `other`: the median over the rounds, in each of which both were measured. */
export function ratio(one: Measured, other: Measured): Estimate {
  return estimate(one.samples.map((ns, at) => ns / other.samples[at]!))
}
