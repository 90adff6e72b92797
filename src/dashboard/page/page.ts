import type { Command, Configuration, Frame, Row } from '../wire.ts'
import { asked } from './asked.ts'
import { Stream, type Link } from './stream.ts'

const toldMs = 8_000

/** What the page knows and what its user has chosen. Everything shown follows from it. */
export class Page {
  frame: Frame | undefined
  link: Link = 'connecting'
  search = ''
  helping = false
  /** What came of the last command. */
  told = ''
  readonly unfolded = new Set<string>()
  /** By pipeline; a string says why there is none. */
  readonly configurations = new Map<string, Configuration | string>()
  readonly #numbers = new Map<string, number>()
  readonly #stream: Stream
  /** Rows keep their places while somebody points at them. */
  held = false
  #order: readonly string[] = []
  #telling = 0

  constructor(readonly draw: () => void) {
    this.#stream = new Stream({
      frame: (frame) => {
        this.frame = frame
        draw()
      },
      link: (link) => {
        this.link = link
        draw()
      },
    })
  }

  begin(): void {
    this.#stream.open('')
    document.addEventListener('visibilitychange', () => this.#stream.attend(!document.hidden))
  }

  get paused(): boolean {
    return this.#stream.paused
  }

  pause(paused = !this.paused): void {
    this.#stream.pause(paused)
    this.draw()
  }

  find(text: string): void {
    this.search = text
    this.#stream.open(text.trim())
    this.draw()
  }

  toggle(id: string): void {
    if (this.unfolded.delete(id)) return this.draw()
    this.unfolded.add(id)
    this.draw()
    void this.#configure(id)
  }

  async #configure(id: string): Promise<void> {
    try {
      const response = await fetch(asked({ config: id }), { headers: { accept: 'application/json' } })
      this.configurations.set(id, response.ok ? ((await response.json()) as Configuration) : `Not to be had: the server answered ${response.status}.`)
    } catch {
      this.configurations.set(id, 'Not to be had: the server does not answer.')
    }
    this.draw()
  }

  async command(command: Command): Promise<void> {
    try {
      const response = await fetch(asked({ control: '' }), {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-spillway-control': '1' },
        body: JSON.stringify(command),
      })
      const { message } = (await response.json()) as { readonly message: string }
      this.#tell(message)
    } catch {
      this.#tell('The server does not answer.')
    }
    void this.#configure(command.pipeline)
  }

  /** For a while. */
  #tell(message: string): void {
    this.told = message
    this.draw()
    clearTimeout(this.#telling)
    this.#telling = setTimeout(() => {
      this.told = ''
      this.draw()
    }, toldMs)
  }

  /** A number of its own for each pipeline, for ids in the document: names may hold anything. */
  numberOf(id: string): number {
    const known = this.#numbers.get(id)
    if (known !== undefined) return known
    this.#numbers.set(id, this.#numbers.size)
    return this.#numbers.size - 1
  }

  /** What matches the search, those first that most need attention. */
  rows(): readonly Row[] {
    const words = this.search.trim().toLowerCase()
    const found = (this.frame?.pipelines ?? []).filter(({ id, condition }) => id.toLowerCase().includes(words) || condition.toLowerCase() === words)
    if (!this.held) {
      this.#order = found.map(({ id }) => id)
      return found
    }
    const place = (id: string): number => this.#order.indexOf(id) >>> 0 // -1, a newcomer, is last
    return found.toSorted((a, b) => place(a.id) - place(b.id))
  }
}
