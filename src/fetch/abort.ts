/** Kept as long as the body that it can abort. */
interface Reins {
  readonly controller: AbortController
  /** A Request follows its maker's signal only while it is there itself. */
  readonly input: unknown
}

const reins = new WeakMap<object, Reins>()

/** What aborts one attempt: its own signal until there is a response; from then on, by {@link heed}, the caller's. */
export function controllerOf(signal: AbortSignal): AbortController {
  const controller = new AbortController()
  const abort = (): void => controller.abort(signal.reason)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return controller
}

export function abortable(response: Response, controller: AbortController, input: unknown): Response {
  if (response.body != null) reins.set(response.body, { controller, input })
  return response
}

/** The bodies that one signal of a caller can still abort, and the one listener for all of them. */
class Followers {
  static readonly #of = new WeakMap<AbortSignal, Followers>()
  static readonly #gone = new FinalizationRegistry((forget: () => void) => forget())

  static of(signal: AbortSignal): Followers {
    let followers = this.#of.get(signal)
    if (followers === undefined) this.#of.set(signal, (followers = new Followers(signal)))
    return followers
  }

  readonly #bodies = new Set<WeakRef<AbortController>>()

  constructor(readonly signal: AbortSignal) {}

  add(body: object, controller: AbortController): void {
    const one = new WeakRef(controller)
    if (this.#bodies.size === 0) this.signal.addEventListener('abort', this)
    this.#bodies.add(one)
    Followers.#gone.register(body, () => {
      this.#bodies.delete(one)
      if (this.#bodies.size === 0) this.signal.removeEventListener('abort', this)
    })
  }

  handleEvent(): void {
    for (const one of this.#bodies) one.deref()?.abort(this.signal.reason)
  }
}

/**
 * The pipeline stops listening to the caller when it has answered; fetch's caller may still abort the body. As in Node's own
 * fetch a body is known weakly: a signal that lives as long as the process keeps nothing alive.
 */
export function heed(caller: AbortSignal, response: Response): void {
  const { body } = response
  const controller = body == null ? undefined : reins.get(body)?.controller
  if (body == null || controller === undefined) return
  if (caller.aborted) controller.abort(caller.reason)
  else Followers.of(caller).add(body, controller)
}
