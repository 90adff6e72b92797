import type { Outcome, Verdict } from 'spillway'

/** What a guard is told at the end. */
interface Told {
  readonly verdict: Verdict
  readonly endedBy: string
}

/** What comes out of a nested policy: an outcome, what its neighbours in the stage are told of it, and what is yet to be released. */
interface Passed {
  readonly outcome: Outcome<unknown>
  readonly told: Told
  readonly releases: readonly (() => void)[]
}

/** The guard of the oracle: it answers at once, later, no, or throws. */
export interface OracleGuard {
  readonly kind: 'guard'
  admit(): Promise<boolean>
  settle(told: Told): void
  release(): void
}

/** The layer of the oracle: it is shown each outcome, and says another or `'again'`. */
export interface OracleLayer {
  readonly kind: 'layer'
  after(outcome: Outcome<unknown>, tries: number): Outcome<unknown> | 'again'
}

export type OraclePolicy = OracleGuard | OracleLayer

const refusal: Told = { verdict: 'unused', endedBy: 'refusal' }

/** The naive nested interpreter: admit, then what is inside, then settle, then (once the stage is through) release. */
export async function nested([policy, ...inside]: readonly OraclePolicy[], work: () => Promise<Outcome<unknown>>, report: (error: unknown) => void): Promise<Passed> {
  if (policy === undefined) return plain(await work(), 'work')
  if (policy.kind === 'layer') {
    for (let tries = 1; ; tries++) {
      const { outcome, told, releases } = await nested(inside, work, report)
      for (const release of releases) release()
      const said = policy.after(outcome, tries)
      if (said !== 'again') return plain(said, said === outcome && outcome.verdict === 'unused' ? told.endedBy : 'work')
    }
  }
  try {
    if (!(await policy.admit())) return { outcome: { ok: false, error: 'refused', verdict: 'unused' }, told: refusal, releases: [] }
  } catch (error) {
    return { outcome: { ok: false, error, verdict: 'ignored' }, told: refusal, releases: [] }
  }
  const { outcome, told, releases } = await nested(inside, work, report)
  guarded(report, () => policy.settle(told))
  return { outcome, told, releases: [...releases, () => guarded(report, () => policy.release())] }
}

function plain(outcome: Outcome<unknown>, endedBy: string): Passed {
  return { outcome, told: { verdict: outcome.verdict, endedBy }, releases: [] }
}

function guarded(report: (error: unknown) => void, hook: () => void): void {
  try {
    hook()
  } catch (error) {
    report(error)
  }
}
