/** A span as a person writes it: `500 ms`, `2 s`, `1.5 s`. */
export function nameDuration(ms: number): string {
  return ms < 1_000 || ms === Infinity ? `${Math.round(ms)} ms` : `${Math.round(ms / 100) / 10} s`
}
