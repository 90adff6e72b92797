import type { Played } from './play.ts'
import type { Variant } from './variants.ts'

/** One run of a scenario. */
export interface Setting {
  readonly seed: number
  readonly clients: number
  readonly variant: Variant
}

/** What a scenario asks of a measure: at least, at most, or nothing: it is only shown. */
export interface Goal {
  readonly measure: string
  readonly atLeast?: number
  readonly atMost?: number
  /** The best that was seen elsewhere. */
  readonly elsewhere: string
  /** For which variant it must hold: `'spillway'` unless said. */
  readonly of?: string
}

export interface Scenario {
  /** In kebab case: what the command line, the plots and the table call it. */
  readonly name: string
  /** What happens, in one sentence with numbers. */
  readonly setUp: string
  /** What the page says below the table: why a goal is missed, by what, and what was tried. */
  readonly note?: string
  /** Fleet sizes that it is run for. */
  readonly clients: readonly number[]
  /** Names of `variants`; the last one is what the goals are for. */
  readonly variants: readonly string[]
  readonly goals: readonly Goal[]
  /** Fleet size and variants of its plot; without it there is none. */
  readonly plot?: { readonly clients: number; readonly variants: readonly string[] }
  play(setting: Setting): Promise<Played>
}

export function met({ atLeast = -Infinity, atMost = Infinity }: Goal, value: number): boolean {
  return value >= atLeast && value <= atMost
}
