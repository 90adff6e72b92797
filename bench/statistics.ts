/** Of a sample that is not empty. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}

export interface Estimate {
  readonly median: number
  /** Between these lies the median of all that might have been measured, with 95 % confidence: order statistics, no assumption on the distribution. */
  readonly low: number
  readonly high: number
}

export function estimate(values: readonly number[]): Estimate {
  const sorted = values.toSorted((a, b) => a - b)
  const n = sorted.length
  const reach = 0.98 * Math.sqrt(n) // 1.96 standard deviations of a binomial of n halves
  const at = (rank: number): number => sorted[Math.max(0, Math.min(n - 1, rank))]!
  return { median: median(sorted), low: at(Math.floor(n / 2 - reach)), high: at(Math.ceil(n / 2 + reach) - 1) }
}
