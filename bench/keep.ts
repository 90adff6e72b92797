// What a full run leaves behind: a page with charts, its goals as data, and from the goals of all Nodes the table in README.md.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { chartsOf } from './charts.ts'
import { usage } from './cli.ts'
import { type Goal, goals } from './goals.ts'
import { pageOf, tableOf } from './report.ts'
import type { Results } from './results.ts'

/** `results/node-<major>.json`. */
interface Kept {
  readonly node: string
  readonly date: string
  readonly goals: readonly Goal[]
}

export function keep(results: Results, folder: string): void {
  const { node, date } = results
  const base = `node-${majorOf(node)}`
  const charts = chartsOf(results).map(([name, svg]) => [`${base}-${name}.svg`, svg] as const)
  const kept: Kept = { node, date, goals: goals(results) }
  const files = [...charts, [`${base}.md`, pageOf(results, charts.map(([file]) => file))], [`${base}.json`, `${JSON.stringify(kept, undefined, 1)}\n`]] as const
  for (const [file, text] of files) writeFileSync(`${folder}/results/${file}`, text)
  writeFileSync(`${folder}/README.md`, readmeOf(folder))
}

const majorOf = (node: string): string => node.slice(1).split('.')[0]!

/** The page of the benches, with the commands of `--help`, and the goals as the results have them now. */
export function readmeOf(folder: string): string {
  const files = readdirSync(`${folder}/results`).filter((name) => /^node-\d+\.json$/.test(name))
  const all = files.map((file) => JSON.parse(readFileSync(`${folder}/results/${file}`, 'utf8')) as Kept).toSorted((a, b) => Number(majorOf(a.node)) - Number(majorOf(b.node)))
  return readFileSync(`${folder}/README.md`, 'utf8')
    .replace(/(?<=```sh\n)npm run bench\b[^]*?(?=\n```)/, () => usage)
    .replace(/(?<=<!-- goals -->\n)[^]*(?=\n<!-- \/goals -->)/, () => tableOfGoals(all))
}

const cell = (found: Goal | undefined): string => (found === undefined ? '' : found.met ? found.measured : `**${found.measured}**`)

/** A column for each Node; what is missed is bold. */
export function tableOfGoals(all: readonly Kept[]): string {
  const names = new Set(all.flatMap((one) => one.goals.map(({ goal }) => goal)))
  const rows = [...names].map((name) => [name, ...all.map((one) => cell(one.goals.find(({ goal }) => goal === name)))])
  const days = all.map(({ node, date }) => `[Node ${node.slice(1)}](results/node-${majorOf(node)}.md), ${date.slice(0, 10)}`)
  return tableOf(['goal', ...days], rows, 1)
}
