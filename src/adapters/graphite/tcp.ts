import { createConnection, type Socket } from 'node:net'

/**
 * A connection that is made when there is something to write, and made anew at the next write after it broke. It holds what it was given last
 * and no more: while that has not left, or no connection is there yet, it takes nothing.
 */
export class Tcp {
  #socket: Socket | undefined
  #connected = false
  /** Turns in which nothing could be written. */
  #stuck = 0

  constructor(
    readonly host: string,
    readonly port: number,
    readonly trouble: (what: unknown) => void,
  ) {}

  /** `text` is made only if it can be taken. */
  write(text: () => string): void {
    const socket = this.#socket
    if (socket !== undefined && (!this.#connected || socket.writableLength > 0)) return this.#busy(socket)
    const said = text()
    if (said === '') return
    this.#stuck = 0
    if (socket === undefined) this.#open(said)
    else socket.write(said)
  }

  #open(first: string): void {
    const socket = createConnection({ host: this.host, port: this.port })
    socket.unref()
    socket.setNoDelay(true)
    socket.on('connect', () => (this.#connected = true))
    socket.on('error', this.trouble)
    socket.on('close', () => {
      if (this.#socket !== socket) return
      this.#socket = undefined
      this.#connected = false
    })
    // Whatever it answers: nobody reads it.
    socket.resume()
    socket.write(first)
    this.#socket = socket
    this.#connected = false
  }

  #busy(socket: Socket): void {
    this.trouble(this.#connected ? 'slow: what was sent last has not left yet' : 'it does not answer')
    // It may hang for ever: a new connection may not.
    if (++this.#stuck < 3) return
    this.#stuck = 0
    socket.destroy()
  }

  close(): void {
    this.#socket?.end()
    this.#socket?.unref()
    this.#socket = undefined
  }
}
