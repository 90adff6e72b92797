import { createSocket, type Socket } from 'node:dgram'

/**
 * A way to send datagrams to one address. The socket is made with the first datagram, keeps no process alive, and is made anew after an
 * error: a name that could not be looked up is looked up again.
 */
export function udp(host: string, port: number, trouble: (error: unknown) => void): { readonly send: (datagram: string, done: (error?: unknown) => void) => void; readonly close: () => void } {
  let socket: Socket | undefined
  let ready: Promise<void> | undefined

  function open(): Promise<void> {
    const one = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4' })
    one.unref()
    socket = one
    return new Promise<void>((resolve, reject) => {
      const failed = (error: Error): void => {
        if (socket === one) close()
        trouble(error)
        reject(error)
      }
      // Also later: on a connected socket the system tells that nobody listens.
      one.on('error', failed)
      // Connected, so that the name is looked up once and not per datagram. A look-up that fails is told here.
      one.connect(port, host, ((error?: Error | null) => (error ? failed(error) : resolve())) as () => void)
    })
  }

  function close(): void {
    const one = socket
    socket = ready = undefined
    try {
      one?.close()
    } catch {
      // It is closed.
    }
  }

  return {
    send(datagram, done) {
      ready ??= open()
      const one = socket
      ready.then(
        () => {
          if (one === undefined || one !== socket) return done(new Error('the socket was closed'))
          one.send(datagram, (error) => {
            if (error !== null && socket === one) close()
            done(error ?? undefined)
          })
        },
        (error: unknown) => done(error),
      )
    },
    close,
  }
}
