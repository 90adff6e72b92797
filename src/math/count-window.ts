/**
 * Counts the last `size` results, exactly. Needs no clock.
 *
 * Cost: O(1) per result; `size` bytes from the first result on.
 */
export class CountWindow {
  calls = 0
  failed = 0
  slow = 0
  #ring: Uint8Array | undefined
  #next = 0

  /** @param size a whole number from 1 on */
  constructor(readonly size: number) {}

  record(failed: boolean, slow: boolean): void {
    const ring = (this.#ring ??= new Uint8Array(this.size))
    const at = this.#next
    if (this.calls === ring.length) {
      this.failed -= ring[at]! & 1
      this.slow -= ring[at]! >> 1
    } else this.calls++
    ring[at] = (failed ? 1 : 0) | (slow ? 2 : 0)
    if (failed) this.failed++
    if (slow) this.slow++
    this.#next = at + 1 === ring.length ? 0 : at + 1
  }

  /** The results, oldest first, one digit each: 0 good, 1 failed, 2 slow, 3 failed and slow. */
  save(): string {
    const ring = this.#ring
    if (ring === undefined) return ''
    const results = this.calls < ring.length ? ring.subarray(0, this.calls) : [...ring.subarray(this.#next), ...ring.subarray(0, this.#next)]
    return results.join('')
  }

  /** Takes over what another window saved: the latest `size` results. */
  load(results: string): void {
    this.calls = this.failed = this.slow = this.#next = 0
    this.#ring = undefined
    for (const digit of results.slice(-this.size)) this.record(digit === '1' || digit === '3', digit >= '2')
  }
}
