import type { Priority } from '../core/attempt.ts'

/** Why a call is refused: completes `Cannot call "payments": …`. */
export const say = {
  /** By what the user allows. */
  fixed: (share: number, priority: Priority, alike: boolean): string => (share === 0 ? `no calls${of(priority, alike)} may pass` : `only ${percent(share)} of the calls${of(priority, alike)} may pass`),
  /** By what it can bear. */
  adaptive: (share: number, priority: Priority, all: number): string =>
    `it can bear ${percent(all)} of the calls now${share === all ? '' : share === 0 ? `, none of priority ${priority}` : `, ${percent(share)} of those of priority ${priority}`}`,
  hinted: (share: number, ms: number): string => (share === 0 ? `it asked to be left alone for ${ms} ms more` : `it asked for ${percent(share)} of the calls for ${ms} ms more`),
  noOverload: (name: string, failures: number): string =>
    `${name}: has seen ${failures} failures and no overload, which is all that an adaptive throttle learns from (timeouts, 429, 503, refused connections): let classify say 'overload' where the dependency has too much to do`,
} as const

const of = (priority: Priority, alike: boolean): string => (alike ? '' : ` of priority ${priority}`)

/** `30 %`; below 10 % with a digit more. */
export function percent(share: number): string {
  const hundred = share * 100
  return `${hundred >= 10 || hundred === 0 ? Math.round(hundred) : Number(hundred.toPrecision(1))} %`
}
