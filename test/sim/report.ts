import { mkdirSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Done } from './job.ts'
import { plot } from './plot.ts'
import type { Scenario } from './scenario.ts'
import { markdown, rows } from './table.ts'

const folder = resolve(import.meta.dirname, '../../bench/results/sim')

/** The table and the plots of a whole run, as files. */
export function write(scenarios: readonly Scenario[], all: readonly Done[]): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(resolve(folder, 'README.md'), page(scenarios, all))
  for (const scenario of scenarios) {
    const { plot: wanted, name } = scenario
    if (wanted === undefined) continue
    const drawn = wanted.variants.flatMap((variant) => {
      const done = all.find(({ job }) => job.scenario === name && job.variant === variant && job.clients === wanted.clients && job.seed === 1)
      return done === undefined ? [] : [{ variant, series: done.series }]
    })
    writeFileSync(resolve(folder, `${name}.svg`), plot(`${name}, ${wanted.clients} ${wanted.clients === 1 ? 'client' : 'clients'}`, drawn))
  }
}

function page(scenarios: readonly Scenario[], all: readonly Done[]): string {
  const list = rows(scenarios, all)
  const asked = list.filter(({ met }) => met !== undefined)
  const missed = asked.filter(({ met }) => met === false)
  const seeds = new Set(all.map(({ job }) => job.seed)).size
  return `# Scenarios with goals

Written by \`npm run sim\`: ${all.length} runs, ${seeds} seeds each. [How it works](../../../test/sim/README.md). Values are \`median (min … max)\` over the seeds; a goal is
met when every seed meets it. \`naive\` retries without a budget, \`breaker\` and \`opossum\` add the book's breaker with the defaults of this library and of opossum;
\`spillway\` is [one pipeline](../../../test/sim/recommended.ts) for all scenarios.

**${asked.length - missed.length} of ${asked.length} goals are met.**${missed.length === 0 ? '' : ' Missed:'}

${missed.map(({ scenario, clients, goal, values }) => `- ${scenario}, ${clients === 1 ? '1 client' : `${clients} clients`}: ${goal.measure} ${bound(goal)}, reached ${spreadOf(values[goal.of ?? 'spillway'])}`).join('\n')}

${scenarios.map((scenario) => section(scenario, all)).join('\n')}`
}

const bound = ({ atLeast, atMost }: { readonly atLeast?: number; readonly atMost?: number }): string => (atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`)
const spreadOf = (value: { readonly min: number; readonly max: number } | undefined): string => (value === undefined ? 'nothing' : `${value.min.toFixed(3)} to ${value.max.toFixed(3)}`)

function section(scenario: Scenario, all: readonly Done[]): string {
  const { name, setUp, note, plot: wanted } = scenario
  const picture = wanted === undefined ? '' : `\n![${name}](${name}.svg)\n`
  return `## ${name}

${setUp}.

${markdown(rows([scenario], all), false)}
${note === undefined ? '' : `\n${note}.\n`}${picture}`
}
