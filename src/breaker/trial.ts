import { type BreakerSettings, defaults } from './options.ts'

/** The permit of a trial attempt. */
export class Probe {
  constructor(readonly since: number) {}
}

/**
 * The era of a half-open breaker: probes that are out, each on a lease, and how many have succeeded. A probe whose lease
 * has ended is out no more: it frees nothing and decides nothing.
 */
export class Trial {
  successes = 0
  /** Oldest first; since all leases are equally long, the first to end stands first. */
  readonly #out = new Set<Probe>()

  readonly #breakMs: number

  /** @param breakMs how long the break before it was: the lease, where the options say none. After no break at all it is that of the default break. */
  constructor(breakMs: number) {
    this.#breakMs = breakMs || defaults.breakMs
  }

  /** A place for a further probe, `undefined` when all are taken. */
  take(settings: BreakerSettings, now: number): Probe | undefined {
    this.#expire(settings, now)
    if (this.#out.size >= this.#places(settings)) return undefined
    const probe = new Probe(now)
    this.#out.add(probe)
    return probe
  }

  /** Ends a probe. False when there is none such, or its lease has ended. */
  end(permit: object, settings: BreakerSettings, now: number): boolean {
    this.#expire(settings, now)
    return this.#out.delete(permit as Probe)
  }

  /** Whether a further probe would find a place. Changes nothing. */
  hasPlace(settings: BreakerSettings, now: number): boolean {
    let out = 0
    for (const probe of this.#out) if (!this.#expired(probe, settings, now)) out++
    return out < this.#places(settings)
  }

  /** No more probes than may be needed to close; but one, should `total` have been lowered meanwhile below what has succeeded. */
  #places({ probes }: BreakerSettings): number {
    return Math.min(probes.concurrent, Math.max(1, probes.total - this.successes))
  }

  #expire(settings: BreakerSettings, now: number): void {
    for (const probe of this.#out) {
      if (this.#expired(probe, settings, now)) this.#out.delete(probe)
    }
  }

  #expired(probe: Probe, { probes }: BreakerSettings, now: number): boolean {
    return now - probe.since >= (probes.leaseMs ?? this.#breakMs)
  }
}
