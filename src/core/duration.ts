/** A span as a person writes it: `500 ms`, `2 s`, `1.5 s`. */
export function nameDuration(ms: number): string {
  if (ms === Infinity) return 'no limit'
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 100) / 10} s`
}
