import { priorities } from '../core/attempt.ts'
import { callable, known, nameOf, oneOf, wrongType } from '../core/options.ts'
import { type Mode, modes } from '../core/policy.ts'
import { type ShedTable, tableSettings, type TableSettings } from './table.ts'
import { defaultThresholds, type Thresholds, thresholdsOf } from './thresholds.ts'

export interface ShedOptions {
  /**
   * From which pressure on calls of each priority are refused: 0..1, Infinity for never, none over that of a more important one. Default
   * `{ critical: Infinity, high: 0.95, normal: 0.85, low: 0.7 }`.
   */
  readonly above?: Partial<Thresholds> | undefined
  /** Pressure of your own, 0..1: a function or several, of which the highest counts. Asked at most every 100 ms. Default none. */
  readonly load?: (() => number) | readonly (() => number)[] | undefined
  /** What share of all calls may pass, 0..1, as you know it: it goes to the most important first. Asked at most every 100 ms. Default none. */
  readonly share?: (() => number) | undefined
  /** Fixed shares by kind of call. `false` (default): none. */
  readonly table?: ShedTable | false | undefined
  /** Default `'enforce'`. */
  readonly mode?: Mode | undefined
  /** Default `'shed'`. */
  readonly name?: string | undefined
}

/** Effective options, defaults included. */
export interface ShedSettings {
  readonly above: Thresholds
  readonly load: readonly (() => number)[]
  readonly share: (() => number) | undefined
  readonly table: TableSettings | false
  readonly mode: Mode
  readonly name: string
}

/** What a user said: nothing in it is `undefined`. */
export type Stated = { readonly [K in keyof ShedOptions]?: Exclude<ShedOptions[K], undefined> }

const changeable = ['above', 'load', 'share', 'table', 'mode'] as const
const keys = [...changeable, 'name'] as const

/** What the user says, over what he said before: then all but the name may change. Its keys are checked, its values not yet. */
export function stated(options: ShedOptions | undefined, before?: Stated): Stated {
  const said = known('shed', options, before === undefined ? keys : changeable) as Stated
  return { ...before, ...said, above: { ...before?.above, ...known<Partial<Thresholds>>('shed.above', said.above, priorities) } }
}

/** What is in force: checked, with its defaults, frozen. */
export function settings(said: Stated): ShedSettings {
  const { load = [], share, table = false, mode = 'enforce', name = 'shed' } = said
  const loads = typeof load === 'function' ? [load] : load
  if (!Array.isArray(loads)) wrongType('shed.load', 'a function or an array of them', load)
  loads.forEach((one, i) => callable(`shed.load[${i}]`, one))
  if (share !== undefined) callable('shed.share', share)
  return Object.freeze({
    above: thresholdsOf('shed.above', { ...defaultThresholds, ...said.above }),
    load: Object.freeze([...loads]),
    share,
    table: table === false ? false : tableSettings('shed.table', table),
    mode: oneOf('shed.mode', mode, modes),
    name: nameOf('shed.name', name),
  })
}
