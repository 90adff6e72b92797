import type { Done } from './job.ts'
import { type Goal, met, type Scenario } from './scenario.ts'

export interface Spread {
  readonly min: number
  readonly median: number
  readonly max: number
}

export interface Row {
  readonly scenario: string
  readonly clients: number
  readonly goal: Goal
  /** Of each variant, over the seeds. */
  readonly values: Readonly<Record<string, Spread>>
  /** Whether every seed of the goal's variant reached it; `undefined` where that was not played, or there is nothing to reach. */
  readonly met: boolean | undefined
}

export function rows(scenarios: readonly Scenario[], all: readonly Done[]): Row[] {
  return scenarios.flatMap((scenario) =>
    scenario.clients.flatMap((clients) =>
      scenario.goals.map((goal): Row => {
        const of = (variant: string): number[] =>
          all.filter(({ job }) => job.scenario === scenario.name && job.clients === clients && job.variant === variant).map(({ measures }) => measures[goal.measure]!)
        const played = [...new Set(all.filter(({ job }) => job.scenario === scenario.name).map(({ job }) => job.variant))]
        const reached = of(goal.of ?? 'spillway')
        return {
          scenario: scenario.name,
          clients,
          goal,
          values: Object.fromEntries(played.filter((variant) => of(variant).length > 0).map((variant) => [variant, spread(of(variant))])),
          met: reached.length === 0 || bound(goal) === '–' ? undefined : reached.every((value) => met(goal, value)),
        }
      }),
    ),
  )
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  return { min: sorted[0] ?? NaN, median: sorted[Math.floor(sorted.length / 2)] ?? NaN, max: sorted.at(-1) ?? NaN }
}

/** A table in Markdown: `median (min … max)` of each variant. `named`: with the scenario's name in each line. */
export function markdown(list: readonly Row[], named = true): string {
  const columns = [...new Set(list.flatMap(({ values }) => Object.keys(values)))]
  const head = [...(named ? ['scenario'] : []), 'clients', 'measure', 'goal', 'best elsewhere', ...columns, 'met']
  const lines = list.map(({ scenario, clients, goal, values, met: reached }) => [
    ...(named ? [scenario] : []),
    String(clients),
    goal.measure,
    bound(goal),
    goal.elsewhere,
    ...columns.map((name) => (values[name] === undefined ? '' : showSpread(values[name]))),
    reached === undefined ? '' : reached ? 'yes' : '**no**',
  ])
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function bound({ atLeast, atMost }: Goal): string {
  if (atLeast !== undefined) return `≥ ${atLeast}`
  return atMost === undefined ? '–' : `≤ ${atMost}`
}

function showSpread({ min, median, max }: Spread): string {
  return min === max || Number.isNaN(min) ? number(median) : `${number(median)} (${number(min)} … ${number(max)})`
}

function number(value: number): string {
  if (Number.isNaN(value)) return '–'
  if (value === Infinity) return 'never'
  return value >= 100 ? String(Math.round(value)) : value.toFixed(Math.abs(value) >= 10 ? 1 : 3)
}
