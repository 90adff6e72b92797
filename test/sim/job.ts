import type { Played } from './play.ts'
import { scenarios } from './scenarios/index.ts'
import { variants as known, type Variant } from './variants.ts'

/** One run, as plain data: it may be done by another process. */
export interface Job {
  readonly scenario: string
  readonly variant: string
  readonly clients: number
  readonly seed: number
  /** A module that exports more `variants`. */
  readonly more?: string | undefined
}

export interface Done extends Played {
  readonly job: Job
  /** Of processor time. */
  readonly ms: number
}

export async function variantsOf(more: string | undefined): Promise<Readonly<Record<string, Variant>>> {
  if (more === undefined) return known
  const module = (await import(more)) as { readonly variants: Readonly<Record<string, Variant>> }
  return { ...known, ...module.variants }
}

export async function perform(job: Job): Promise<Done> {
  const { seed, clients } = job
  const scenario = scenarios.find(({ name }) => name === job.scenario)
  const variant = (await variantsOf(job.more))[job.variant]
  if (scenario === undefined || variant === undefined) throw new RangeError(`no scenario ${job.scenario} or no variant ${job.variant}`)
  const began = process.cpuUsage()
  const played = await scenario.play({ seed, clients, variant })
  const { user, system } = process.cpuUsage(began)
  return { job, ms: (user + system) / 1_000, ...played }
}
