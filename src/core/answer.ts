interface Deferred {
  readonly promise: Promise<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

function defer(): Deferred {
  let resolve!: Deferred['resolve']
  let reject!: Deferred['reject']
  const promise = new Promise<unknown>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/**
 * The promise side of a strand: the only place that makes promises, and what they cost.
 *
 * - Nothing can end the call early: the user's promise is the one `then` on the function's own promise (`chain`).
 * - Something can (a timeout, the caller's signal): whoever comes first resolves a promise made for it.
 * - Code of the call stands outside what can end early: it has to run in the caller's async context even when a timer or
 *   another call ends the wait. The strand is then *parked* in a promise made there, and whoever comes first wakes it.
 */
export class Answer {
  #state: 'open' | 'resolved' | 'rejected' = 'open'
  #payload: unknown = undefined
  /** The promise given to whoever asked, had from the work's own or from a parking place. */
  #tail: Promise<unknown> | undefined = undefined
  /** The same, resolved by hand. */
  #deferred: Deferred | undefined = undefined
  #wake: (() => void) | undefined = undefined
  #pending: (() => void) | undefined = undefined

  get done(): boolean {
    return this.#state !== 'open'
  }

  /** Answers, once. */
  protected answer(rejects: boolean, payload: unknown): void {
    this.#state = rejects ? 'rejected' : 'resolved'
    const deferred = this.#deferred
    if (deferred === undefined) this.#payload = payload
    else if (rejects) deferred.reject(payload)
    else deferred.resolve(payload)
  }

  /** The promise of the answer, asked for once, when the strand has gone as far as it could at once. */
  protected promise(): Promise<unknown> {
    if (this.#tail !== undefined) return this.#tail
    if (this.#state === 'open') return (this.#deferred = defer()).promise
    return this.#state === 'resolved' ? Promise.resolve(this.#payload) : Promise.reject(this.#payload as Error)
  }

  /** What a `then` of the strand's own answers: the answer, or the promise of it. */
  #exit(): unknown {
    // Later turns of the same strand have nobody to answer but the deferred.
    if (this.#deferred !== undefined) return undefined
    if (this.#state === 'open') return (this.#deferred = defer()).promise
    if (this.#state === 'rejected') throw this.#payload
    return this.#payload
  }

  /** Goes on when the work has ended, at no promise beside the `then` itself. */
  protected chain<V>(work: Promise<V>, ok: (value: V) => void, failed: (error: unknown) => void): void {
    const tail = work.then(
      (value) => {
        ok(value)
        return this.#exit()
      },
      (error) => {
        failed(error)
        return this.#exit()
      },
    )
    if (this.#tail === undefined && this.#deferred === undefined) this.#tail = tail
  }

  /** Waits in a promise of the caller's own context until {@link wakeWith} or {@link wakeUp}. */
  protected park(): void {
    const place = new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.chain(place, () => this.#goOn(), never)
  }

  #goOn(): void {
    const pending = this.#pending
    this.#pending = undefined
    pending?.()
  }

  /** Whether something is to be done that can still be replaced. */
  protected get waiting(): boolean {
    return this.#wake !== undefined || this.#pending !== undefined
  }

  /** What the parked strand shall do when it wakes. */
  protected whenWoken(what: () => void): void {
    this.#pending = what
  }

  protected wakeUp(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}

const never = (): void => {}
