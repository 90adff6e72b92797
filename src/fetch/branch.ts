import { ignored } from '../core/hooks.ts'
import type { BodyWatch } from './body-watch.ts'

type Chunk = Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>['read']>>

/** What comes from the network for one response, and for each clone of it: the only one who reads fetch's own stream. */
export class Branch {
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined = undefined

  constructor(
    readonly watch: BodyWatch,
    /** fetch's own; another one after a clone. */
    public stream: ReadableStream<Uint8Array>,
  ) {
    watch.branches.add(this)
  }

  lock(): ReadableStreamDefaultReader<Uint8Array> {
    return (this.#reader ??= this.stream.getReader())
  }

  /** Hands each chunk on until `take` answers that it has enough, or there are no more: then answers true. */
  async read(take: (chunk: Uint8Array) => boolean): Promise<boolean> {
    const { watch } = this
    const reader = this.lock()
    for (;;) {
      watch.reading()
      let chunk: Chunk
      try {
        chunk = await reader.read()
      } catch (error) {
        watch.came()
        throw watch.broke(error)
      }
      watch.came()
      if (watch.broken !== undefined) throw watch.broken.reason
      if (chunk.done) {
        watch.end()
        return true
      }
      if (take(chunk.value)) return false
    }
  }

  /** As the user's `body.cancel(reason)`. */
  cancel(reason?: unknown): Promise<void> {
    const cancelled = (this.#reader ?? this.stream).cancel(reason)
    this.watch.leave(this)
    return cancelled
  }

  /** Ends the connection. Who reads is told by {@link read}. */
  breakOff(reason: unknown): void {
    // What somebody else reads, or what has failed already, cannot be cancelled.
    ;(this.#reader ?? this.stream).cancel(reason).catch(ignored)
  }
}
