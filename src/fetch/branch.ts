import { ignored } from '../core/hooks.ts'
import type { Body } from './body.ts'
import { join } from './consume.ts'

type Chunk = Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>['read']>>

/** What comes from the network for one response, and for each clone of it: the only one who reads fetch's own stream. */
export class Branch {
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined = undefined

  constructor(
    readonly body: Body,
    /** fetch's own; another one after a clone. */
    public stream: ReadableStream<Uint8Array>,
  ) {
    body.branches = body.branches.length === 0 ? [this] : [...body.branches, this]
  }

  lock(): ReadableStreamDefaultReader<Uint8Array> {
    return (this.#reader ??= this.stream.getReader())
  }

  /** The next chunk; `undefined` when all has come. */
  async next(): Promise<Uint8Array | undefined> {
    const { body } = this
    const reader = this.lock()
    body.expect()
    let chunk: Chunk
    try {
      chunk = await reader.read()
    } catch (error) {
      body.rest()
      throw body.broke(error)
    }
    body.rest()
    return this.#take(chunk)
  }

  /** What is made of all that is left. */
  async all<T>(make: (bytes: Uint8Array, response: Response) => T, response: Response): Promise<Awaited<T>> {
    const { body } = this
    const reader = this.lock()
    const chunks: Uint8Array[] = []
    body.expect()
    try {
      for (;;) {
        const chunk = this.#take(await reader.read())
        if (chunk === undefined) break
        body.came()
        chunks.push(chunk)
      }
    } catch (error) {
      throw body.broke(error)
    } finally {
      body.rest()
    }
    return make(join(chunks), response) as Awaited<T>
  }

  #take(chunk: Chunk): Uint8Array | undefined {
    const { body } = this
    if (body.broken !== undefined) throw body.broken.reason
    if (chunk.done) body.end()
    return chunk.value
  }

  /** As the user's `body.cancel(reason)`. */
  cancel(reason?: unknown): Promise<void> {
    const cancelled = (this.#reader ?? this.stream).cancel(reason)
    this.body.leave(this)
    return cancelled
  }

  /** Ends the connection. Who reads is told by {@link next} or {@link all}. */
  breakOff(reason: unknown): void {
    // What somebody else reads, or what has failed already, cannot be cancelled.
    ;(this.#reader ?? this.stream).cancel(reason).catch(ignored)
  }
}
