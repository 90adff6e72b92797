import { type Attempt, priorities, type Priority } from '../core/attempt.ts'
import { callable, known, notNegative, outOfRange, ratio, wrongType } from '../core/options.ts'
import { Diffusion } from '../math/diffusion.ts'

export interface ShedTable {
  /** The share of each kind of calls that passes, 0..1: `{ critical: 1, low: 0.1 }`. What is not named passes. 0 is absolute. */
  readonly allow: Readonly<Record<string, number>>
  /** Which kind an attempt is of. Default: its priority. */
  readonly of?: ((attempt: Attempt) => string | undefined) | undefined
  /** From which pressure on it holds: 0..1. Default 0: always. */
  readonly above?: number | undefined
}

export interface TableSettings {
  readonly allow: Readonly<Record<string, number>>
  readonly of: ((attempt: Attempt) => string | undefined) | undefined
  readonly above: number
}

export function tableSettings(option: string, said: ShedTable): TableSettings {
  const { allow, of, above = 0 } = known(option, said, ['allow', 'of', 'above'])
  if (typeof allow !== 'object' || allow === null || Array.isArray(allow)) wrongType(`${option}.allow`, 'an object of shares', allow)
  if (of !== undefined) callable(`${option}.of`, of)
  else checkPriorities(`${option}.allow`, allow)
  for (const [kind, share] of Object.entries(allow)) ratio(`${option}.allow.${kind}`, share)
  return Object.freeze({ allow: Object.freeze({ ...allow }), of, above: notNegative(`${option}.above`, above) })
}

/** The more important may not get less. */
function checkPriorities(option: string, said: object): void {
  const allow = known<Partial<Record<Priority, number>>>(option, said, priorities)
  let above = 1
  for (const priority of priorities) {
    const share = ratio(`${option}.${priority}`, allow[priority] ?? 1)
    if (share > above) outOfRange(`${option}.${priority}`, `at most that of the priority above it (${above})`, share)
    above = share
  }
}

/** A static table: evenly, call by call, of each kind its share. */
export class Table {
  readonly #kinds = new Map<string, Diffusion>()

  constructor(
    readonly settings: TableSettings,
    readonly random: () => number,
  ) {}

  /** The share of the kind that a call is of. */
  share(attempt: Attempt): { readonly kind: string; readonly share: number } {
    const kind = this.settings.of === undefined ? attempt.priority : (this.settings.of(attempt) ?? '')
    // Own keys only: a kind may be called "constructor".
    return { kind, share: Object.hasOwn(this.settings.allow, kind) ? this.settings.allow[kind]! : 1 }
  }

  pass(kind: string, share: number): boolean {
    if (share === 1) return true
    let diffusion = this.#kinds.get(kind)
    if (diffusion === undefined) this.#kinds.set(kind, (diffusion = new Diffusion(this.random())))
    return diffusion.pass(share)
  }

  refund(kind: string): void {
    this.#kinds.get(kind)?.refund()
  }
}
