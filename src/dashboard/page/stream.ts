import type { Frame } from '../wire.ts'
import { asked } from './asked.ts'

export type Link = 'connecting' | 'live' | 'paused' | 'stale' | 'lost'

interface Listener {
  frame(frame: Frame): void
  link(link: Link): void
}

const againMs = 4_000

/** The server's frames. Paused or out of sight it holds no connection. */
export class Stream {
  paused = false
  #seen = true
  #search = ''
  #source: EventSource | undefined
  #opening = 0
  #watch = 0

  constructor(readonly listener: Listener) {}

  open(search: string): void {
    const soon = this.#source === undefined ? 0 : 250 // not for every letter
    this.#search = search
    this.#later(soon)
  }

  pause(paused: boolean): void {
    this.paused = paused
    this.#later(0)
  }

  attend(seen: boolean): void {
    this.#seen = seen
    this.#later(0)
  }

  #later(ms: number): void {
    clearTimeout(this.#opening)
    this.#opening = setTimeout(() => this.#connect(), ms)
  }

  #connect(): void {
    this.#source?.close()
    this.#source = undefined
    clearTimeout(this.#watch)
    if (this.paused) return this.listener.link('paused')
    if (!this.#seen) return
    this.listener.link('connecting')
    const source = new EventSource(asked(this.#search === '' ? { stream: '' } : { stream: '', q: this.#search }))
    this.#source = source
    source.addEventListener('message', ({ data }: MessageEvent<string>) => {
      const frame = JSON.parse(data) as Frame
      clearTimeout(this.#watch)
      this.#watch = setTimeout(() => this.listener.link('stale'), 4_000 + 3 * frame.everyMs)
      this.listener.link('live')
      this.listener.frame(frame)
    })
    source.addEventListener('error', () => {
      clearTimeout(this.#watch)
      this.listener.link('lost')
      // A refusal closes it for good; a broken connection it mends itself.
      if (source.readyState === EventSource.CLOSED) this.#later(againMs)
    })
  }
}
