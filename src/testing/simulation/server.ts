import type { Agenda } from './agenda.ts'
import { Line } from './line.ts'
import { serverSettings, type ServerSettings, type SimServerOptions } from './server-options.ts'

/** What a request is made with: an attempt, or nothing. */
export interface Requester {
  readonly signal: AbortSignal
}

/**
 * A server of the simulated world. `request` is what stands where the call to the dependency would be:
 * `quotes.run((attempt) => server.request(attempt))`. It resolves when it has been served. It rejects with an error that has
 * `status: 503` where the queue is full, `status: 500` for an error of its own, and `code: 'ECONNREFUSED'` or `'ECONNRESET'` where it is
 * down; the same object each time, so that millions of them cost nothing.
 */
export interface SimServer {
  readonly name: string
  request(by?: Requester): Promise<void>
  /** Changes any of its options, at once. Fewer workers: as they come free. */
  update(options: Partial<SimServerOptions>): void
  /**
   * `'refuse'`: what runs and waits is reset, new connections are refused. `'hang'`: it takes all and answers nothing, for ever.
   * `'error'`: it answers 500 at once. `'up'`: it is back.
   */
  turn(state: ServerState): void
  /** The network keeps all requests back, until `release` delivers them at one moment. */
  hold(): void
  release(): void
  /** How many requests were sent to it so far. */
  readonly sent: number
  /** How many of them it has served, whoever still waited for it. */
  readonly served: number
  /** How many it refused: a full queue, a fault, an outage. */
  readonly rejected: number
  /** How many workers are busy. */
  readonly busy: number
  /** How many requests wait for a worker. */
  readonly queued: number
  /** ms of work done so far, over all workers. */
  readonly workedMs: number
}

export type ServerState = 'up' | 'refuse' | 'hang' | 'error'

class ServerError extends Error {
  readonly status?: number
  readonly code?: string

  constructor(message: string, details: { readonly status?: number; readonly code?: string }) {
    super(message)
    Object.assign(this, details)
  }
}

const full = new ServerError('503: the queue is full', { status: 503 })
const broken = new ServerError('500: an error of the server', { status: 500 })
const down = new ServerError('connection refused', { code: 'ECONNREFUSED' })
const reset = new ServerError('connection reset', { code: 'ECONNRESET' })

/** More refusals than could be worked off in so many ms are dropped by the network and cost nothing. */
const BACKLOG_MS = 1_000

interface Job {
  readonly by: Requester | undefined
  readonly resolve: () => void
  readonly reject: (error: Error) => void
  /** Answered already: by a reset, or because its client has gone. */
  over: boolean
}

export class SimulatedServer implements SimServer {
  #settings: ServerSettings
  #state: ServerState = 'up'
  #held: Job[] | undefined = undefined
  readonly #line = new Line<Job>()
  readonly #running = new Set<Job>()
  #gone = 0
  /** Work that refusals have cost and nobody has done yet, ms of one worker. */
  #debtMs = 0
  sent = 0
  served = 0
  rejected = 0
  busy = 0
  workedMs = 0

  constructor(
    readonly name: string,
    options: SimServerOptions,
    readonly agenda: Agenda,
    readonly random: () => number,
  ) {
    this.#settings = serverSettings(options)
  }

  get queued(): number {
    return this.#line.length - this.#gone
  }

  update(options: Partial<SimServerOptions>): void {
    this.#settings = serverSettings(options, this.#settings)
    this.#next()
  }

  turn(state: ServerState): void {
    this.#state = state
    if (state === 'up') return this.#next()
    if (state !== 'refuse') return
    for (const job of [...this.#running, ...this.#line.clear()]) this.#refuse(job, reset)
    this.#running.clear()
    this.#gone = this.busy = this.#debtMs = 0
  }

  hold(): void {
    this.#held ??= []
  }

  release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const job of held) this.#arrive(job)
  }

  request(by?: Requester): Promise<void> {
    this.sent++
    return new Promise((resolve, reject) => {
      // Whoever has given up is let go: a long queue must not keep all of them.
      const job: Job = { by: this.#settings.heedsAbort ? by : undefined, resolve, reject, over: false }
      this.#travel(() => this.#arrive(job))
    })
  }

  #travel(then: () => void): void {
    const ms = this.#settings.networkMs(this.random)
    if (ms > 0) this.agenda.after(ms, then)
    else then()
  }

  #arrive(job: Job): void {
    const { workers, queue, faultRatio } = this.#settings
    if (this.#held !== undefined) return void this.#held.push(job)
    if (this.#state === 'refuse') return this.#refuse(job, down)
    if (this.#state === 'error') return this.#refuse(job, broken)
    if (this.#state === 'hang') return
    if (faultRatio > 0 && this.random() < faultRatio) return this.#refuse(job, down)
    if (this.busy < workers) return this.#start(job)
    if (this.queued >= queue) return this.#reject(job)
    this.#line.push(job)
    job.by?.signal.addEventListener('abort', () => this.#forget(job), { once: true })
  }

  #forget(job: Job): void {
    if (job.over || this.#running.has(job)) return
    job.over = true
    this.#gone++
  }

  /** No place is left. The answer comes when a worker has had the time for it. */
  #reject(job: Job): void {
    const { workers, rejectCost, serviceMs } = this.#settings
    if (rejectCost === 0) return this.#refuse(job, full)
    if (this.#debtMs > BACKLOG_MS * workers) return this.#refuse(job, down)
    this.#debtMs += rejectCost * serviceMs(this.random)
    this.agenda.after(this.#debtMs / Math.max(1, workers), () => this.#refuse(job, full))
  }

  #refuse(job: Job, error: Error): void {
    if (job.over) return
    job.over = true
    this.rejected++
    this.#travel(() => job.reject(error))
  }

  #start(job: Job): void {
    this.busy++
    this.#running.add(job)
    const ms = this.#settings.serviceMs(this.random) + this.#debtMs
    this.#debtMs = 0
    this.workedMs += ms
    this.agenda.after(ms, () => this.#end(job))
  }

  #end(job: Job): void {
    // It was reset meanwhile.
    if (!this.#running.delete(job)) return
    this.busy--
    const { errorRatio } = this.#settings
    if (errorRatio > 0 && this.random() < errorRatio) this.#refuse(job, broken)
    else {
      job.over = true
      this.served++
      this.#travel(job.resolve)
    }
    this.#next()
  }

  #next(): void {
    if (this.#state === 'hang') return
    while (this.busy < this.#settings.workers) {
      const job = this.#line.shift()
      if (job === undefined) return
      if (job.over) this.#gone--
      else this.#start(job)
    }
  }
}
