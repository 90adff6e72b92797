import type { Cancel, Clock } from '../core/clock.ts'

/** How many frames may wait for a client. While they do, it is sent no more: each frame is the whole picture. */
const waitingFrames = 2
/** It takes no more of this process than this share of its time: where a frame takes long to make, frames come less often, … */
const share = 0.05
/** … but so many times less often at most: a busy process is when somebody looks. */
const slowest = 5
/** Who has taken nothing for so long is gone. */
const goneMs = 30_000

interface Viewer {
  readonly search: string
  readonly stream: ReadableStreamDefaultController<Uint8Array>
  readonly leave: () => void
  tookAt: number
}

interface Plan {
  readonly clock: Clock
  readonly everyMs: number
  readonly maxClients: number
  /** The picture as it is, as JSON, for those who search for this. */
  readonly picture: (search: string) => string
  readonly report: (error: unknown) => void
}

/**
 * Who looks on. There is one timer for all, and none without anybody. A frame is made once for all who search for the same;
 * who does not keep up misses frames, holds two of them at most, and after 30 s its place.
 */
export class Audience {
  readonly #viewers = new Set<Viewer>()
  readonly #frames = new Map<string, Uint8Array>()
  readonly #encoder = new TextEncoder()
  #cancel: Cancel | undefined
  /** What the frames of this tick took to make, in ms. */
  #tookMs = 0

  constructor(readonly plan: Plan) {}

  get size(): number {
    return this.#viewers.size
  }

  /** A stream of frames, the first at once; `undefined` where there is no room for one more. */
  join(search: string, signal: AbortSignal): ReadableStream<Uint8Array> | undefined {
    if (this.#viewers.size >= this.plan.maxClients) return undefined
    let viewer: Viewer
    return new ReadableStream(
      {
        start: (stream) => {
          const leave = (): void => this.#leave(viewer, signal)
          viewer = { search, stream, leave, tookAt: this.plan.clock.now() }
          if (signal.aborted) return stream.close()
          signal.addEventListener('abort', leave)
          this.#viewers.add(viewer)
          this.#arm()
          this.#send(viewer)
        },
        cancel: () => viewer.leave(),
      },
      { highWaterMark: waitingFrames },
    )
  }

  /** Ends all streams: a server that waits for its connections can then close. */
  close(): void {
    for (const viewer of this.#viewers) viewer.leave()
  }

  #leave(viewer: Viewer, signal: AbortSignal): void {
    signal.removeEventListener('abort', viewer.leave)
    if (!this.#viewers.delete(viewer)) return
    if (this.#viewers.size === 0) this.#rest()
    try {
      viewer.stream.close()
    } catch {
      // Cancelled by its reader: it is closed already.
    }
  }

  #arm(): void {
    const { clock, everyMs } = this.plan
    this.#cancel ??= clock.after(Math.min(slowest * everyMs, Math.max(everyMs, this.#tookMs / share)), this.#tick)
    // It shows what others do, and is no reason to stay alive.
    this.#cancel.unref?.()
  }

  #rest(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#frames.clear()
  }

  readonly #tick = (): void => {
    this.#cancel = undefined
    this.#frames.clear()
    this.#tookMs = 0
    for (const viewer of this.#viewers) this.#send(viewer)
    if (this.#viewers.size > 0) this.#arm()
  }

  #send(viewer: Viewer): void {
    const now = this.plan.clock.now()
    if ((viewer.stream.desiredSize ?? 0) <= 0) {
      if (now - viewer.tookAt >= goneMs) this.#drop(viewer)
      return
    }
    viewer.tookAt = now
    const frame = this.#frame(viewer.search)
    if (frame !== undefined) viewer.stream.enqueue(frame)
  }

  /** Unlike a close, it lets go of the frames that wait. */
  #drop(viewer: Viewer): void {
    viewer.stream.error(new Error('this viewer has taken nothing for 30 s'))
    viewer.leave()
  }

  #frame(search: string): Uint8Array | undefined {
    const made = this.#frames.get(search)
    if (made !== undefined) return made
    const from = this.plan.clock.now()
    try {
      const frame = this.#encoder.encode(`data: ${this.plan.picture(search)}\n\n`)
      this.#frames.set(search, frame)
      return frame
    } catch (error) {
      this.plan.report(error)
      return undefined
    } finally {
      this.#tookMs += this.plan.clock.now() - from
    }
  }
}
