// npm run sim                                              plays everything and writes bench/results/sim
// npm run sim -- brownout --seeds 3 --clients 10 --variant naive,spillway
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import { type Done, type Job, variantsOf } from './job.ts'
import { playAll } from './pool.ts'
import { write } from './report.ts'
import type { Scenario } from './scenario.ts'
import { scenarios } from './scenarios/index.ts'
import { markdown, rows } from './table.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '5' },
    clients: { type: 'string' },
    variant: { type: 'string' },
    with: { type: 'string' },
    processes: { type: 'string', default: '2' },
    series: { type: 'string' },
    save: { type: 'string' },
    load: { type: 'string' },
    times: { type: 'boolean', default: false },
  },
})
const more = values.with === undefined ? undefined : resolve(values.with)
const builtIn = await variantsOf(undefined)
const known = await variantsOf(more)
const chosen = scenarios
  .filter(({ name }) => positionals.length === 0 || positionals.some((prefix) => name.startsWith(prefix)))
  .map((scenario): Scenario => ({
    ...scenario,
    clients: values.clients?.split(',').map(Number) ?? scenario.clients,
    variants: values.variant?.split(',') ?? [...scenario.variants, ...Object.keys(known).filter((name) => !(name in builtIn))],
  }))
if (chosen.length === 0) throw new RangeError(`no scenario begins with ${positionals.join(' or ')}; there are ${scenarios.map(({ name }) => name).join(', ')}`)

/** What is compared with is played for one size of the fleet, unless another is asked for. */
const sizes = ({ clients, goals, plot }: Scenario, variant: string): readonly number[] =>
  values.clients !== undefined || goals.some(({ of = 'spillway' }) => of === variant) ? clients : [plot?.clients ?? (clients.includes(10) ? 10 : clients[0]!)]

const jobs = chosen.flatMap((scenario) =>
  scenario.variants.flatMap((variant) =>
    sizes(scenario, variant).flatMap((clients) => Array.from({ length: Number(values.seeds) }, (_, i): Job => ({ scenario: scenario.name, variant, clients, seed: i + 1, more }))),
  ),
)
const began = performance.now()
const earlier = values.load === undefined ? [] : (deserialize(readFileSync(values.load)) as Done[])
const played = await playAll(jobs, Number(values.processes), ({ job, ms }) => {
  if (process.stderr.isTTY) process.stderr.write(`\r${job.scenario} ${job.variant} ${job.clients} ${job.seed}: ${Math.round(ms)} ms      `)
})
const all = [...played, ...earlier.filter(({ job }) => !jobs.some((done) => isDeepStrictEqual({ ...done, more: undefined }, { ...job, more: undefined })))]
if (values.save !== undefined) writeFileSync(values.save, serialize(all))
process.stdout.write(`${markdown(rows(chosen, all))}\n\n${jobs.length} runs in ${((performance.now() - began) / 1_000).toFixed(1)} s\n`)
// Only a whole run is worth keeping, or parts played again of one.
if (values.load !== undefined) write(scenarios, all)
else if (positionals.length === 0 && values.clients === undefined && values.variant === undefined && more === undefined) write(chosen, all)
if (values.times) {
  for (const { job, ms } of all.toSorted((a, b) => b.ms - a.ms)) process.stdout.write(`${job.scenario} ${job.variant} ${job.clients} ${job.seed}: ${Math.round(ms)} ms\n`)
}
for (const name of values.series?.split(',') ?? []) {
  for (const { job, series } of all.filter(({ job }) => job.seed === 1)) {
    process.stdout.write(`\n${job.scenario} ${job.variant} ${job.clients} clients, ${name}: ${(series[name] ?? []).map((n) => Math.round(n * 100) / 100).join(' ')}\n`)
  }
}
