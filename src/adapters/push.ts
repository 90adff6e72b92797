import type { OnInternalError } from '../core/hooks.ts'
import { guarded, ignored } from '../core/hooks.ts'
import type { Source } from './table.ts'

/** An exporter that sends by itself. */
export interface Exporter {
  /** Sends what there is now, without waiting for the next time. */
  flush(): void
  /** Sends no more, and lets go of its connection. */
  stop(): void
}

/** Calls `fn` every `ms` until it is stopped. Keeps no process alive. What `fn` throws is told to `report`, and it goes on. */
export function every(ms: number, fn: () => void, report: OnInternalError): () => void {
  // No setInterval: a run that takes longer than `ms` must not be followed by another at once.
  const timer = { handle: setTimeout(run, ms) }
  unref(timer.handle)
  function run(): void {
    guarded(report, fn)
    timer.handle = setTimeout(run, ms)
    unref(timer.handle)
  }
  return () => clearTimeout(timer.handle)
}

function unref(handle: unknown): void {
  ;(handle as { unref?(): void }).unref?.()
}

/** Trouble is over when there was none for so long. */
const QUIET_MS = 60_000

/** Says once that a target is down or slow, and once more when that comes anew after a quiet minute. */
export class Trouble {
  #lastAt = -Infinity

  constructor(
    readonly who: string,
    readonly source: Source,
    readonly onWarning: ((message: string) => void) | undefined,
  ) {}

  readonly tell = (what: unknown): void => {
    const now = performance.now()
    const fresh = now - this.#lastAt > QUIET_MS
    this.#lastAt = now
    if (!fresh) return
    const message = `${this.who}: ${what instanceof Error ? what.message || what.name : String(what)}; calls are unaffected, and it goes on trying`
    guarded(ignored, () => this.source.warn?.(message))
    // oxlint-disable-next-line no-console -- the documented default: somebody must learn that nothing arrives
    guarded(ignored, () => (this.onWarning ?? ((text: string) => console.warn(`spillway: ${text}`)))(message))
  }
}
