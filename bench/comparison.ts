import { round, tableOf, times } from './report.ts'
import { ratio, type Results } from './results.ts'
import { median } from './statistics.ts'

/** The tree at hand beside another build, as several processes have seen them. A difference of 3 % counts if none of them sees the contrary. */
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
    const middle = median(all)
    const verdict = middle < 0.97 && all.every((one) => one < 1) ? 'faster' : middle > 1.03 && all.every((one) => one > 1) ? '**slower**' : ''
    return [[
      row, round(median(ours.samples)), round(median(theirs.samples)), times(middle), `${times(Math.min(...all))} to ${times(Math.max(...all))}`, verdict,
      `${round(ours.bytes)} (${round(theirs.bytes)})`, `${ours.promises} (${theirs.promises})`,
    ]]
  })
  const [{ node, machine, subjects }] = processes as readonly [Results]
  const versions = subjects.map(({ name, version }) => `${name} ${version}`).join(', ')
  const head = ['', 'ns', `ns ${other}`, 'ratio', 'by process', '', 'bytes', 'promises']
  return `# ${versions}\n\nNode ${node}. ${machine}. The function's own bytes and promises are counted.\n\n${tableOf(head, rows)}\n`
}
