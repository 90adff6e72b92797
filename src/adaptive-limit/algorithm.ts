/** What a limit should be, learned from results. Pure: it is told the time by argument and has no clock. */
export interface Algorithm {
  /** How many should be in flight: from `min` to `max`, a fraction. */
  readonly limit: number
  /**
   * One result. `inFlight` counts it too; `dropped`: the dependency had too much to do (an `overload`), or it took too long.
   * Times are ms.
   */
  sample(startedAt: number, tookMs: number, inFlight: number, dropped: boolean): void
  /** Other bounds from now on. */
  bound(min: number, max: number): void
}

export type AlgorithmName = 'aimd' | 'vegas'

export const algorithms: readonly AlgorithmName[] = ['aimd', 'vegas']

export const within = (limit: number, min: number, max: number): number => Math.min(max, Math.max(min, limit))
