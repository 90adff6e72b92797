import type { Proof } from './proof.ts'

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
}
