import { round, tableOf, times } from './report.ts'
import { ratio, type Results } from './results.ts'
import { median } from './statistics.ts'

/** The tree at hand beside another build, as several processes have seen them. A difference counts if all of them see it. */
export function comparison(processes: readonly Results[], other: string): string {
  const names = processes[0]!.measured.filter(({ subject }) => subject === 'spillway').map(({ row }) => row)
  const rows = names.flatMap((row): string[][] => {
    const pairs = processes.map(({ measured }) => {
      const of = (name: string) => measured.find((one) => one.row === row && one.subject === name)
      return [of('spillway'), of(other)] as const
    })
    const [ours, theirs] = pairs[0]!
    if (ours === undefined || theirs === undefined) return []
    const all = pairs.map(([one, two]) => ratio(one!, two!).median)
    const verdict = all.every((one) => one < 0.97) ? 'faster' : all.every((one) => one > 1.03) ? '**slower**' : ''
    return [[
      row, round(median(ours.samples)), round(median(theirs.samples)), times(median(all)), all.map(times).join(', '), verdict,
      `${round(ours.bytes)} (${round(theirs.bytes)})`, `${ours.promises} (${theirs.promises})`,
    ]]
  })
  const [{ node, machine, subjects }] = processes as readonly [Results]
  const versions = subjects.map(({ name, version }) => `${name} ${version}`).join(', ')
  const head = ['', 'ns', `ns ${other}`, 'ratio', 'by process', '', 'bytes', 'promises']
  return `# ${versions}\n\nNode ${node}. ${machine}. The function's own bytes and promises are counted.\n\n${tableOf(head, rows)}\n`
}
